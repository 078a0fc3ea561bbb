import { createAuthority } from "@sallyport/cli/identity";
import { systemClock } from "@sallyport/operator/clock";
import { shardRoutes } from "@sallyport/operator/desired/route-shards";
import { openGrpcWatch } from "@sallyport/operator/report/grpc-watch";
import { ReportStream } from "@sallyport/operator/report/report-stream";
import { routeProgrammed } from "@sallyport/operator/status/route-status";
import { env, sampleFacts, sampleRoute, sampleTunnel } from "@sallyport/operator/testing/sample";
import { judgeRoutes } from "@sallyport/operator/validate/route-verdict";
import { readShard } from "@sallyport/proto/route-shards";
import { startIntranetRouter } from "@sallyport/router-intranet/router";
import { spiffeId } from "@sallyport/tunnel/identity";
import { expect, it } from "vitest";
import { freePort } from "./dev-process.ts";

/** What the operator writes for R2, R2 reads; what R2 reports of it, the operator takes for its own. */

const tunnel = "tunnels/partners";

it("a route that the operator packed is programmed once a real R2 reports it", async () => {
  const authority = await createAuthority("sallyport", tunnel);
  const [intranet, operator] = await Promise.all([authority.issue("intranet"), authority.issue("operator")]);
  const backendRefs = [{ name: "calc", port: 80 }];
  const routes = [
    sampleRoute({ name: "calc", creationTimestamp: "2026-01-01T00:00:00Z", spec: { backendRefs } }),
    sampleRoute({
      name: "path",
      spec: { matches: [{ path: { value: "/p/" }, headers: [{ name: "X-A", value: "a" }] }] },
    }),
  ];
  const served = judgeRoutes(sampleTunnel(), routes, sampleFacts(), env).map((verdict) => verdict.served!);
  const sharded = shardRoutes(served);
  if (sharded.t !== "ok") throw new Error(sharded.message);
  const shards = await Promise.all([...sharded.routes.shards.values()].map((bytes) => readShard(bytes)));
  const anyPort = { address: "127.0.0.1", port: 0 };
  const router = await startIntranetRouter(
    {
      ...{ tunnel, identity: intranet, admin: anyPort, operator: anyPort, log: { level: "error" } },
      dmz: [{ name: "r1-0", address: "127.0.0.1", port: await freePort() }],
      routes: shards.flatMap((shard) => shard.routes),
      origin: { config: "c0ffee", routes: sharded.routes.manifest.generation },
    },
    () => {},
  );
  const changed = Promise.withResolvers<void>();
  const stream = new ReportStream({
    ...{ tunnel, address: "127.0.0.1", port: router.ports.operator ?? 0, open: openGrpcWatch },
    ...{ peerId: spiffeId("sallyport", tunnel, "intranet"), identity: () => operator },
    ...{ clock: systemClock, random: () => 0, software: "test", onEnd: (why) => changed.reject(new Error(why)) },
    onChange: () => {
      const { routes, uplinks, configuration } = stream.report ?? {};
      if (routes !== undefined && uplinks !== undefined && configuration !== undefined) changed.resolve();
    },
  });
  try {
    await changed.promise;
    const { report } = stream;
    expect(report?.configuration).toMatchObject({ config: "c0ffee", routes: sharded.routes.manifest.generation });
    expect(report?.uplinks).toMatchObject([{ name: "r1-0", links: 0 }]);
    const pod = { uid: "u", namespace: "n", name: "r2", pair: 0, address: "127.0.0.1", isRunning: true, isReady: true };
    const answers = served.map((one) =>
      routeProgrammed(`tunnels/${one.document.metadata.name}`, one, [pod], () => report),
    );
    expect(answers.map(({ holds, reason }) => [holds, reason])).toEqual([
      [true, "Programmed"],
      [true, "Programmed"],
    ]);
  } finally {
    stream.close();
    await router.drain();
  }
});
