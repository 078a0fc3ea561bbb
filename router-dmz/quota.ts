import { isIPv6 } from "node:net";
import { TunnelError } from "@sallyport/proto/error";
import type { Clock } from "@sallyport/tunnel/clock";
import { TokenBucket } from "@sallyport/tunnel/token-bucket";

/** 0 means no limit. */
export interface QuotaLimits {
  /** Calls at once, waiting ones included, over all clients. */
  readonly callsMax: number;
  readonly callsPerClientMax: number;
  readonly callsPerSecondPerClient: number;
}

/** Clients whose rate is remembered. Beyond, the one that was idle longest is forgotten: at worst it gets a fresh start. */
const bucketsMax = 10_000;

/**
 * What each client address may ask for at once and per second, and all of them together (M2). Behind a load balancer that
 * hides its clients all have one address: limits per client are off unless configured.
 */
export class Quotas {
  readonly counters = { tunnel: 0, client: 0, rate: 0 };
  limits: QuotaLimits;
  readonly #clock: Clock;
  #calls = 0;
  /** Only clients with calls under way. */
  readonly #callsByClient = new Map<string, number>();
  /** In order of use. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(limits: QuotaLimits, clock: Clock) {
    this.limits = limits;
    this.#clock = clock;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Counts a call in, or says why not. Each call counted in is to be released once. */
  admit(address: string): TunnelError | undefined {
    const { callsMax, callsPerClientMax, callsPerSecondPerClient } = this.limits;
    const client = clientOf(address);
    if (callsMax > 0 && this.#calls >= callsMax) {
      this.counters.tunnel++;
      return new TunnelError("OVERLOADED", `${callsMax} calls are under way already; try again later`);
    }
    const own = this.#callsByClient.get(client) ?? 0;
    if (callsPerClientMax > 0 && own >= callsPerClientMax) {
      this.counters.client++;
      return new TunnelError("QUOTA_EXCEEDED", `a client may have ${callsPerClientMax} calls at once`);
    }
    if (callsPerSecondPerClient > 0 && !this.#takeToken(client, callsPerSecondPerClient)) {
      this.counters.rate++;
      return new TunnelError("QUOTA_EXCEEDED", `a client may make ${callsPerSecondPerClient} calls a second`);
    }
    this.#calls++;
    this.#callsByClient.set(client, own + 1);
    return undefined;
  }

  release(address: string): void {
    const client = clientOf(address);
    const own = this.#callsByClient.get(client) ?? 0;
    if (own <= 1) this.#callsByClient.delete(client);
    else this.#callsByClient.set(client, own - 1);
    this.#calls--;
  }

  #takeToken(client: string, perSecond: number): boolean {
    const nowMs = this.#clock.now();
    const bucket = this.#buckets.get(client) ?? new TokenBucket(perSecond, nowMs);
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    if (this.#buckets.size > bucketsMax) this.#forgetOldest();
    return bucket.take(perSecond, nowMs);
  }

  #forgetOldest(): void {
    for (const client of this.#buckets.keys()) {
      this.#buckets.delete(client);
      return;
    }
  }
}

/** IPv6 clients have at least a /64 each. */
export function clientOf(address: string): string {
  if (!address.includes(":") || !isIPv6(address)) return address;
  if (address.startsWith("::ffff:") && address.includes(".")) return address.slice("::ffff:".length);
  return expand(address.split("%", 1)[0]!).slice(0, 4).join(":");
}

function expand(address: string): string[] {
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  if (tail === undefined) return left;
  const right = tail === "" ? [] : tail.split(":");
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => "0"), ...right];
}
