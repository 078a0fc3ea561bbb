import { TunnelError } from "@sallyport/proto/error";
import type { Clock } from "@sallyport/tunnel/clock";
import type { Link } from "@sallyport/tunnel/link";
import { backoffMs } from "./state.ts";

/** Renewals of several uplinks and R2s begin at different times within this one. */
const spreadMs = 2_000;
/** A link waits this long for the one that replaces its predecessor. */
const replacedMs = 2_000;
/** Without a trusted peer the old connection ends after this long. */
export const distrustedMs = 5_000;

export interface RenewalOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Registers anew over another connection, beside the one that is there. */
  readonly register: (done: (ok: boolean) => void) => void;
  /** All links of the uplink, now. */
  readonly links: () => Iterable<Link>;
  /** The peer has shown a certificate whose CA is trusted still. */
  readonly isPeerTrusted: boolean;
  /** How long calls on links of a peer that is not trusted may still take. */
  readonly deadlineMs: number;
  /** The old connection has to end: the peer is not trusted, and no other one could be made. */
  readonly giveUp: (error: TunnelError) => void;
}

/**
 * Moves an uplink to connections that are made with R2's present certificate, while calls go on: first the management
 * connection, then the links that there were, one after another.
 */
export class Renewal {
  readonly #options: RenewalOptions;
  /** Links made before, that are still to be replaced. */
  readonly #left: Link[];
  readonly #cancels = new Set<() => void>();
  #failures = 0;
  #registered = false;
  #cancelled = false;
  /** Open links that the present one's replacement makes complete again. */
  #wanted = 0;
  #onReplaced: (() => void) | undefined;

  constructor(options: RenewalOptions) {
    this.#options = options;
    const old = [...options.links()];
    this.#left = [...old];
    this.#after(options.random() * spreadMs, () => this.#register());
    if (options.isPeerTrusted) return;
    const error = new TunnelError("POLICY", "the CA of R1's certificate is not trusted any more");
    this.#after(spreadMs + distrustedMs, () => {
      if (!this.#registered) options.giveUp(error);
    });
    this.#after(spreadMs + options.deadlineMs, () => {
      for (const link of old) link.close(error);
    });
  }

  /** A link has changed. */
  linkChanged(): void {
    if (this.#onReplaced && this.#openCount() >= this.#wanted) this.#onReplaced();
  }

  cancel(): void {
    this.#cancelled = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }

  #register(): void {
    this.#options.register((ok) => {
      if (this.#cancelled) return;
      this.#registered ||= ok;
      if (ok) return this.#nextLink();
      this.#failures++;
      this.#after(backoffMs(this.#failures, this.#options.random()), () => this.#register());
    });
  }

  /** Takes the next link out of use; R1 orders another, and that one is waited for. */
  #nextLink(): void {
    this.#onReplaced = undefined;
    const link = this.#left.shift();
    if (link === undefined) return;
    if (link.state !== "open") return this.#nextLink();
    this.#wanted = this.#openCount();
    const cancel = this.#after(replacedMs, () => this.#nextLink());
    link.drain("R2 has a new certificate");
    this.#onReplaced = () => {
      cancel();
      this.#nextLink();
    };
  }

  #openCount(): number {
    let count = 0;
    for (const { state } of this.#options.links()) if (state === "open") count++;
    return count;
  }

  #after(delayMs: number, act: () => void): () => void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#cancels.delete(cancel);
      act();
    });
    this.#cancels.add(cancel);
    return () => {
      cancel();
      this.#cancels.delete(cancel);
    };
  }
}
