import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check, pathText } from "./problem.ts";
import { parseDmzConfig, parseIntranetConfig } from "./router-config.ts";
import { dmzTracing, intranetTracing } from "./tracing-config.ts";

const url = "http://collector:4318/v1/traces";
const common = { sampleRatio: 1, queueSpans: 2_048, batchDelayMs: 5_000 };

describe("tracing", () => {
  test("of R1 has every default filled in", () => {
    expect(dmzTracing.parse({})).toEqual({ ...common, serviceName: "sallyport-r1" });
  });

  test("of R2 has every default filled in", () => {
    const otlp = { url, headers: {}, timeoutMs: 10_000 };
    expect(intranetTracing.parse({ otlp: { url } })).toEqual({ ...common, serviceName: "sallyport-r2", otlp });
    expect(intranetTracing.parse(intranetTracing.parse({ otlp: { url } }))).toMatchObject({ otlp });
  });

  test.each<[string, object, string]>([
    ["no endpoint", {}, "otlp is missing; give a mapping"],
    ["another scheme", otlp({ url: "grpc://collector:4317" }), "otlp.url is no http:// or https:// URL; give such as"],
    ["no URL", otlp({ url: "collector:4318" }), "otlp.url is no http:// or https:// URL; give such as"],
    ["credentials in the URL", otlp({ url: "https://u:p@c/v1/traces" }), "otlp.url holds a user's name; put credent"],
    ["a fragment", otlp({ url: `${url}#x` }), "otlp.url has a fragment"],
    ["a header that is the exporter's", otlp({ headers: { "Content-Type": "x" } }), "otlp.headers has content-type"],
    ["a header of two lines", otlp({ headers: { a: "b\r\nc: d" } }), "otlp.headers.a is no header value"],
    ["no header name", otlp({ headers: { "a b": "c" } }), "otlp.headers has a name that no header can have"],
    ["too many headers", otlp({ headers: manyHeaders(33) }), "otlp.headers has more than 32 headers"],
    ["a CA that is none", otlp({ ca: "x" }), "otlp.ca is no PEM text of certificates"],
    ["more than all calls", { ...otlp({}), sampleRatio: 1.1 }, "sampleRatio 1.1 is more than 1, the most allowed"],
  ])("refuses %s", (_, tracing, problem) => {
    const checked = check(intranetTracing, tracing, (path) => path[0] === "otlp");
    const problems = checked.t === "bad" ? checked.problems : [];
    expect(problems.map(({ path, message }) => `${pathText(path)} ${message}`)).toEqual([
      expect.stringContaining(problem),
    ]);
  });

  test("takes as many headers as are allowed, whatever their case", () => {
    expect(intranetTracing.parse(otlp({ headers: manyHeaders(32) })).otlp.headers).toEqual(manyHeaders(32));
  });

  test("is R2's endpoint alone: R1 dials nothing", () => {
    expect(() => parseDmzConfig({ tracing: otlp({}) })).toThrow("tracing.otlp: is not a known key");
  });

  test("shows nothing of its endpoint, wherever in it the secret stands", () => {
    const secret = "s3cr3t-TOKEN";
    const wrong = fc.oneof(
      fc.constant(secret),
      fc.constant({ [secret]: secret }),
      fc.constant({ url: `https://x:${secret}@c/` }),
      fc.constant({ url: `ftp://c/?key=${secret}` }),
      fc.constant({ url, headers: secret }),
      fc.constant({ url, headers: { authorization: `${secret}\n` } }),
      fc.constant({ url, headers: { [`authorization: ${secret}`]: "" } }),
      fc.constant({ url, headers: { [`authorization: ${secret}`]: 5 } }),
      fc.constant({ url, header: { authorization: secret } }),
    );
    fc.assert(
      fc.property(wrong, (endpoint) => {
        expect(messageOf(() => parseIntranetConfig({ tracing: { otlp: endpoint } }))).not.toContain(secret);
      }),
    );
  });
});

function otlp(fields: object): object {
  return { otlp: { url, ...fields } };
}

function manyHeaders(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`X-Header-${i}`, "v"]));
}

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return String((error as Error).stack);
  }
  throw new Error("nothing was thrown");
}
