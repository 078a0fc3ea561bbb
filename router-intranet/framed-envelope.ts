import { RecordReader } from "@sallyport/proto/net-tcp/record-reader";
import type { EnvelopeScanner } from "./match/envelope.ts";
import type { EnvelopeOutcome } from "./match/envelope-outcome.ts";

/** Reads the first envelope of a net.tcp session out of the records that follow its preamble. */
export class FramedEnvelope {
  readonly #scanner: Pick<EnvelopeScanner, "push" | "end">;
  readonly #reader = new RecordReader("initiator");
  readonly #bytesMax: number;
  #bytes = 0;
  #outcome: EnvelopeOutcome = { t: "more" };

  /** `bytesMax`: how much may come, what is not envelope included. */
  constructor(preamble: Buffer, scanner: Pick<EnvelopeScanner, "push" | "end">, bytesMax: number) {
    this.#scanner = scanner;
    this.#bytesMax = bytesMax;
    this.#reader.push(preamble);
    while (this.#reader.next() !== undefined);
  }

  push(bytes: Buffer): EnvelopeOutcome {
    if (this.#outcome.t !== "more") return this.#outcome;
    const left = this.#bytesMax - this.#bytes;
    this.#bytes += bytes.length;
    this.#reader.push(bytes.subarray(0, left));
    this.#read();
    if (this.#outcome.t === "more" && bytes.length >= left) {
      const why = `the header of the first envelope does not end in the session's first ${this.#bytesMax} bytes`;
      this.#outcome = { t: "tooLong", why };
    }
    return this.#outcome;
  }

  /** The client has ended its direction. Never `more`. */
  end(): EnvelopeOutcome {
    if (this.#outcome.t === "more") this.#outcome = noMessage;
    return this.#outcome;
  }

  #read(): void {
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      if (event.t === "payload") this.#outcome = this.#scanner.push(event.bytes);
      else if (event.t === "envelopeEnd") this.#outcome = this.#scanner.end();
      else if (event.t === "end" || event.t === "fault") this.#outcome = noMessage;
      else if (event.t === "malformed") this.#outcome = { t: "malformed", why: event.why };
      if (this.#outcome.t !== "more") return;
    }
  }
}

const noMessage: EnvelopeOutcome = { t: "notSoap", why: "the session has no message" };
