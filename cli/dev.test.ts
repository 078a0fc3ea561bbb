import type { DmzConfig, IntranetConfig } from "@sallyport/proto/router-config";
import { describe, expect, it } from "vitest";
import { CliError } from "./cli-error.ts";
import type { DevOptions } from "./dev-options.ts";
import { slowMs } from "./dev-run.ts";
import { samePressMs } from "./interrupts.ts";
import { begin, devDocuments as documents, killed, notReady, ready, started, whenReady } from "./testing/dev-runs.ts";
import { configOf, FakeTunnel } from "./testing/fake-tunnel.ts";

describe("sallyport dev", () => {
  it("runs the sample, tells where it is, and drains R1, R2 and the sample in turn", async () => {
    const { fake, interrupts, ended } = await whenReady();
    expect(fake.said).toStrictEqual([
      "calculator pid 301",
      "R1 0 pid 101",
      "listening  http://localhost:8080  (tunnel sample, listener http, R1 0)",
      "health     http://localhost:8085/healthcheck  (tunnel sample, R1 0)",
      "admin      http://localhost:40002/statusz  (tunnel sample, R1 0)",
      "R2 0 pid 201",
      "admin      http://localhost:40004/statusz  (tunnel sample, R2 0)",
      "try: curl 'http://localhost:8080/calculator/add?a=2&b=3'",
      expect.stringMatching(/^try: curl .*SOAPAction/),
      "try: curl 'http://localhost:8080/calculator?wsdl'",
      "try: curl http://localhost:8085/healthcheck",
      "ready: 1 tunnel, 1 pair, calls flow",
    ]);
    fake.said.length = 0;
    interrupts.receive("SIGINT");
    expect(await ended).toBe(0);
    expect(fake.said).toStrictEqual([
      "stopping: calls in flight may finish, for 5 s at most; Ctrl-C again ends all at once",
      "stopped",
    ]);
    expect(fake.history).toStrictEqual(["101 starts", "201 starts", "101 drains", "201 drains", "301 drains"]);
    expect({ running: fake.running, timers: fake.clock.pending }).toStrictEqual({ running: [], timers: 0 });
  });

  it("routes the sample's calls to the port that the service has found free", async () => {
    const { fake } = await started();
    const { routes } = configOf<IntranetConfig>(fake.intranet.last);
    expect(routes.map(({ spec }) => spec.backendRefs)).toStrictEqual([[{ url: "http://127.0.0.1:40001", weight: 1 }]]);
  });

  it("starts a sample that died on the port it had", async () => {
    const { fake } = await whenReady();
    fake.sample.last.ends(killed);
    fake.clock.advance(100);
    expect(fake.sample.all.map(({ args }) => args)).toStrictEqual([
      ["--port", "0"],
      ["--port", "40001"],
    ]);
  });

  it("runs the pairs of documents, every R2 connected to every R1, and no sample", async () => {
    const { fake } = await whenReady({ files: ["-"] });
    const tunnelPorts = fake.dmz.all.map((child) => configOf<DmzConfig>(child).tunnelEndpoint.port);
    expect(tunnelPorts).toStrictEqual([0, 0]);
    const dialled = fake.intranet.all.map((child) => configOf<IntranetConfig>(child).dmz);
    expect(dialled).toStrictEqual(
      Array.from({ length: 2 }, () => [
        { name: "R1 0", address: "127.0.0.1", port: expect.any(Number) },
        { name: "R1 1", address: "127.0.0.1", port: expect.any(Number) },
      ]),
    );
    expect(fake.sample.all).toStrictEqual([]);
    expect(fake.said.at(-1)).toBe("ready: 1 tunnel, 2 pairs, calls flow");
    expect(fake.said.filter((line) => line.startsWith("try:"))).toStrictEqual([]);
  });

  it("runs several tunnels, each with its own routers, whose lines name it", async () => {
    const another = documents.replace("partners }\nspec: { pairs", "others }\nspec: { pairs").replace("8080", "8081");
    const [tunnel = ""] = another.split("---");
    const fake = new FakeTunnel();
    const isUp = fake.line(/^admin .*others, R2 1\)$/);
    begin({ files: ["-"], pairs: 2 }, `${documents}---${tunnel}`, fake);
    await isUp;
    expect(fake.said.filter((line) => line.includes(" pid "))).toStrictEqual([
      ...["partners R1 0 pid 101", "partners R1 1 pid 102", "others R1 0 pid 103", "others R1 1 pid 104"],
      ...["partners R2 0 pid 201", "partners R2 1 pid 202", "others R2 0 pid 203", "others R2 1 pid 204"],
    ]);
    expect(fake.dmz.all.map((child) => configOf<DmzConfig>(child).health.port)).toStrictEqual([8085, 0, 0, 0]);
    const isReady = fake.line(/^ready/);
    for (const child of fake.dmz.all) child.says(ready);
    await isReady;
    expect(fake.said.at(-1)).toBe("ready: 2 tunnels, 4 pairs, calls flow");
  });

  it("is ready only when every R1 has an R2", async () => {
    const { fake } = await started({ files: ["-"] });
    fake.dmz.all[0]!.says(ready);
    expect(fake.said.at(-1)).toMatch(/^admin/);
    fake.dmz.all[1]!.says(ready);
    expect(fake.said.at(-1)).toMatch(/^ready/);
  });

  it("tells everything else first when R2s register before they have told their ports", async () => {
    const fake = new FakeTunnel();
    const isReady = fake.line(/^ready/);
    fake.onStart = (child, listen) => {
      if (child.pid === 201) fake.dmz.last.says(ready);
      listen();
    };
    begin({}, documents, fake);
    await isReady;
    expect(fake.said.slice(-6).map((line) => line.split(" ", 1)[0])).toStrictEqual([
      ...["admin", "try:", "try:", "try:", "try:"],
      "ready:",
    ]);
  });

  it("hands certificates over in memory: no argument and no line has them, and each process has its own", async () => {
    const { fake } = await whenReady({ files: ["-"], verbose: true });
    const routers = [...fake.dmz.all, ...fake.intranet.all];
    const keys = routers.map((child) => configOf<DmzConfig>(child).identity.privateKey);
    expect(new Set(keys).size).toBe(4);
    expect(keys.every((key) => key.startsWith("-----BEGIN PRIVATE KEY-----"))).toBe(true);
    expect(routers.map(({ args }) => args)).toStrictEqual([[], [], [], []]);
    expect(fake.said.join("\n")).not.toMatch(/BEGIN|PRIVATE/);
  });

  it("says once that it is not ready when no R2 comes", async () => {
    const { fake } = await started({ files: ["-"] });
    fake.dmz.all[0]!.says(ready);
    fake.said.length = 0;
    fake.clock.advance(3 * slowMs);
    expect(fake.said).toStrictEqual(["not ready yet: no R2 has registered with R1 1; --verbose shows more"]);
  });
});

describe("T6: while it runs", () => {
  it("an R1 that is killed comes back on the same ports, and it is ready again", async () => {
    const { fake } = await whenReady();
    const before = fake.said.filter((line) => line.startsWith("listening"));
    fake.said.length = 0;
    fake.dmz.last.ends(killed);
    fake.clock.advance(100);
    const { listeners, tunnelEndpoint, health, admin } = configOf<DmzConfig>(fake.dmz.last);
    expect([listeners[0]?.port, health.port, admin.port, tunnelEndpoint.port]).toStrictEqual([
      8080, 8085, 40002, 40003,
    ]);
    fake.dmz.last.says(ready);
    expect(before).toHaveLength(1);
    expect(fake.said).toStrictEqual([
      "R1 0 (pid 101) ended by SIGKILL; restarting in 100 ms",
      "R1 0 pid 102",
      "ready: 1 tunnel, 1 pair, calls flow",
    ]);
  });

  it("an R1 that has lost its R2s is told of, and when it has one again", async () => {
    const { fake } = await whenReady();
    fake.said.length = 0;
    fake.intranet.last.ends(killed);
    fake.dmz.last.says(notReady);
    fake.clock.advance(100);
    fake.dmz.last.says(ready);
    expect(fake.said).toStrictEqual([
      "R2 0 (pid 201) ended by SIGKILL; restarting in 100 ms",
      "not ready: R1 0 has no management connection; its calls wait for an R2",
      "R2 0 pid 202",
      "ready: 1 tunnel, 1 pair, calls flow",
    ]);
    expect(configOf<IntranetConfig>(fake.intranet.last)).toStrictEqual({
      ...configOf<IntranetConfig>(fake.intranet.all[0]!),
      admin: { address: "127.0.0.1", port: 40004 },
    });
  });
});

describe("sallyport dev --to", () => {
  const to = { url: "http://10.0.0.7:3000", port: 8081 };

  it("runs one pair and one route that takes every call, and no sample", async () => {
    const { fake } = await started({ to });
    const { routes } = configOf<IntranetConfig>(fake.intranet.last);
    expect(routes.map(({ spec }) => [spec.matches, spec.backendRefs])).toStrictEqual([
      [[], [{ url: "http://10.0.0.7:3000", weight: 1 }]],
    ]);
    expect(fake.said.filter((line) => line.startsWith("listening"))).toStrictEqual([
      "listening  http://localhost:8081  (tunnel dev, listener http, R1 0)",
    ]);
    expect([fake.dmz.all.length, fake.sample.all.length]).toStrictEqual([1, 0]);
  });

  const wrong: Record<string, [Partial<DevOptions>, string]> = {
    "what is no URL": [
      { to: { ...to, url: "localhost:3000" } },
      '--to: "localhost:3000" is not an http://, https://, tcp://, tls:// or net.tcp:// URL',
    ],
    "a URL with a path": [
      { to: { ...to, url: "http://x/y" } },
      '--to: "http://x/y" is more than scheme://host:port; leave the rest out: a caller\'s path is passed on as it came',
    ],
    "the health port": [
      { to: { ...to, port: 8085 } },
      "--listen: 8085 is the health port; give that one another with --health-port",
    ],
  };
  it.each(Object.entries(wrong))("refuses %s", async (_, [options, message]) => {
    await expect(begin(options).ended).rejects.toStrictEqual(new CliError(2, message));
  });
});

describe("a run that cannot start ends whole", () => {
  it("when an R1 cannot listen: with the router's words, and R2s never start", async () => {
    const fake = new FakeTunnel();
    fake.onStart = (child, listen) => {
      if (child.pid === 101) child.says({ t: "failed", message: 'listener "http" cannot listen' });
      else listen();
    };
    const { ended } = begin({ files: ["-"] }, documents, fake);
    await expect(ended).rejects.toStrictEqual(new CliError(1, 'R1 0 could not start: listener "http" cannot listen'));
    expect({ running: fake.running, intranet: fake.intranet.all, timers: fake.clock.pending }).toStrictEqual({
      running: [],
      intranet: [],
      timers: 0,
    });
  });

  it("when the health port is taken: with the option that mends it", async () => {
    const fake = new FakeTunnel();
    fake.onStart = (child) => child.says({ t: "failed", message: "health port: cannot listen on 127.0.0.1:8085" });
    await expect(begin({}, documents, fake).ended).rejects.toThrow(
      "R1 0 could not start: health port: cannot listen on 127.0.0.1:8085 (--health-port)",
    );
    expect(fake.running).toStrictEqual([]);
  });

  it("when an R2 fails: with its words", async () => {
    const fake = new FakeTunnel();
    fake.onStart = (child, listen) => {
      if (child.pid === 201) child.says({ t: "failed", message: "bad route" });
      else listen();
    };
    await expect(begin({ files: ["-"] }, documents, fake).ended).rejects.toThrow("R2 0 could not start: bad route");
    expect(fake.running).toStrictEqual([]);
  });

  it("when the documents are wrong: before anything starts", async () => {
    const { fake, ended } = begin({ files: ["-"] }, documents.replace("kind: TunnelRoute", "kind: TunnelRout"));
    await expect(ended).rejects.toThrow(/^standard input:/);
    expect(fake.said).toStrictEqual([]);
  });
});

describe("interrupted", () => {
  it("while it starts: ends all that it has started", async () => {
    const fake = new FakeTunnel();
    fake.onStart = () => {};
    const isBegun = fake.line(/^R1 1 pid/);
    const { interrupts, ended } = begin({ files: ["-"] }, documents, fake);
    await isBegun;
    interrupts.receive("SIGTERM");
    expect(await ended).toBe(0);
    expect({ running: fake.running, intranet: fake.intranet.all }).toStrictEqual({ running: [], intranet: [] });
  });

  it("waits for calls in flight, and R2s stay while R1s drain", async () => {
    const { fake, interrupts, ended } = await whenReady();
    fake.onDrain = () => {};
    const isDraining = fake.line(/^stopping/);
    interrupts.receive("SIGINT");
    await isDraining;
    await Promise.resolve();
    expect(fake.history.slice(2)).toStrictEqual(["101 drains"]);
    fake.onDrain = (child) => child.ends({ t: "code", code: 0 });
    fake.dmz.last.ends({ t: "code", code: 0 });
    expect(await ended).toBe(0);
    expect(fake.history.slice(2)).toStrictEqual(["101 drains", "201 drains", "301 drains"]);
  });

  it("kills what does not end in its time", async () => {
    const { fake, interrupts, ended } = await whenReady();
    fake.onDrain = (child) => {
      if (child.pid === 101) queueMicrotask(() => fake.clock.advance(7_000));
      else child.ends({ t: "code", code: 0 });
    };
    interrupts.receive("SIGINT");
    expect(await ended).toBe(0);
    expect(fake.said.slice(-2)).toStrictEqual(["R1 0 (pid 101) did not end within 7 s and is killed", "stopped"]);
    expect(fake.running).toStrictEqual([]);
  });

  it("a second time: kills all at once and answers 130", async () => {
    const { fake, interrupts, ended } = await whenReady({ files: ["-"] });
    fake.onDrain = () => {};
    const isDraining = fake.line(/^stopping/);
    interrupts.receive("SIGINT");
    await isDraining;
    fake.clock.advance(samePressMs);
    interrupts.receive("SIGINT");
    expect(await ended).toBe(130);
    expect(fake.running).toStrictEqual([]);
    expect(fake.history.filter((line) => line.endsWith("killed"))).toStrictEqual(
      [101, 102, 201, 202].map((pid) => `${pid} killed`),
    );
  });

  it("says nothing of management connections that end with it", async () => {
    const { fake, interrupts, ended } = await whenReady();
    fake.onDrain = (child) => {
      child.says(notReady);
      child.ends({ t: "code", code: 0 });
    };
    interrupts.receive("SIGINT");
    await ended;
    expect(fake.said.filter((line) => line.startsWith("not ready"))).toStrictEqual([]);
  });
});
