import { allowAllButMetadata } from "../address.ts";
import type { Destinations } from "../destination.ts";
import { createDestinations, type DiallerOptions } from "../dialler.ts";

const made = new Set<Destinations>();

export function destinations(given: Partial<DiallerOptions> = {}): Destinations {
  const dialler = createDestinations({
    connectTimeoutMs: 2_000,
    keepAliveTimeoutMs: 4_000,
    connectionsMax: 16,
    allowAddress: allowAllButMetadata,
    ...given,
  });
  made.add(dialler);
  return dialler;
}

/** For `afterEach`, after the servers are closed: so no exchange still runs. Fails if a slot was not given back. */
export async function closeDiallers(): Promise<void> {
  const closing = [...made].map((dialler) => dialler.close());
  made.clear();
  await Promise.all(closing);
}

/** Both ways to carry the same request: a header pair that decides which. */
export const ways: readonly (readonly [string, readonly string[]])[] = [
  ["undici", []],
  ["node:http", ["Expect", "100-continue"]],
];
