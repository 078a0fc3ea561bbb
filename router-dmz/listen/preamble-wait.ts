import type { Socket } from "node:net";
import type { Clock } from "@sallyport/tunnel/clock";
import type { PreambleReader } from "../preamble.ts";

export type PreambleOutcome<Value> =
  /** `bytes` are those that said it; what came after them is in the socket again. */
  | { readonly t: "read"; readonly bytes: Buffer; readonly value: Value }
  /** `why`: undefined when the client left without a byte, as the checks of load balancers do. */
  | { readonly t: "refused"; readonly why: string | undefined; readonly answer?: Buffer };

export interface PreambleLimits {
  readonly clock: Clock;
  /** From now on, or from the first byte on where `idleMs` is given. */
  readonly limitMs: number;
  /** For the first byte; 0: for ever. */
  readonly idleMs?: number;
}

/**
 * Waits for the start of a paused socket, for `limitMs` at most, and leaves it paused. Keeps `bytesMax` at most. Calls
 * `onOutcome` once, unless the socket broke before.
 */
export function awaitPreamble<Value>(
  socket: Socket,
  reader: PreambleReader<Value>,
  { clock, limitMs, idleMs }: PreambleLimits,
  onOutcome: (outcome: PreambleOutcome<Value>) => void,
): void {
  let kept: Buffer = Buffer.allocUnsafe(Math.min(reader.bytesMax, firstBytes));
  let length = 0;
  let wanted = 1;
  const stop = () => {
    socket.pause();
    cancel();
    socket.off("data", onData).off("end", onEnd).off("close", cancel);
  };
  const refuse = (refusal: { readonly why: string | undefined; readonly answer?: Buffer }) => {
    stop();
    onOutcome({ ...refusal, t: "refused" });
  };
  const onData = (bytes: Buffer) => {
    if (length === 0 && idleMs !== undefined) awaitRest();
    kept = append(kept, length, bytes, reader.bytesMax);
    // What does not fit follows the preamble, if this is one.
    const fitting = Math.min(bytes.length, reader.bytesMax - length);
    length += fitting;
    if (length < wanted) return;
    const reading = reader.read(kept.subarray(0, length));
    if (reading.t === "more") wanted = Math.max(length + 1, reading.bytes);
    if (reading.t === "more" && wanted <= reader.bytesMax) return;
    if (reading.t === "refused") return refuse(reading);
    if (reading.t === "more") return refuse({ why: `is over ${reader.bytesMax} bytes` });
    // A socket that flows would hand on at once what is put back.
    stop();
    const rest = Buffer.concat([kept.subarray(reading.bytes, length), bytes.subarray(fitting)]);
    if (rest.length > 0) socket.unshift(rest);
    onOutcome({ t: "read", bytes: Buffer.from(kept.subarray(0, reading.bytes)), value: reading.value });
  };
  const onEnd = () => refuse({ why: length === 0 ? undefined : `broke off after ${length} bytes` });
  let cancelTimer = () => {};
  const cancel = () => cancelTimer();
  const awaitRest = () => {
    cancel();
    cancelTimer = clock.after(limitMs, () => refuse({ why: `did not come whole within ${limitMs} ms` }));
  };
  if (idleMs === undefined) awaitRest();
  else if (idleMs > 0) cancelTimer = clock.after(idleMs, () => refuse({ why: undefined }));
  socket.on("data", onData).on("end", onEnd).on("close", cancel);
  socket.resume();
}

const firstBytes = 1024;

/** Doubles what keeps them, so that a client of single bytes costs no more than another. */
function append(kept: Buffer, length: number, bytes: Buffer, bytesMax: number): Buffer {
  let grown = kept;
  while (grown.length < bytesMax && grown.length < length + bytes.length) {
    grown = Buffer.allocUnsafe(Math.min(bytesMax, grown.length * 2));
  }
  if (grown !== kept) kept.copy(grown, 0, 0, length);
  bytes.copy(grown, length);
  return grown;
}
