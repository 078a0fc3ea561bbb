import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { jsonText } from "./access-log.ts";
import { CallMetrics } from "./call-metrics.ts";

describe("text in an access log line", () => {
  it.each([
    ["", '""'],
    ["/orders/1", '"/orders/1"'],
    ['a"b', '"a\\"b"'],
    ["a\\b", '"a\\\\b"'],
    ["a\nb", '"a\\nb"'],
    ["\u0000", '"\\u0000"'],
    ["ä", '"ä"'],
    ["\u007f", '"\u007f"'],
    ["\ud800", '"\\ud800"'],
  ])("%j is written as %s", (text, json) => {
    expect(jsonText(text)).toBe(json);
    expect(JSON.parse(json)).toBe(text);
  });
});

describe("calls that have ended", () => {
  const call = { status: 200, error: "", requestBytes: 3, responseBytes: 5, durationMs: 7 } as const;

  it("are counted by name, class of status and error, with their bytes", async () => {
    const { registry, metrics } = create();
    metrics.done("web", call);
    metrics.done("web", { ...call, status: 204 });
    metrics.done("web", { ...call, status: 0, error: "CANCELLED", requestBytes: 0 });
    metrics.done("other web", { ...call, status: 999 });
    expect(await linesOf(registry, "sallyport_calls_total")).toStrictEqual([
      'sallyport_calls_total{listener="web",status="2xx",error=""} 2',
      'sallyport_calls_total{listener="web",status="none",error="CANCELLED"} 1',
      'sallyport_calls_total{listener="other web",status="9xx",error=""} 1',
    ]);
    expect(await linesOf(registry, "sallyport_call_bytes_total")).toStrictEqual([
      'sallyport_call_bytes_total{listener="web",direction="request"} 6',
      'sallyport_call_bytes_total{listener="web",direction="response"} 15',
      'sallyport_call_bytes_total{listener="other web",direction="request"} 3',
      'sallyport_call_bytes_total{listener="other web",direction="response"} 5',
    ]);
    // A page asked for twice counts nothing twice.
    expect(await linesOf(registry, "sallyport_calls_total")).toHaveLength(3);
    expect((await linesOf(registry, "sallyport_calls_total"))[0]).toContain(" 2");
  });

  it("fill a histogram of their durations by outcome", async () => {
    const { registry, metrics } = create();
    for (const durationMs of [0.5, 1, 7, 70_000]) metrics.done("web", { ...call, durationMs });
    const lines = await linesOf(registry, "sallyport_call_duration_seconds");
    expect(lines.filter((line) => /le="(0.001|0.0025|0.01|60|\+Inf)"/.test(line))).toStrictEqual([
      'sallyport_call_duration_seconds_bucket{le="0.001",outcome="ok"} 2',
      'sallyport_call_duration_seconds_bucket{le="0.0025",outcome="ok"} 2',
      'sallyport_call_duration_seconds_bucket{le="0.01",outcome="ok"} 3',
      'sallyport_call_duration_seconds_bucket{le="60",outcome="ok"} 3',
      'sallyport_call_duration_seconds_bucket{le="+Inf",outcome="ok"} 4',
    ]);
    expect(lines.slice(-2)).toStrictEqual([
      'sallyport_call_duration_seconds_sum{outcome="ok"} 70.0085',
      'sallyport_call_duration_seconds_count{outcome="ok"} 4',
    ]);
  });

  it("of more than 500 names are counted as other", async () => {
    const { registry, metrics } = create();
    for (let name = 0; name < 600; name++) metrics.done(`web ${name}`, call);
    const lines = await linesOf(registry, "sallyport_calls_total");
    expect(lines).toHaveLength(501);
    expect(lines.at(-1)).toBe('sallyport_calls_total{listener="other",status="2xx",error=""} 100');
  });
});

function create() {
  const registry = new Registry();
  return { registry, metrics: new CallMetrics(registry, "listener") };
}

async function linesOf(registry: Registry, name: string): Promise<string[]> {
  return (await registry.metrics()).split("\n").filter((line) => line.startsWith(name));
}
