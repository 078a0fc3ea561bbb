import { BinaryHeaderReader, type HeaderBlock } from "@sallyport/proto/net-tcp/binary-header";
import { type AskedHeaders, type HeaderKey, type HeaderTexts, headerKey, headerTextMax } from "./envelope-header.ts";
import type { EnvelopeOutcome } from "./envelope-outcome.ts";

/** Reads the blocks that are asked for in an envelope in WCF's binary XML. */
export class EnvelopeBinary {
  readonly #asked: AskedHeaders;
  readonly #reader: BinaryHeaderReader;

  constructor(asked: AskedHeaders, session: boolean, bytesMax: number) {
    this.#asked = asked;
    this.#reader = new BinaryHeaderReader({
      ...{ session, textMax: headerTextMax, bytesMax },
      wants: (local) => asked.has(local),
    });
  }

  push(bytes: Buffer): EnvelopeOutcome {
    return this.#told(this.#reader.push(bytes));
  }

  /** Never `more`. */
  end(): EnvelopeOutcome {
    return this.#told(this.#reader.end());
  }

  #told(outcome: ReturnType<BinaryHeaderReader["push"]>): EnvelopeOutcome {
    return outcome.t === "found" ? { t: "found", headers: textsOf(this.#asked, outcome.blocks) } : outcome;
  }
}

/** Of several blocks of a key the first counts. */
function textsOf(asked: AskedHeaders, blocks: readonly HeaderBlock[]): HeaderTexts {
  const texts = new Map<HeaderKey, string | undefined>();
  for (const { local, namespace, text } of blocks) {
    for (const key of [headerKey(local, undefined), headerKey(local, namespace)]) {
      if (asked.get(local)?.has(key) === true && !texts.has(key)) texts.set(key, text?.replace(whiteSpaceEnds, ""));
    }
  }
  return texts;
}

/** Anchored on one side each, so that it is linear. */
const whiteSpaceEnds = /^[ \t\r\n]+|(?<![ \t\r\n])[ \t\r\n]+$/g;
