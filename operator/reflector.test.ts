import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { KubeError } from "./kube-error.ts";
import type { KubeObject } from "./kube-object.ts";
import { OperatorMetrics } from "./metrics.ts";
import { Reflector, silenceMaxMs } from "./reflector.ts";
import { Store } from "./store.ts";
import { FakeApi } from "./testing/fake-api.ts";
import { FakeClock, settled } from "./testing/fake-clock.ts";

const map = (name: string, data = {}, namespace = "n"): KubeObject => ({
  ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name }, data },
});
const broken = new KubeError("connection reset", { status: 0, reason: "NoAnswer" });
const expired = new KubeError("too old resource version", { status: 410, reason: "Expired" });

let stop = new AbortController();
afterEach(() => stop.abort());

async function reflect(api = new FakeApi(), options: object = {}) {
  stop = new AbortController();
  const clock = new FakeClock();
  const metrics = new OperatorMetrics();
  const store = new Store();
  const told: string[] = [];
  store.onChange(({ before, after }) => told.push(`${before?.metadata.name ?? "-"}>${after?.metadata.name ?? "-"}`));
  const log = pino({ level: "silent" });
  const reflector = new Reflector({ kind: "ConfigMap", api, store, clock, random: () => 1, log, metrics, ...options });
  const run = reflector.run(stop.signal);
  await settled();
  const names = () => [...store.all()].map(({ metadata }) => metadata.name).sort();
  const count = async (name: string) => (await metrics.registry.getSingleMetricAsString(name)).match(/ (\d+)$/m)?.[1];
  return { api, clock, store, told, reflector, names, run, count };
}

describe("a store that is kept like the cluster", () => {
  it("has what there was, and then what changes", async () => {
    const api = new FakeApi();
    api.put(map("a"));
    const { names, told, reflector } = await reflect(api);
    expect([names(), reflector.state]).toEqual([["a"], "synced"]);
    api.put(map("b"));
    api.put(map("a", { x: "1" }));
    api.remove({ kind: "ConfigMap", namespace: "n", name: "b" });
    expect([names(), told]).toEqual([["a"], ["->a", "->b", "a>a", "b>-"]]);
  });

  it("goes on from where it stood when the server ends a watch or a connection breaks, and lists nothing anew", async () => {
    const { api, clock, names, count, told } = await reflect();
    api.put(map("a"));
    api.breakWatches("ConfigMap", broken);
    api.put(map("b"));
    await clock.advance(500);
    expect([names(), told]).toEqual([
      ["a", "b"],
      ["->a", "->b"],
    ]);
    expect(await count("sallyport_operator_lists_total")).toBe("1");
  });

  it("lists anew when the server has forgotten where it stood, and tells what went meanwhile", async () => {
    const { api, clock, names, count, told } = await reflect();
    api.put(map("a"));
    api.put(map("b"));
    api.breakWatches("ConfigMap", expired);
    api.remove({ kind: "ConfigMap", namespace: "n", name: "a" });
    await clock.advance(0);
    expect([names(), told.at(-1)]).toEqual([["b"], "a>-"]);
    expect(await count("sallyport_operator_lists_total")).toBe("2");
  });

  it("does not list in a loop when the server forgets at once", async () => {
    const api = new FakeApi();
    api.fail("watch", "ConfigMap", expired, 1000);
    const { count, clock } = await reflect(api);
    await clock.advance(0);
    expect(await count("sallyport_operator_lists_total")).toBe("2");
    expect(clock.pendingMs).toEqual([1000]);
  });

  it("gives up a watch of which nothing is heard, without losing anything", async () => {
    const { api, clock, names, count } = await reflect();
    await clock.advance(silenceMaxMs - 1);
    expect(await count("sallyport_operator_watches_silent_total")).toBeUndefined();
    api.put(map("a"));
    api.silence("ConfigMap");
    api.put(map("b"));
    await clock.advance(silenceMaxMs - 1);
    expect([names(), await count("sallyport_operator_watches_silent_total")]).toEqual([["a"], undefined]);
    await clock.advance(1);
    expect(await count("sallyport_operator_watches_silent_total")).toBe("1");
    await clock.advance(500);
    expect(names()).toEqual(["a", "b"]);
  });

  it("waits longer each time while the API server does not answer, up to half a minute", async () => {
    const api = new FakeApi();
    api.fail("list", "ConfigMap", broken, 100);
    const { clock, reflector } = await reflect(api);
    const waits: number[] = [];
    for (let tries = 0; tries < 8; tries += 1) {
      waits.push(clock.pendingMs[0]!);
      await clock.advance(clock.pendingMs[0]!);
    }
    expect([waits, reflector.state]).toEqual([[500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000], "waiting"]);
  });

  it("takes a kind that the cluster may do without for empty, and asks again each minute", async () => {
    const api = new FakeApi();
    api.fail("list", "ConfigMap", new KubeError("no such kind", { status: 404, reason: "NotFound" }));
    api.put(map("a"));
    const { reflector, names, clock } = await reflect(api, { optional: true });
    expect([reflector.state, names()]).toEqual(["absent", []]);
    await clock.advance(60_000);
    expect([reflector.state, names()]).toEqual(["synced", ["a"]]);
  });

  it("sees one namespace alone when it is to, and what fits its selector", async () => {
    const api = new FakeApi();
    for (const namespace of ["n", "m"]) api.put(map("a", {}, namespace));
    const { store } = await reflect(api, { namespace: "m" });
    api.put(map("b", {}, "n"));
    expect([...store.all()].map(({ metadata }) => metadata.namespace)).toEqual(["m"]);
  });

  it("ends when it is told to", async () => {
    const { run } = await reflect();
    stop.abort();
    await expect(run).resolves.toBeUndefined();
  });
});
