import { isDeepStrictEqual } from "node:util";
import { type BinaryHeaderOutcome, BinaryHeaderReader } from "@sallyport/proto/net-tcp/binary-header";
import {
  action,
  chars,
  element,
  endElement,
  envelopeOf,
  known,
  opening,
  record,
  sessionId,
  sessionStrings,
  xmlns,
} from "@sallyport/proto/net-tcp/testing/binary-xml";
import { latin1, type Target } from "../target.ts";

const textMax = 64;
const bytesMax = 1_024;

/** Always decides, alike in whatever pieces, within its limits; and what follows a header that it found is nothing to it. */
export const target: Target = {
  summary: "headers of binary SOAP envelopes ([MC-NBFX], [MC-NBFSE]), in pieces and whole",
  seeds: [
    seed(0, envelopeOf(action("urn:Add"), element("", "Tenant"), xmlns("", "urn:t"), chars("x"))),
    seed(1, sessionStrings("urn:Add", "urn:t"), envelopeOf(known("a", "Action"), record(0xab, sessionId(0)))),
    seed(0, envelopeOf(element("", "A"), element("", "B"), chars("x"), endElement)),
    seed(0, envelopeOf(record(0x03, element("", "I"), endElement), Buffer.from([0x8b, 2, 1, 0, 2, 0]))),
    seed(0, envelopeOf(element("", "A"), Buffer.from([0xa5, 0x82, 0x88, 0xde, 0xa6]))),
    seed(0, envelopeOf(element("", "A"), Buffer.from([0xb7, 2, 0x75, 0, 0xad]), Buffer.alloc(16))),
  ],
  tokens: [
    ...[opening, endElement, known("s", "Body"), known("a", "To"), element("p", "N"), xmlns("p", "urn:p")].map(latin1),
    ...[chars("text"), record(0x03, element("", "I"), endElement)].map(latin1),
    "\xff\xff\xff\xff\x07",
    "\x0c\x00\x82",
    "\xa4\x82\xa6",
  ],
  inputBytesMax: 2_048,
  bufferBytesMax: 16 * 1024 * 1024,
  run(input) {
    const session = (input[0] ?? 0) % 2 === 1;
    const bytes = input.subarray(1);
    const whole = read(session, bytes, bytes.length);
    for (const pieceBytes of bytes.length <= 256 ? [1, 3, 10] : [61]) {
      const pieces = read(session, bytes, pieceBytes);
      if (!isDeepStrictEqual(pieces, whole))
        throw new Error(`${JSON.stringify(pieces)}, whole ${JSON.stringify(whole)}`);
    }
    if (whole.t !== "found") return;
    if (whole.blocks.some(({ text }) => (text?.length ?? 0) > textMax)) throw new Error("keeps more than its limit");
    const more = read(session, Buffer.concat([bytes, Buffer.from([0xff, 0xff])]), bytes.length);
    if (!isDeepStrictEqual(more, whole)) throw new Error("finds another header where more follows");
  },
};

function read(session: boolean, bytes: Buffer, pieceBytes: number): BinaryHeaderOutcome {
  const reader = new BinaryHeaderReader({ session, wants: () => true, textMax, bytesMax });
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
  const outcome = reader.end();
  if (outcome.t === "more") throw new Error("has not decided at the end");
  return outcome;
}

function seed(session: number, ...parts: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([session]), ...parts]);
}
