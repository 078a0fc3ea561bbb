import net, { type AddressInfo, type Socket } from "node:net";

/** Both ends of net.tcp as raw sockets, for tests. */

/** A client's connection: what came so far, and a wait for more. */
export class RawClient {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  /** "end": closed in peace; an error's code: broken off. */
  closed: string | undefined;
  readonly #waiting: (() => void)[] = [];

  constructor(port: number) {
    this.socket = net.connect({ port, host: "127.0.0.1" });
    this.socket.on("data", (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.#wake();
    });
    this.socket.on("end", () => this.#close("end"));
    this.socket.on("error", (error: NodeJS.ErrnoException) => this.#close(error.code ?? "error"));
    this.socket.on("close", () => this.#close("closed"));
  }

  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** The next bytes, once there are so many. */
  async take(count: number): Promise<Buffer> {
    await this.#until(() => this.received.length >= count);
    const taken = this.received.subarray(0, count);
    this.received = this.received.subarray(count);
    return taken;
  }

  /** How the other side closes, and what came before. */
  async rest(): Promise<{ bytes: Buffer; closed: string | undefined }> {
    await this.#until(() => this.closed !== undefined);
    this.socket.destroy();
    return { bytes: this.received, closed: this.closed };
  }

  #close(how: string): void {
    this.closed ??= how;
    this.#wake();
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.closed !== undefined)
        throw new Error(`closed (${this.closed}) with ${this.received.toString("latin1")}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** A service that shows each connection to `serve`. */
export async function listen(serve: (socket: Socket) => void): Promise<{ port: number; close: () => void }> {
  const sockets = new Set<Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    serve(socket);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}
