import type { Socket } from "node:net";
import type { Clock } from "@sallyport/tunnel/clock";

/** How long a client may take to read its last bytes and close. */
export const farewellMs = 2_000;

/**
 * Writes a connection's last bytes and closes it. What the client still sends is taken and dropped until it closes its side:
 * closed before, the system would break the connection off, and with it what the client has not read.
 */
export function farewell(socket: Socket, bytes: Buffer, clock: Clock): void {
  const cancel = clock.after(farewellMs, () => socket.resetAndDestroy());
  socket.once("close", cancel);
  socket.on("data", drop);
  socket.resume();
  socket.end(bytes);
}

function drop(): void {}
