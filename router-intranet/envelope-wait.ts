import { TunnelError } from "@sallyport/proto/error";
import type { Clock } from "@sallyport/tunnel/clock";
import { KeptBytes } from "./kept-bytes.ts";
import type { KnownEnvelope } from "./match/call-facts.ts";
import type { EnvelopeScanner } from "./match/envelope.ts";
import type { EnvelopeOutcome } from "./match/envelope-outcome.ts";

/** How long a client may take to send its envelope's header. docs/routing.md, "Envelopes". */
export const envelopeTimeoutMs = 10_000;

/** `outcome` for logs and metrics. */
export type EnvelopeVerdict = { readonly outcome: Exclude<EnvelopeOutcome["t"], "more"> | "timeout" } & (
  | { readonly t: "known"; readonly envelope: KnownEnvelope }
  | { readonly t: "refused"; readonly error: TunnelError }
);

/** Reads an envelope in pieces of what it comes in. */
export type EnvelopeSource = Pick<EnvelopeScanner, "push" | "end">;

/** Told once, with all that was kept, in order. */
export type OnVerdict = (verdict: EnvelopeVerdict, kept: readonly Buffer[]) => void;

/**
 * Keeps a body's start while its envelope is read. What it keeps is bounded: the scanner decides within the credit that
 * the peer has at the start, and none is returned meanwhile.
 */
export class EnvelopeWait {
  readonly #scanner: EnvelopeSource;
  readonly #onVerdict: OnVerdict;
  readonly #cancelTimeout: () => void;
  #kept = new KeptBytes();
  #over = false;

  constructor(scanner: EnvelopeSource, clock: Clock, limitMs: number, onVerdict: OnVerdict) {
    this.#scanner = scanner;
    this.#onVerdict = onVerdict;
    this.#cancelTimeout = clock.after(limitMs, () => this.#tell(tooSlow(limitMs)));
  }

  push(bytes: Buffer): void {
    if (this.#over) return;
    this.#kept.push(bytes);
    this.#hear(this.#scanner.push(bytes));
  }

  /** The body has ended: there is a verdict when this returns. */
  end(): void {
    this.#hear(this.#scanner.end());
  }

  /** No verdict follows. */
  stop(): void {
    this.#over = true;
    this.#kept = new KeptBytes();
    this.#cancelTimeout();
  }

  #hear(outcome: EnvelopeOutcome): void {
    if (outcome.t !== "more") this.#tell(verdictOf(outcome));
  }

  #tell(verdict: EnvelopeVerdict): void {
    if (this.#over) return;
    const kept = this.#kept;
    this.stop();
    this.#onVerdict(verdict, kept.take());
  }
}

function verdictOf(outcome: Exclude<EnvelopeOutcome, { t: "more" }>): EnvelopeVerdict {
  switch (outcome.t) {
    case "found":
      return { t: "known", outcome: "found", envelope: { t: "read", headers: outcome.headers } };
    case "notSoap":
    case "tooLong":
      return { t: "known", outcome: outcome.t, envelope: { t: "absent", why: outcome.why } };
    case "malformed":
      return { t: "refused", outcome: "malformed", error: new TunnelError("BAD_REQUEST", outcome.why) };
  }
}

/** Not "as if there were none": where a call goes must not hang on how fast it comes. */
function tooSlow(limitMs: number): EnvelopeVerdict {
  const error = new TunnelError(
    "REQUEST_TIMEOUT",
    `the envelope's header, which decides where the call goes, did not arrive in ${limitMs} ms; send it faster`,
  );
  return { t: "refused", outcome: "timeout", error };
}
