import { isDeepStrictEqual } from "node:util";
import { faultRecord, framingFaults } from "@sallyport/proto/net-tcp/framing-fault";
import { parsePreamble, readPreamble } from "@sallyport/proto/net-tcp/preamble";
import type { RecordEvent, Side } from "@sallyport/proto/net-tcp/record";
import { RecordReader } from "@sallyport/proto/net-tcp/record-reader";
import { SessionTrack } from "@sallyport/proto/net-tcp/session-track";
import { chunked, end, envelope, preamble } from "@sallyport/proto/net-tcp/testing/records";
import { latin1, type Target } from "../target.ts";

/** Records read alike in whatever pieces; a preamble is told as it came; a session's tracker takes no more than there is. */
export const target: Target = {
  summary: "net.tcp records ([MC-NMF]) of both sides, in pieces and whole",
  seeds: [
    seed(0, preamble(), envelope("x"), end, preamble()),
    seed(0, preamble({ mode: 1, encoding: 7 }), chunked("ab", "c"), end),
    seed(0, preamble({ upgrade: "application/ssl-tls" }), Buffer.from([0x16, 3, 1])),
    seed(0, preamble({ via: "net.tcp://x/é" })),
    seed(1, Buffer.from([0x0b]), envelope("y"), end),
    seed(1, Buffer.from([0x0a, 0x16])),
    seed(1, faultRecord(framingFaults.endpointNotFound)),
  ],
  tokens: [
    latin1(preamble()),
    latin1(envelope("x")),
    latin1(chunked("ab", "c")),
    "\x07",
    "\x0b",
    "\x0a",
    "\xff\xff\xff\xff\x07",
    "\x09\x13application/ssl-tls",
  ],
  inputBytesMax: 4_096,
  bufferBytesMax: 16 * 1024 * 1024,
  run(input) {
    const side: Side = (input[0] ?? 0) % 2 === 0 ? "initiator" : "receiver";
    const bytes = input.subarray(1);
    const whole = read(side, bytes, bytes.length);
    for (const pieceBytes of bytes.length <= 512 ? [1, 2, 5] : [97]) {
      const pieces = read(side, bytes, pieceBytes);
      if (!isDeepStrictEqual(pieces, whole))
        throw new Error(`${JSON.stringify(pieces)}, whole ${JSON.stringify(whole)}`);
    }
    if (side === "initiator") checkPreamble(bytes);
  },
};

function read(side: Side, bytes: Buffer, pieceBytes: number): unknown[] {
  const reader = new RecordReader(side);
  const told: unknown[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    reader.push(bytes.subarray(at, at + pieceBytes));
    for (let event = reader.next(); event !== undefined; event = reader.next()) tell(told, event);
  }
  return told;
}

/** Pieces of an envelope as one. */
function tell(told: unknown[], event: RecordEvent): void {
  const last = told.at(-1);
  if (event.t !== "payload") told.push(event);
  else told.push(typeof last === "string" ? told.pop() + latin1(event.bytes) : latin1(event.bytes));
}

function checkPreamble(bytes: Buffer): void {
  const reading = readPreamble(bytes);
  if (reading.t !== "read") return;
  const own = bytes.subarray(0, reading.bytes);
  const rest = bytes.subarray(reading.bytes);
  if (!isDeepStrictEqual(parsePreamble(own), reading.preamble)) throw new Error("reads its own another way");
  const taken = new SessionTrack(reading.preamble, own).fromInitiator(rest);
  if (taken > rest.length || taken < 0) throw new Error(`takes ${taken} of ${rest.length} bytes`);
  if (taken < rest.length && rest[taken - 1] !== 0x07) throw new Error("stops elsewhere than at an end");
}

function seed(side: number, ...records: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([side]), ...records]);
}
