import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { faultRecord, framingFaults } from "./framing-fault.ts";
import type { RecordEvent, Side } from "./record.ts";
import { RecordReader } from "./record-reader.ts";
import { ack, chunked, end, envelope, preamble, text } from "./testing/records.ts";

/** All that a reader says of these pieces; pieces of one envelope as one. */
function read(side: Side, ...pieces: Buffer[]): unknown[] {
  const reader = new RecordReader(side);
  const events: RecordEvent[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let event = reader.next(); event !== undefined; event = reader.next()) events.push(event);
  }
  const told: unknown[] = [];
  for (const event of events) {
    if (event.t !== "payload") told.push(event);
    else if (typeof told.at(-1) === "string") told.push(`${told.pop()}${event.bytes}`);
    else told.push(event.bytes.toString());
  }
  return told;
}

function bytewise(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (byte) => Buffer.from([byte]));
}

const via = "net.tcp://calc.example:808/calc";
const opened = [
  { t: "mode", mode: 2 },
  { t: "via", via },
  { t: "encoding", known: 8, type: "" },
];

describe("records of a client", () => {
  const session = Buffer.concat([preamble(), envelope("one"), envelope(""), envelope("x".repeat(300)), end]);
  const told = [
    ...[...opened, { t: "preambleEnd" }, { t: "envelope", bytes: 3 }, "one", { t: "envelopeEnd" }],
    ...[{ t: "envelope", bytes: 0 }, { t: "envelopeEnd" }],
    ...[{ t: "envelope", bytes: 300 }, "x".repeat(300), { t: "envelopeEnd" }, { t: "end" }],
  ];

  it("T5: tells a whole session, and stops at its end", () => {
    expect(read("initiator", Buffer.concat([session, preamble()]))).toEqual(told);
  });

  it("T5: tells the same whatever the pieces are", () => {
    expect(read("initiator", ...bytewise(session))).toEqual(told);
    for (let cut = 1; cut < session.length; cut += 1) {
      expect(read("initiator", session.subarray(0, cut), session.subarray(cut))).toEqual(told);
    }
  });

  it("M3: tells an unsized envelope without the sizes of its chunks", () => {
    const streamed = Buffer.concat([preamble({ mode: 1, encoding: 7 }), chunked("ab", "c".repeat(200)), end]);
    const events = read("initiator", ...bytewise(streamed)).slice(4);
    const envelopeEvents = [{ t: "envelope", bytes: undefined }, `ab${"c".repeat(200)}`, { t: "envelopeEnd" }];
    expect(events).toEqual([...envelopeEvents, { t: "end" }]);
  });

  it("T2: reads nothing behind an upgrade request", () => {
    const asked = Buffer.concat([preamble({ upgrade: "application/ssl-tls" }), Buffer.from([0x16, 3, 1])]);
    expect(read("initiator", asked)).toEqual([...opened, { t: "upgradeRequest", protocol: "application/ssl-tls" }]);
  });

  it("takes an encoding by its content type", () => {
    const bytes = Buffer.concat([Buffer.from([0, 1, 0, 1, 2]), text(2, "net.tcp://x/"), text(4, "text/xml")]);
    expect(read("initiator", bytes).at(-1)).toEqual({ t: "encoding", known: undefined, type: "text/xml" });
  });

  it("reads sizes as WCF does, in more bytes than are needed", () => {
    const padded = Buffer.concat([preamble(), Buffer.from([6, 0x83, 0x80, 0x00]), Buffer.from("one")]);
    expect(read("initiator", padded).slice(4)).toEqual([{ t: "envelope", bytes: 3 }, "one", { t: "envelopeEnd" }]);
    const largest = Buffer.concat([preamble(), Buffer.from([6, 0xff, 0xff, 0xff, 0xff, 0x07])]);
    expect(read("initiator", largest).at(-1)).toEqual({ t: "envelope", bytes: 0x7fffffff });
  });

  it("T5: says where the session ended", () => {
    const reader = new RecordReader("initiator");
    const first = Buffer.concat([preamble(), end]);
    reader.push(first.subarray(0, 5));
    while (reader.next() !== undefined);
    reader.push(Buffer.concat([first.subarray(5), preamble()]));
    while (reader.next() !== undefined);
    expect(reader.readBytes).toBe(first.length - 5);
  });
});

describe("records of a service", () => {
  it.each([
    [
      "an acknowledgement and envelopes",
      Buffer.concat([ack, envelope("x"), end]),
      ["preambleAck", "envelope", "x", "envelopeEnd", "end"],
    ],
    ["an upgrade's answer, and nothing behind it", Buffer.from([0x0a, 0x16, 3]), ["upgradeResponse"]],
    ["a fault, and nothing behind it", Buffer.concat([faultRecord("no"), ack]), ["fault"]],
    ["a fault after the acknowledgement", Buffer.concat([ack, faultRecord("no")]), ["preambleAck", "fault"]],
  ])("tells %s", (_, bytes, wanted) => {
    const told = read("receiver", ...bytewise(bytes)).map((event) => (event as { t?: string }).t ?? event);
    expect(told).toEqual(wanted);
  });
});

describe("what is no preamble", () => {
  const head = Buffer.from([0, 1, 0, 1, 2]);
  const known = Buffer.concat([head, text(2, "net.tcp://x/")]);
  it.each([
    [
      "another protocol",
      Buffer.from("GET / HTTP/1.1\r\n"),
      "has a record of type 71 where a version belongs",
      undefined,
    ],
    ["another version", Buffer.from([0, 2, 0]), "has version 2, not 1", framingFaults.unsupportedVersion],
    ["no mode", Buffer.from([0, 1, 0, 2]), "has a record of type 2 where a mode belongs", undefined],
    [
      "a mode that does not go over connections",
      Buffer.from([0, 1, 0, 1, 4]),
      "has the mode 4",
      framingFaults.unsupportedMode,
    ],
    ["a mode that is none", Buffer.from([0, 1, 0, 1, 9]), "has the mode 9", framingFaults.unsupportedMode],
    [
      "a via of 2,049 bytes",
      Buffer.concat([head, Buffer.from([2, 0x81, 0x10])]),
      "has a via of 2049 bytes, over 2048",
      framingFaults.viaTooLong,
    ],
    [
      "a via that is not UTF-8",
      Buffer.concat([head, Buffer.from([2, 1, 0xff])]),
      "has a via that is not UTF-8",
      undefined,
    ],
    [
      "a size that does not end",
      Buffer.concat([head, Buffer.from([2, 0xff, 0xff, 0xff, 0xff, 0xff])]),
      "has a size of over 31 bits",
      undefined,
    ],
    [
      "a size of 32 bits",
      Buffer.concat([head, Buffer.from([2, 0xff, 0xff, 0xff, 0xff, 0x08])]),
      "has a size of over 31 bits",
      undefined,
    ],
    [
      "an encoding that is none",
      Buffer.concat([known, Buffer.from([3, 9])]),
      "has the encoding 9",
      framingFaults.contentTypeInvalid,
    ],
    [
      "a content type of 257 bytes",
      Buffer.concat([known, Buffer.from([4, 0x81, 0x02])]),
      "has a content type of 257 bytes, over 256",
      framingFaults.contentTypeTooLong,
    ],
    [
      "an upgrade of 257 bytes",
      Buffer.concat([known, Buffer.from([3, 8, 9, 0x81, 0x02])]),
      "has an upgrade of 257 bytes, over 256",
      framingFaults.upgradeInvalid,
    ],
    [
      "an envelope too early",
      Buffer.concat([known, Buffer.from([3, 8, 6])]),
      "has a record of type 6 where the preamble's end belongs",
      undefined,
    ],
  ])("refuses %s before more of it comes", (_, bytes, why, fault) => {
    const malformed = { t: "malformed", why: `the net.tcp initiator ${why}`, fault };
    expect(read("initiator", bytes).at(-1)).toEqual(malformed);
    expect(read("initiator", ...bytewise(bytes)).at(-1)).toEqual(malformed);
  });
});

it("keeps no more than a record between pieces, however long the envelope", () => {
  const reader = new RecordReader("initiator");
  reader.push(preamble());
  while (reader.next() !== undefined);
  reader.push(Buffer.from([6, 0xff, 0xff, 0xff, 0xff, 0x07]));
  expect(reader.next()).toEqual({ t: "envelope", bytes: 0x7fffffff });
  const piece = Buffer.alloc(64 * 1024, 7);
  for (let pieces = 0; pieces < 100; pieces += 1) {
    reader.push(piece);
    const event = reader.next();
    expect(event?.t === "payload" && event.bytes.buffer === piece.buffer && event.bytes.length).toBe(piece.length);
    expect(reader.next()).toBeUndefined();
  }
});

it("T5: tells any bytes alike, whatever the pieces are", () => {
  const grown = fc.tuple(fc.constantFrom(preamble(), Buffer.alloc(0)), fc.uint8Array({ maxLength: 80 }));
  fc.assert(
    fc.property(grown, fc.constantFrom<Side>("initiator", "receiver"), ([start, rest], side) => {
      const bytes = Buffer.concat([start, rest]);
      expect(read(side, ...bytewise(bytes))).toEqual(read(side, bytes));
    }),
  );
});
