import { Readable } from "node:stream";
import { runDev } from "../dev.ts";
import type { DevOptions } from "../dev-options.ts";
import { Interrupts } from "../interrupts.ts";
import { FakeTunnel } from "./fake-tunnel.ts";

/** For tests: runs of `sallyport dev` whose processes are fakes. */

/** What `sallyport dev` is asked for without any option. */
export const devDefaults: DevOptions = {
  files: [],
  to: undefined,
  pairs: undefined,
  address: "127.0.0.1",
  healthPort: 8085,
  verbose: false,
};
/** A tunnel with two pairs, and a route. */
export const devDocuments = `
apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: partners }
spec: { pairs: 2, dmz: { listeners: [{ name: http, protocol: HTTP, port: 8080 }] } }
---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: all }
spec: { parentRefs: [{ name: partners }], backendRefs: [{ url: "http://127.0.0.1:9000" }] }
`;
export const ready = { t: "ready", ready: true };
export const notReady = { t: "ready", ready: false };
export const killed = { t: "signal", signal: "SIGKILL" } as const;

/** A run in a tunnel of fakes. */
export function begin(options: Partial<DevOptions> = {}, text = devDocuments, fake = new FakeTunnel()) {
  const interrupts = new Interrupts(fake.clock);
  const ended = runDev({ ...devDefaults, ...options }, fake.host, Readable.from([Buffer.from(text)]), interrupts);
  // A test that never comes to await it should fail by its own words.
  ended.catch(() => {});
  return { fake, interrupts, ended };
}

/** Up to where the last of `pairs` R2s listens. */
export async function started(options: Partial<DevOptions> = {}, text = devDocuments) {
  const fake = new FakeTunnel();
  const isUp = fake.line(/^admin .*R2 \d+\)$/);
  const all = begin(options, text, fake);
  await isUp;
  return all;
}

/** Up to where every R1 has an R2. */
export async function whenReady(options: Partial<DevOptions> = {}, text = devDocuments) {
  const all = await started(options, text);
  const isReady = all.fake.line(/^ready/);
  for (const child of all.fake.dmz.all) child.says(ready);
  await isReady;
  return all;
}
