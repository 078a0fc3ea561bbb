import type { Reading } from "@sallyport/router-dmz/preamble";

/** The most cuts that one input is tried at. */
const cutsMax = 256;

/**
 * What holds for each reader of a connection's start: it reads the same however its bytes come, asks for more than it has,
 * and does not change its mind.
 */
export function checkPreamble<Value>(read: (bytes: Buffer) => Reading<Value>, input: Buffer): Reading<Value> {
  const reading = read(input);
  const step = Math.max(1, Math.ceil(input.length / cutsMax));
  for (let length = 0; length < input.length; length += step)
    checkCut(read(input.subarray(0, length)), length, reading);
  if (reading.t === "more") return reading;
  const longer = read(Buffer.concat([input, Buffer.of(0x16, 0x0d, 0x0a)]));
  if (textOf(longer) !== textOf(reading))
    throw new Error(`${textOf(reading)} became ${textOf(longer)} by what follows`);
  if (reading.t === "read" && (reading.bytes === 0 || reading.bytes > input.length))
    throw new Error("it read what is not there");
  return reading;
}

function checkCut<Value>(cut: Reading<Value>, length: number, whole: Reading<Value>): void {
  if (cut.t === "more") {
    if (cut.bytes <= length) throw new Error(`of ${length} bytes it asks for ${cut.bytes}`);
    if (whole.t === "read" && cut.bytes > whole.bytes) throw new Error("it asks for more than it needs");
  } else if (textOf(cut) !== textOf(whole))
    throw new Error(`${textOf(cut)} after ${length} bytes, then ${textOf(whole)}`);
}

function textOf(reading: Reading<unknown>): string {
  return JSON.stringify(reading);
}
