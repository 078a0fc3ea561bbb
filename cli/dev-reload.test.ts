import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IntranetConfig } from "@sallyport/proto/router-config";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { watchIntervalMs } from "./file-watch.ts";
import { devDocuments as documents, killed, whenReady } from "./testing/dev-runs.ts";
import type { FakeChild } from "./testing/fake-child.ts";
import type { FakeTunnel } from "./testing/fake-tunnel.ts";

describe("documents that change while it runs", () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sallyport-dev-"));
    file = join(folder, "tunnel.yaml");
    await writeFile(file, documents);
  });

  afterEach(() => rm(folder, { recursive: true }));

  /** The lines said after the file has changed, up to and with the first that fits. */
  async function change(fake: FakeTunnel, text: string, until: RegExp): Promise<string[]> {
    fake.said.length = 0;
    let isSaid = false;
    void fake.line(until).then(() => {
      isSaid = true;
    });
    await writeFile(file, text);
    while (!isSaid) {
      fake.clock.advance(watchIntervalMs);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return fake.said;
  }

  const portsOf = (child: FakeChild, index: number) => {
    const { t, config } = child.got[index] as { t: string; config: IntranetConfig };
    return [t, config.admin.port, config.routes.map(({ spec }) => spec.backendRefs)];
  };

  it("M5: give every R2 their routes; the next life of an R2 has them too", async () => {
    const { fake } = await whenReady({ files: [file] });
    const backendRefs = [{ url: "http://127.0.0.1:9001", weight: 1 }];
    expect(await change(fake, documents.replace("9000", "9001"), /^reloaded/)).toStrictEqual([
      "reloaded: tunnel partners has 1 route",
    ]);
    // The same as at its start, but for the routes: nothing needs a restart.
    for (const child of fake.intranet.all) expect(portsOf(child, 1)).toStrictEqual(["reload", 0, [backendRefs]]);
    fake.intranet.all[0]!.ends(killed);
    fake.clock.advance(100);
    expect(portsOf(fake.intranet.last, 0)).toStrictEqual(["start", expect.any(Number), [backendRefs]]);
    expect(fake.dmz.all.map(({ got }) => got.length)).toStrictEqual([1, 1]);
  });

  it("that cannot be used change nothing, and say why", async () => {
    const { fake } = await whenReady({ files: [file] });
    const bad = documents.replace("http://127.0.0.1:9000", "ftp://x");
    expect(await change(fake, bad, /^not reloaded/)).toStrictEqual([
      `${file}:10: TunnelRoute all: spec.backendRefs[0].url: "ftp://x" is not an http://, https://, tcp://, tls:// or net.tcp:// URL`,
      "not reloaded: the documents cannot be used; the old routes stay",
    ]);
    expect(fake.intranet.all.map(({ got }) => got.length)).toStrictEqual([1, 1]);
    await rm(file);
    const gone = await change(fake, documents.replace("9000", "9002"), /^reloaded/);
    expect(gone.at(-1)).toBe("reloaded: tunnel partners has 1 route");
  });

  it("say which tunnel needs a restart", async () => {
    const { fake } = await whenReady({ files: [file] });
    const other = documents.split("---")[0]!.replace("partners", "others").replace("8080", "8081");
    expect(await change(fake, `${documents.replace("8080", "8082")}---${other}`, /others/)).toStrictEqual([
      "ReverseTunnel default/partners has changed: restart to apply",
      "ReverseTunnel default/others is new: restart to apply",
    ]);
    expect(
      await change(fake, `${other}---${documents.split("---")[1]!.replace("partners", "others")}`, /gone/),
    ).toStrictEqual([
      "ReverseTunnel default/partners is gone: restart to apply; its routes stay",
      "ReverseTunnel default/others is new: restart to apply",
    ]);
  });

  it("from standard input are read once, and stay beside those of files", async () => {
    const route = documents.split("---")[1]!;
    await writeFile(file, route.replace("name: all", "name: more").replace("9000", "9001"));
    const { fake } = await whenReady({ files: ["-", file] });
    await change(fake, route.replace("name: all", "name: more").replace("9000", "9002"), /^reloaded/);
    expect(portsOf(fake.intranet.last, 1)[2]).toStrictEqual([
      [{ url: "http://127.0.0.1:9000", weight: 1 }],
      [{ url: "http://127.0.0.1:9002", weight: 1 }],
    ]);
  });

  it("are watched no longer than it runs", async () => {
    const { fake, interrupts, ended } = await whenReady({ files: [file] });
    interrupts.receive("SIGINT");
    await ended;
    expect(fake.clock.pending).toBe(0);
  });
});
