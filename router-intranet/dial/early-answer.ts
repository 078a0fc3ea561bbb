import type { Socket } from "node:net";

type Written = (error?: Error | null) => void;

/**
 * A destination may answer and close while the request is still being written: 413 to an upload, say. The next write
 * then fails, and Node would throw the connection away with the answer in it, unread. So a write to a closed connection
 * is taken for done. Reading goes on and meets the answer, or the end that makes it an error.
 */
export function keepReading(socket: Socket): void {
  const guard = new WriteGuard(socket);
  socket._write = guard.write;
  if (socket._writev) socket._writev = guard.writev;
}

/** From here on a connection that breaks is an error, as for any other socket. */
export function stopKeepingOn(socket: Socket): void {
  Reflect.deleteProperty(socket, "_write");
  Reflect.deleteProperty(socket, "_writev");
}

/** A Writable has one write under way at a time, so one callback to keep, and no closure for each. */
class WriteGuard {
  readonly #socket: Socket;
  readonly #write: Socket["_write"];
  readonly #writev: NonNullable<Socket["_writev"]> | undefined;
  #written: Written = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#write = socket._write;
    this.#writev = socket._writev;
  }

  write: Socket["_write"] = (chunk, encoding, written) => {
    this.#written = written;
    this.#write.call(this.#socket, chunk, encoding, this.#onWritten);
  };

  writev: NonNullable<Socket["_writev"]> = (chunks, written) => {
    this.#written = written;
    this.#writev?.call(this.#socket, chunks, this.#onWritten);
  };

  #onWritten: Written = (error) => {
    const closed = error && "code" in error && (error.code === "EPIPE" || error.code === "ECONNRESET");
    this.#written(closed ? null : error);
  };
}
