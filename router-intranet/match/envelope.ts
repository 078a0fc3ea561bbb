import { EnvelopeBinary } from "./envelope-binary.ts";
import { EnvelopeDecoder } from "./envelope-encoding.ts";
import type { EnvelopeForm } from "./envelope-form.ts";
import type { AskedHeaders } from "./envelope-header.ts";
import type { EnvelopeOutcome } from "./envelope-outcome.ts";
import { EnvelopeXml, type XmlOutcome } from "./envelope-xml.ts";
import { MultipartRoot } from "./multipart-root.ts";

/** The most of a body that is looked at; what the peer may send before it is granted more. docs/routing.md, "Envelopes". */
export const envelopeBytesMax = 64 * 1024;

/**
 * Looks for an envelope's header in the start of a body, in whatever pieces that comes: the answer is the same for all. It
 * reads up to the Body's start tag and keeps no piece, only what the parser has not understood yet.
 */
export class EnvelopeScanner {
  readonly #bytesMax: number;
  readonly #root: MultipartRoot | undefined;
  readonly #xml: EnvelopeXml;
  readonly #binary: EnvelopeBinary | undefined;
  #decoder: EnvelopeDecoder | undefined;
  #bytes = 0;
  #outcome: EnvelopeOutcome = { t: "more" };

  constructor(form: Exclude<EnvelopeForm, { t: "absent" }>, asked: AskedHeaders, bytesMax = envelopeBytesMax) {
    this.#bytesMax = Math.min(bytesMax, envelopeBytesMax);
    this.#xml = new EnvelopeXml(asked);
    if (form.t === "binary") this.#binary = new EnvelopeBinary(asked, form.session, this.#bytesMax);
    else if (form.t === "multipart") this.#root = new MultipartRoot(form.boundary, form.start);
    else this.#decoder = new EnvelopeDecoder(form.charset);
  }

  push(bytes: Buffer): EnvelopeOutcome {
    for (let at = 0; at < bytes.length && this.#outcome.t === "more"; at += pieceBytes) {
      const end = Math.min(at + pieceBytes, at + this.#bytesMax - this.#bytes, bytes.length);
      this.#bytes += end - at;
      this.#outcome = this.#piece(bytes.subarray(at, end));
      if (this.#outcome.t === "more" && this.#bytes >= this.#bytesMax) this.#outcome = this.#stopped();
    }
    return this.#outcome;
  }

  /** The body has ended. Never `more`. */
  end(): EnvelopeOutcome {
    if (this.#outcome.t === "more") {
      const content = this.#binary ?? this.#xml;
      this.#outcome = this.#bytes === 0 ? { t: "notSoap", why: "the body is empty" } : content.end();
    }
    return this.#outcome;
  }

  #piece(bytes: Buffer): EnvelopeOutcome {
    if (this.#binary !== undefined) return this.#binary.push(bytes);
    if (this.#root === undefined) return this.#content(bytes);
    const piece = this.#root.push(bytes);
    if (piece.t === "content") return piece.bytes.length > 0 ? this.#content(piece.bytes) : this.#outcome;
    return piece.t === "ended" ? this.#xml.end() : piece;
  }

  #content(bytes: Buffer): XmlOutcome {
    this.#decoder ??= new EnvelopeDecoder(this.#root?.charset);
    const text = this.#decoder.push(bytes);
    if (text === undefined)
      return { t: "notSoap", why: "the envelope is in an encoding that the router does not read" };
    return this.#xml.write(text);
  }

  #stopped(): EnvelopeOutcome {
    const stopped = this.#xml.stop();
    if (stopped.t !== "more") return stopped;
    return { t: "tooLong", why: `the envelope's header does not end in the body's first ${this.#bytesMax} bytes` };
  }
}

/** Small, so that little is decoded in vain when the header ends. */
const pieceBytes = 2 * 1024;
