import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { definitions } from "./definitions.ts";
import { TunnelError } from "./error.ts";
import type { Limits } from "./frame.ts";
import {
  carryPath,
  type DmzMessage,
  decodeDmz,
  decodeIntranet,
  encodeDmz,
  encodeIntranet,
  type Hello,
  type IntranetMessage,
  managementBytesMax,
  managePath,
} from "./manage.ts";
import type { Unknown } from "./message-codec.ts";

const limits: Limits = {
  callsPerLink: 256,
  initialWindowBytes: 65536,
  windowMaxBytes: 2 ** 32 - 1,
  memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
};
const greeting = {
  protocol: { major: 1, minor: 3 },
  tunnel: "shop/calc",
  instanceId: "a1b2",
  workerId: "0",
  software: "sallyport 0.1.0 – ü",
  limits,
};
const hello: Hello = { ...greeting, takesSpans: true, keepLinks: true };

const intranetMessages: readonly Exclude<IntranetMessage, Unknown>[] = [
  { t: "hello", hello },
  { t: "ping", ping: { nonce: Number.MAX_SAFE_INTEGER, ack: true } },
  { t: "linkOrderResult", linkOrderResult: { order: 7, opened: 2, failed: 1, message: "connection refused" } },
  { t: "drain", drain: { deadlineMs: 25_000 } },
  { t: "routeReport", routeReport: { routes: [{ namespace: "shop", name: "calc", hash: "sha256:1" }], more: true } },
  { t: "routeReport", routeReport: { routes: [], more: false } },
  {
    t: "certificateAnswer",
    certificateAnswer: { request: 1, chain: [Buffer.from([0x30, 0xff])], trusted: [Buffer.from("ca")], error: "" },
  },
  {
    t: "certificateAnswer",
    certificateAnswer: { request: 0, chain: [], trusted: [Buffer.from("old ca"), Buffer.from("new ca")], error: "" },
  },
];

const dmzMessages: readonly Exclude<DmzMessage, Unknown>[] = [
  { t: "welcome", welcome: { ...greeting, dmzInstances: 2, heartbeatMs: 1000 } },
  { t: "ping", ping: { nonce: 0, ack: false } },
  { t: "openLinks", openLinks: { order: 2 ** 40, count: 3 } },
  { t: "closeLinks", closeLinks: { linkIds: ["a", "b"] } },
  { t: "drain", drain: { deadlineMs: 0 } },
  { t: "certificateRequest", certificateRequest: { request: 9, csr: Buffer.from([1, 2, 3]) } },
  { t: "spans", spans: { otlp: Buffer.from([0x0a, 0]), count: 2 ** 32 - 1 } },
];

describe("management messages", () => {
  it.each(intranetMessages.map((message) => [message.t, message] as const))("%s from R2 arrives as sent", (_, sent) => {
    expect(decodeIntranet(encodeIntranet(sent))).toStrictEqual(sent);
  });

  it.each(dmzMessages.map((message) => [message.t, message] as const))("%s from R1 arrives as sent", (_, sent) => {
    expect(decodeDmz(encodeDmz(sent))).toStrictEqual(sent);
  });

  it("fill in the defaults of what the peer left out", () => {
    const none: Limits = { callsPerLink: 0, initialWindowBytes: 0, windowMaxBytes: 0, memoryBudgetBytes: 0 };
    const nothing = { protocol: { major: 0, minor: 0 }, tunnel: "", instanceId: "", workerId: "", software: "" };
    const emptyFirstMember = Buffer.from([0x0a, 0]);
    expect(decodeIntranet(emptyFirstMember)).toStrictEqual({
      t: "hello",
      hello: { ...nothing, limits: none, takesSpans: false, keepLinks: false },
    });
    expect(decodeDmz(emptyFirstMember)).toStrictEqual({
      t: "welcome",
      welcome: { ...nothing, limits: none, dmzInstances: 0, heartbeatMs: 0 },
    });
  });

  it("are unknown when a newer peer sent a member that we do not have", () => {
    const field15 = Buffer.from([0x7a, 1, 0]);
    expect(decodeIntranet(field15)).toStrictEqual({ t: "unknown" });
    expect(decodeDmz(field15)).toStrictEqual({ t: "unknown" });
    expect(decodeDmz(Buffer.alloc(0))).toStrictEqual({ t: "unknown" });
  });

  it("skip the fields of a newer peer", () => {
    const drain = Buffer.from([0x22, 6, 0x08, 5, 0xaa, 1, 1, 0]);
    expect(decodeIntranet(drain)).toStrictEqual({ t: "drain", drain: { deadlineMs: 5 } });
  });

  it.each([
    ["a length beyond the message", "0a7f00", "malformed IntranetMessage of 3 bytes: index out of range"],
    ["a nonce over 2^53 - 1", "120b08ffffffffffffffffff01", "malformed IntranetMessage: ping.nonce is 184467440737"],
    ["a budget over 2^53 - 1", "0a0b3209208080808080808010", "malformed IntranetMessage: hello.limits.memoryBudget"],
  ])("refuse %s with PROTOCOL", (_, hex, message) => {
    const error = thrown(() => decodeIntranet(Buffer.from(hex, "hex")));
    expect(error).toBeInstanceOf(TunnelError);
    expect(error).toMatchObject({ code: "PROTOCOL", message: expect.stringContaining(message) });
  });

  it("refuse to send a number that would arrive as another", () => {
    const message = "IntranetMessage: drain.deadlineMs is a whole number from 0 to 4294967295, not 4294967296";
    expect(() => encodeIntranet({ t: "drain", drain: { deadlineMs: 2 ** 32 } })).toThrow(
      new TunnelError("PROTOCOL", message),
    );
    expect(() => encodeDmz({ t: "ping", ping: { nonce: 2 ** 53, ack: false } })).toThrow(TunnelError);
    expect(() => encodeDmz({ t: "openLinks", openLinks: { order: 1, count: 0.5 } })).toThrow(TunnelError);
    expect(() => encodeDmz({ t: "drain", drain: { deadlineMs: -1 } })).toThrow(TunnelError);
  });

  it("refuse more than a mebibyte, both ways", () => {
    const spans = (bytes: number): Exclude<DmzMessage, Unknown> => ({
      t: "spans",
      spans: { otlp: Buffer.alloc(bytes), count: 0 },
    });
    const overhead = 10;
    expect(encodeDmz(spans(managementBytesMax - overhead)).length).toBe(managementBytesMax);
    const message = `DmzMessage of ${managementBytesMax + 1} bytes is over the limit of ${managementBytesMax}`;
    expect(() => encodeDmz(spans(managementBytesMax - overhead + 1))).toThrow(new TunnelError("PROTOCOL", message));
    expect(() => decodeDmz(Buffer.alloc(managementBytesMax + 1))).toThrow(new TunnelError("PROTOCOL", message));
  });

  it("throw nothing but PROTOCOL, whatever arrives", () => {
    const whole = [...intranetMessages.map(encodeIntranet), ...dmzMessages.map(encodeDmz)];
    const mutated = fc.tuple(fc.constantFrom(...whole), fc.nat(), fc.nat(255)).map(([bytes, place, value]) => {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[place % changed.length] = value;
      return changed.subarray(0, changed.length - (place % 3));
    });
    const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(mutated, random), (bytes) => {
        for (const decode of [decodeIntranet, decodeDmz]) {
          const error = thrown(() => decode(bytes));
          if (error !== undefined) expect(error).toMatchObject({ name: "TunnelError", code: "PROTOCOL" });
        }
      }),
      { numRuns: 500 },
    );
  });

  it("do not exhaust the stack on nested groups", () => {
    expect(thrown(() => decodeDmz(Buffer.alloc(managementBytesMax, 0x0b)))).toMatchObject({ code: "PROTOCOL" });
  });
});

describe("the gRPC paths", () => {
  it("are those of tunnel.proto", () => {
    const service = definitions["sallyport.tunnel.v1.Tunnel"];
    expect(service).toMatchObject({ Manage: { path: managePath }, Carry: { path: carryPath } });
  });
});

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
