import { setTimeout as sleep } from "node:timers/promises";
import type { Way, WayName } from "./way.ts";

export interface Check {
  readonly group: string;
  /** A sentence: what holds. Unique in its group. */
  readonly name: string;
  /** Left out: all. */
  readonly ways?: readonly WayName[];
  /** Throws when it does not hold. May return a word on how it held. */
  run(way: Way): Promise<string | undefined>;
}

export type Verdict =
  | { readonly t: "passed"; readonly note: string }
  | { readonly t: "failed"; readonly why: string }
  /** It says nothing about this way. */
  | { readonly t: "notAsked" };

/** A check that waits longer hangs. Twice what the slowest of them takes: a half-closed client is waited for 5 s. */
const limitMs = 12_000;

export async function judge(check: Check, way: Way): Promise<Verdict> {
  if (check.ways?.includes(way.name) === false) return { t: "notAsked" };
  const limit = new AbortController();
  const tooLong = sleep(limitMs, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`no end within ${limitMs} ms`);
  });
  tooLong.catch(() => {});
  try {
    return { t: "passed", note: (await Promise.race([check.run(way), tooLong])) ?? "" };
  } catch (error) {
    return { t: "failed", why: error instanceof Error ? error.message : String(error) };
  } finally {
    limit.abort();
    way.closeClients();
  }
}

/** Checks of one group, in the order given. */
export function group(name: string, checks: readonly Omit<Check, "group">[]): Check[] {
  return checks.map((check) => ({ ...check, group: name }));
}
