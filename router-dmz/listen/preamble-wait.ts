import type { Socket } from "node:net";
import type { Clock } from "@sallyport/tunnel/clock";
import type { PreambleReader } from "../preamble.ts";

export type PreambleOutcome<Value> =
  /** `bytes` are those that said it; what came after them is in the socket again. */
  | { readonly t: "read"; readonly bytes: Buffer; readonly value: Value }
  /** `why`: undefined when the client left without a byte, as the checks of load balancers do. */
  | { readonly t: "refused"; readonly why: string | undefined };

/**
 * Waits for the start of a paused socket, for `limitMs` at most, and leaves it paused. Keeps `bytesMax` at most. Calls
 * `onOutcome` once, unless the socket broke before.
 */
export function awaitPreamble<Value>(
  socket: Socket,
  reader: PreambleReader<Value>,
  { clock, limitMs }: { readonly clock: Clock; readonly limitMs: number },
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
  const refuse = (why: string | undefined) => {
    stop();
    onOutcome({ t: "refused", why });
  };
  const onData = (bytes: Buffer) => {
    kept = append(kept, length, bytes, reader.bytesMax);
    // What does not fit follows the preamble, if this is one.
    const fitting = Math.min(bytes.length, reader.bytesMax - length);
    length += fitting;
    if (length < wanted) return;
    const reading = reader.read(kept.subarray(0, length));
    if (reading.t === "more") wanted = Math.max(length + 1, reading.bytes);
    if (reading.t === "more" && wanted <= reader.bytesMax) return;
    if (reading.t !== "read") return refuse(reading.t === "refused" ? reading.why : `is over ${reader.bytesMax} bytes`);
    // A socket that flows would hand on at once what is put back.
    stop();
    const rest = Buffer.concat([kept.subarray(reading.bytes, length), bytes.subarray(fitting)]);
    if (rest.length > 0) socket.unshift(rest);
    onOutcome({ t: "read", bytes: Buffer.from(kept.subarray(0, reading.bytes)), value: reading.value });
  };
  const onEnd = () => refuse(length === 0 ? undefined : `broke off after ${length} bytes`);
  const cancel = clock.after(limitMs, () => refuse(`did not come whole within ${limitMs} ms`));
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
