import {
  adminVersion,
  type Configuration,
  decodeRouter,
  encodeOperator,
  type OperatorMessage,
  type RouterMessage,
  type RouteState,
} from "@sallyport/proto/admin";
import { TunnelError } from "@sallyport/proto/error";
import type { Unknown } from "@sallyport/proto/message-codec";
import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { MemoryTransport } from "@sallyport/tunnel/testing/memory-transport";
import { describe, expect, it } from "vitest";
import { OperatorStream, reportIntervalMs } from "./operator-stream.ts";

const subscribe = { t: "subscribe", subscribe: { protocol: adminVersion, software: "test" } } as const;
const configuration: Configuration = {
  ...{ config: "", configRefused: "", needsRestart: [], routes: "g1", routesWaiting: "" },
  ...{ certificate: "", certificateExpires: 0, trustedCas: [] },
};

/** An operator's end of a stream: takes every message unless told not to. */
function begin(routes: RouteState[] = [route(0)]) {
  const clock = new FakeClock();
  const [near, far] = MemoryTransport.pair();
  const heard: RouterMessage[] = [];
  const ended: (TunnelError | undefined)[] = [];
  const closed: (TunnelError | undefined)[] = [];
  near.listen({
    onBatch: (batch) => heard.push(decodeRouter(batch)),
    onSent: () => {},
    onClosed: (error) => ended.push(error),
  });
  const said = { routes, configuration };
  const stream = new OperatorStream({
    ...{ transport: far, tunnel: "default/partners", instanceId: "r2", software: "test", clock },
    source: { routes: () => said.routes, uplinks: () => [], configuration: () => said.configuration },
    onSubscribed: () => {},
    onClosed: (error) => closed.push(error),
  });
  const send = async (message: Exclude<OperatorMessage, Unknown>) => {
    near.send(encodeOperator(message));
    await settle();
  };
  /** What was told since the last time, without pings. */
  const told = () => heard.splice(0).filter(({ t }) => t !== "ping");
  return { clock, near, far, stream, said, heard, told, send, ended, closed };
}

function route(index: number): RouteState {
  return { namespace: "default", name: `route-${index}`, hash: "00", refused: "", problem: "" };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("the operator's stream", () => {
  it("says who this is, then all there is", async () => {
    const { send, told } = begin();
    await send(subscribe);
    expect(told()).toStrictEqual([
      { t: "hello", hello: { protocol: adminVersion, tunnel: "default/partners", instanceId: "r2", software: "test" } },
      { t: "routes", routes: { routes: [route(0)], more: false } },
      { t: "uplinks", uplinks: { uplinks: [] } },
      { t: "configuration", configuration },
    ]);
  });

  it("says what has changed, and no more than once a second", async () => {
    const { send, told, stream, said, clock } = begin();
    await send(subscribe);
    told();
    for (let time = 0; time < 100; time++) {
      said.routes = [route(time)];
      stream.changed("routes");
    }
    await settle();
    expect(told()).toStrictEqual([]);
    clock.advance(reportIntervalMs);
    await settle();
    expect(told()).toStrictEqual([{ t: "routes", routes: { routes: [route(99)], more: false } }]);
    clock.advance(reportIntervalMs);
    await settle();
    said.routes = [];
    stream.changed("routes");
    await settle();
    expect(told()).toStrictEqual([{ t: "routes", routes: { routes: [], more: false } }]);
  });

  it("says nothing before it was asked", async () => {
    const { stream, told } = begin();
    stream.changed("routes");
    await settle();
    expect(told()).toStrictEqual([]);
  });

  it("has routes in parts, and each part but the last says that more follow", async () => {
    const { send, told, clock } = begin(Array.from({ length: 2_500 }, (_, index) => route(index)));
    await send(subscribe);
    for (let part = 0; part < 3; part++) {
      clock.advance(1);
      await settle();
    }
    const parts = told().flatMap((message) => (message.t === "routes" ? [message.routes] : []));
    expect(parts.map(({ routes, more }) => [routes.length, more])).toStrictEqual([
      [1_000, true],
      [1_000, true],
      [500, false],
    ]);
  });

  it("keeps every part within a message, whatever the reasons are", async () => {
    const refused = "ü".repeat(5_000);
    const all = Array.from({ length: 1_000 }, (_, index) => ({ ...route(index), refused, problem: refused }));
    const { send, told, clock, closed } = begin(all);
    await send(subscribe);
    for (let part = 0; part < 20; part++) {
      clock.advance(1);
      await settle();
    }
    const routes = told().flatMap((message) => (message.t === "routes" ? message.routes.routes : []));
    expect([closed, routes.length]).toStrictEqual([[], 1_000]);
    expect(routes.every((told) => told.refused === `${"ü".repeat(999)}…`)).toBe(true);
  });

  it("answers pings, and closes when the operator falls silent", async () => {
    const { send, heard, clock, closed } = begin();
    await send(subscribe);
    await send({ t: "ping", ping: { nonce: 7, ack: false } });
    expect(heard).toContainEqual({ t: "ping", ping: { nonce: 7, ack: true } });
    for (let second = 0; second < 5; second++) clock.advance(1_000);
    expect(closed).toStrictEqual([new TunnelError("LINK_LOST", "the operator was silent for 5000 ms")]);
  });

  it.each<[string, Exclude<OperatorMessage, Unknown>[], string]>([
    ["something else before Subscribe", [{ t: "ping", ping: { nonce: 1, ack: false } }], "Subscribe comes first"],
    ["a second Subscribe", [subscribe, subscribe], "a second Subscribe"],
    [
      "another major version",
      [{ t: "subscribe", subscribe: { protocol: { major: 2, minor: 0 }, software: "" } }],
      "the operator speaks version 2, this R2 1; run the same release",
    ],
  ])("refuses %s", async (_, messages, text) => {
    const { send, closed } = begin();
    for (const message of messages) await send(message);
    expect(closed).toStrictEqual([new TunnelError("PROTOCOL", text)]);
  });

  it("gives three seconds to Subscribe", async () => {
    const { clock, closed } = begin();
    clock.advance(2_999);
    expect(closed).toStrictEqual([]);
    clock.advance(1);
    expect(closed).toStrictEqual([new TunnelError("PROTOCOL", "no Subscribe within 3000 ms")]);
  });

  it("gives up an operator that does not take what it is sent", async () => {
    const { send, far, near, stream, clock, closed } = begin();
    await send(subscribe);
    far.flowing = false;
    for (let second = 0; second < 400 && closed.length === 0; second++) {
      near.send(encodeOperator({ t: "ping", ping: { nonce: second, ack: false } }));
      await new Promise((resolve) => setImmediate(resolve));
      stream.changed("routes");
      clock.advance(1_000);
    }
    expect(closed).toStrictEqual([new TunnelError("OVERLOADED", "the peer does not read its management connection")]);
  });
});
