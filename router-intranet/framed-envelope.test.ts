import { action, envelopeOf, sessionStrings } from "@sallyport/proto/net-tcp/testing/binary-xml";
import { chunked, end, envelope, preamble } from "@sallyport/proto/net-tcp/testing/records";
import { expect, it } from "vitest";
import { FramedEnvelope } from "./framed-envelope.ts";
import { EnvelopeScanner, envelopeBytesMax } from "./match/envelope.ts";
import { askedHeaders } from "./match/envelope-header.ts";
import type { EnvelopeOutcome } from "./match/envelope-outcome.ts";

function read(bytes: Buffer, pieceBytes = bytes.length, bytesMax = envelopeBytesMax): EnvelopeOutcome {
  const scanner = new EnvelopeScanner({ t: "binary", session: true }, askedHeaders([]));
  const framed = new FramedEnvelope(preamble(), scanner, bytesMax);
  for (let at = 0; at < bytes.length; at += pieceBytes) framed.push(bytes.subarray(at, at + pieceBytes));
  return framed.end();
}

const add = Buffer.concat([sessionStrings(), envelopeOf(action("urn:Add"))]);
const found = { t: "found", headers: new Map([["{http://www.w3.org/2005/08/addressing}Action", "urn:Add"]]) };

it.each([
  ["sized", envelope(add)],
  ["in chunks", chunked(...Array.from(add.toString("latin1"), (char) => char))],
])("T9: a session's first envelope, %s, is read alike in whatever pieces", (_, bytes) => {
  for (let pieceBytes = 1; pieceBytes <= bytes.length; pieceBytes += 7) {
    expect(read(bytes, pieceBytes)).toEqual(found);
  }
});

it.each([
  ["that ends at once", end, { t: "notSoap", why: "the session has no message" }],
  ["that breaks off", envelope(add).subarray(0, 20), { t: "notSoap", why: "the session has no message" }],
  [
    "whose envelope ends in its header",
    envelope(add.subarray(0, 20)),
    { t: "malformed", why: "the binary envelope ends before its Body begins" },
  ],
  [
    "of other records",
    Buffer.from([0x0b]),
    { t: "malformed", why: "the net.tcp initiator has a record of type 11 where an envelope or an end belongs" },
  ],
])("a session %s is told as such", (_, bytes, outcome) => {
  expect(read(bytes)).toEqual(outcome);
});

it("no more is read than may come, records' heads included", () => {
  const why = "the header of the first envelope does not end in the session's first 20 bytes";
  expect(read(envelope(add), 7, 20)).toEqual({ t: "tooLong", why });
  expect(read(envelope(add), 7, envelope(add).length)).toEqual(found);
});
