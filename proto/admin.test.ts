import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  adminBytesMax,
  decodeOperator,
  decodeRouter,
  encodeOperator,
  encodeRouter,
  type OperatorMessage,
  type RouterMessage,
  type UplinkStateName,
  type UplinkStatus,
  watchPath,
} from "./admin.ts";
import { definitions } from "./definitions.ts";
import type { Unknown } from "./message-codec.ts";

const protocol = { major: 1, minor: 0 };
const digest = "ab".repeat(32);
const uplink: UplinkStatus = {
  ...{ name: "r1-0", state: "active", roundTripUs: 350, links: 4, lastError: "silent for 4000 ms" },
  peerCertificate: digest,
};

const operatorMessages: readonly Exclude<OperatorMessage, Unknown>[] = [
  { t: "subscribe", subscribe: { protocol, software: "sallyport 0.1.0" } },
  { t: "ping", ping: { nonce: Number.MAX_SAFE_INTEGER, ack: false } },
];

const routerMessages: readonly Exclude<RouterMessage, Unknown>[] = [
  { t: "hello", hello: { protocol, tunnel: "shop/calc", instanceId: "a1", software: "sallyport 0.1.0 – ü" } },
  { t: "ping", ping: { nonce: 1, ack: true } },
  {
    t: "routes",
    routes: {
      routes: [
        { namespace: "shop", name: "calc", hash: "0123456789abcdef", refused: "", problem: "names a Service" },
        { namespace: "shop", name: "bad", hash: "", refused: "spec: is missing", problem: "" },
      ],
      more: true,
    },
  },
  { t: "uplinks", uplinks: { uplinks: [uplink, { ...uplink, state: "stopped" }] } },
  {
    t: "configuration",
    configuration: {
      ...{ config: digest, configRefused: "", needsRestart: ["admin.port"], routes: "g7", routesWaiting: "" },
      ...{ certificate: digest, certificateExpires: 4_102_444_800, trustedCas: [digest, digest] },
    },
  },
];

describe("messages of the operator's stream", () => {
  it.each(operatorMessages.map((sent) => [sent.t, sent] as const))(
    "%s from the operator arrives as sent",
    (_, sent) => {
      expect(decodeOperator(encodeOperator(sent))).toStrictEqual(sent);
    },
  );

  it.each(routerMessages.map((sent) => [sent.t, sent] as const))("%s from R2 arrives as sent", (_, sent) => {
    expect(decodeRouter(encodeRouter(sent))).toStrictEqual(sent);
  });

  it("number the states of an uplink as admin.proto does", () => {
    const numbered = definitions["sallyport.admin.v1.UplinkState"] as unknown as {
      readonly type: { readonly value: readonly { readonly name: string; readonly number: number }[] };
    };
    for (const { name, number } of numbered.type.value.slice(1)) {
      const state = name.slice("UPLINK_STATE_".length).toLowerCase() as UplinkStateName;
      const bytes = encodeRouter({ t: "uplinks", uplinks: { uplinks: [{ ...uplink, name: "", state }] } });
      expect([state, bytes.includes(Buffer.from([0x10, number]))]).toStrictEqual([state, true]);
    }
  });

  it("are unknown when a newer peer sent a member or a state that we do not have", () => {
    expect(decodeOperator(Buffer.from([0x7a, 1, 0]))).toStrictEqual({ t: "unknown" });
    expect(decodeRouter(Buffer.alloc(0))).toStrictEqual({ t: "unknown" });
    const state99 = Buffer.from([0x22, 4, 0x0a, 2, 0x10, 99]);
    expect(decodeRouter(state99)).toMatchObject({ uplinks: { uplinks: [{ name: "", state: "unknown" }] } });
  });

  it("fill in the defaults of what the peer left out", () => {
    expect(decodeOperator(Buffer.from([0x0a, 0]))).toStrictEqual({
      t: "subscribe",
      subscribe: { protocol: { major: 0, minor: 0 }, software: "" },
    });
  });

  it("refuse more than a mebibyte, both ways", () => {
    const software = "x".repeat(adminBytesMax);
    const message = /^OperatorMessage of \d+ bytes is over the limit of 1048576$/;
    expect(() => encodeOperator({ t: "subscribe", subscribe: { protocol, software } })).toThrow(message);
    expect(() => decodeOperator(Buffer.alloc(adminBytesMax + 1))).toThrow(message);
    expect(() => decodeRouter(Buffer.alloc(adminBytesMax + 1))).toThrow("RouterMessage of 1048577 bytes");
  });

  it("throw nothing but PROTOCOL, whatever arrives", () => {
    const whole = [...operatorMessages.map(encodeOperator), ...routerMessages.map(encodeRouter)];
    const mutated = fc.tuple(fc.constantFrom(...whole), fc.nat(), fc.nat(255)).map(([bytes, place, value]) => {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[place % changed.length] = value;
      return changed.subarray(0, changed.length - (place % 3));
    });
    fc.assert(
      fc.property(mutated, (bytes) => {
        for (const decode of [decodeOperator, decodeRouter]) {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toMatchObject({ name: "TunnelError", code: "PROTOCOL" });
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("have the path of admin.proto", () => {
    expect(definitions["sallyport.admin.v1.Admin"]).toMatchObject({ Watch: { path: watchPath } });
  });
});
