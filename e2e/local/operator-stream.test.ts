import { createHash, X509Certificate } from "node:crypto";
import { createAuthority } from "@sallyport/cli/identity";
import { adminVersion, decodeRouter, encodeOperator, type RouterMessage } from "@sallyport/proto/admin";
import type { TunnelError } from "@sallyport/proto/error";
import { routeHash } from "@sallyport/proto/route-hash";
import { parseIntranetConfig } from "@sallyport/proto/router-config";
import { startIntranetRouter } from "@sallyport/router-intranet/router";
import { dialGrpc } from "@sallyport/tunnel/grpc-client";
import { type Identity, spiffeId } from "@sallyport/tunnel/identity";
import type { RunningRouter } from "@sallyport/tunnel/process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "./dev-process.ts";

/** An operator asks a real R2 over mutual TLS what it serves. */

const tunnel = "default/partners";
const authority = await createAuthority("sallyport", tunnel);
const [intranet, operator, dmz] = await Promise.all(
  (["intranet", "operator", "dmz"] as const).map((role) => authority.issue(role)),
);
const stranger = await (await createAuthority("sallyport", tunnel)).issue("operator");
const neighbour = await (await createAuthority("sallyport", "default/others")).issue("operator");

const route = (name: string, port: number) => ({
  ...{ apiVersion: "sallyport.dev/v1alpha1", kind: "TunnelRoute", metadata: { name, namespace: "default" } },
  spec: { parentRefs: [{ name: "partners" }], backendRefs: [{ url: `http://127.0.0.1:${port}` }] },
});
const stray = { ...route("stray", 9002), spec: { ...route("stray", 9002).spec, parentRefs: [{ name: "others" }] } };

let config: object;
let router: RunningRouter;

beforeAll(async () => {
  const anyPort = { address: "127.0.0.1", port: 0 };
  config = {
    ...{ tunnel, identity: intranet, admin: anyPort, operator: anyPort, log: { level: "error" } },
    dmz: [{ name: "r1-0", address: "127.0.0.1", port: await freePort() }],
    routes: [route("calc", 9000), stray],
    origin: {
      ...{ config: "c0ffee", routes: "generation 1" },
      refused: [{ namespace: "default", name: "bad", problem: "spec: is missing" }],
    },
  };
  router = await startIntranetRouter(config, () => {});
});

afterAll(() => router.drain());

/** Subscribes, and remembers what it hears. */
function watch(identity: Identity) {
  const heard: RouterMessage[] = [];
  let wake = (): void => {};
  let ended: { readonly error: TunnelError | undefined } | undefined;
  const { operator: port = 0 } = router.ports;
  const peerId = spiffeId("sallyport", tunnel, "intranet");
  const transport = dialGrpc("watch", { address: "127.0.0.1", port, identity, peerId });
  transport.listen({
    onReady: () => {
      const subscribe = { protocol: adminVersion, software: "test" };
      transport.send(encodeOperator({ t: "subscribe", subscribe }));
    },
    onBatch: (batch) => {
      heard.push(decodeRouter(batch));
      wake();
    },
    onSent: () => {},
    onClosed: (error) => {
      ended = { error };
      wake();
    },
  });
  const until = async <T>(look: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    /** The message of that kind, the newest first. */
    next: <Kind extends RouterMessage["t"]>(kind: Kind) =>
      until(() => {
        const index = heard.findIndex(({ t }) => t === kind);
        return index < 0 ? undefined : (heard.splice(index, 1)[0] as Extract<RouterMessage, { t: Kind }>);
      }),
    end: () => until(() => ended),
    close: () => transport.close(),
  };
}

describe("an operator", () => {
  it("hears what R2 serves, what it refused and why, and what it runs with", async () => {
    const { next, close, end } = watch(operator!);
    expect((await next("hello")).hello).toMatchObject({ tunnel, protocol: adminVersion });
    const calc = parseIntranetConfig(config).routes[0]!;
    expect((await next("routes")).routes).toStrictEqual({
      routes: [
        { namespace: "default", name: "calc", hash: routeHash(calc), refused: "", problem: "" },
        {
          ...{ namespace: "default", name: "stray", hash: "", problem: "" },
          refused: "no parentRef names this tunnel, default/partners",
        },
        { namespace: "default", name: "bad", hash: "", refused: "spec: is missing", problem: "" },
      ],
      more: false,
    });
    expect((await next("uplinks")).uplinks.uplinks).toMatchObject([{ name: "r1-0", links: 0 }]);
    const leaf = new X509Certificate(intranet!.certificateChain);
    const digest = (pem: string) => createHash("sha256").update(new X509Certificate(pem).raw).digest("hex");
    expect((await next("configuration")).configuration).toStrictEqual({
      ...{ config: "c0ffee", configRefused: "", needsRestart: [], routes: "generation 1", routesWaiting: "" },
      ...{ certificate: digest(intranet!.certificateChain), trustedCas: [digest(intranet!.trustedCas)] },
      certificateExpires: leaf.validToDate.getTime() / 1_000,
    });
    close();
    expect((await end()).error).toBeUndefined();
  });

  it("hears of other routes and of a refused configuration", async () => {
    const { next, close } = watch(operator!);
    await next("routes");
    await next("configuration");
    const origin = { config: "c0ffee", routes: "generation 2", refused: [] };
    router.reload({ t: "read", config: { ...config, routes: [route("calc", 9001)], origin } });
    const { routes } = await next("routes");
    expect(routes.routes.map(({ name, refused }) => [name, refused])).toStrictEqual([["calc", ""]]);
    expect((await next("configuration")).configuration).toMatchObject({ routes: "generation 2", configRefused: "" });
    router.reload({ t: "unreadable", message: "there is no such file" });
    expect((await next("configuration")).configuration).toMatchObject({
      ...{ routes: "generation 2", configRefused: "there is no such file" },
    });
    close();
  });

  it.each([
    ["R1's", dmz!, /PERMISSION_DENIED: the peer's certificate names .*\/dmz; this tunnel expects .*\/operator$/],
    ["R2's own", intranet!, /PERMISSION_DENIED: the peer's certificate names .*\/intranet/],
  ])("with %s identity is refused", async (_, identity, message) => {
    const { end } = watch(identity);
    expect((await end()).error).toMatchObject({ code: "POLICY", message: expect.stringMatching(message) });
  });

  it.each([
    ["another tunnel's", neighbour],
    ["another CA's", stranger],
  ])("with %s identity gets no connection", async (_, { certificateChain, privateKey }) => {
    // It trusts R2, so that R2 must be the one to refuse.
    const { end } = watch({ certificateChain, privateKey, trustedCas: operator!.trustedCas });
    expect((await end()).error).toMatchObject({ code: "LINK_LOST" });
  });

  it("is turned away when four are there, and comes in when one of them has gone", async () => {
    const four = Array.from({ length: 4 }, () => watch(operator!));
    await Promise.all(four.map(({ next }) => next("hello")));
    const fifth = watch(operator!);
    expect((await fifth.end()).error).toMatchObject({
      ...{ code: "OVERLOADED", message: "RESOURCE_EXHAUSTED: this R2 has 4 operators already" },
    });
    four[0]!.close();
    await four[0]!.end();
    const next = watch(operator!);
    await next.next("hello");
    for (const each of [...four, next]) each.close();
  });
});
