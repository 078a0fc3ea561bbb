import { connect, createServer, type Server, type Socket } from "node:net";

/** A way to `target` that counts the connections made on it. */
export class CountedWay {
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: URL) {
    this.#server = createServer((from) => {
      this.connections += 1;
      const to = connect(Number(target.port), target.hostname);
      from.setNoDelay();
      to.setNoDelay();
      this.#track(from, to);
      this.#track(to, from);
      from.pipe(to);
      to.pipe(from);
    });
  }

  static async to(target: string): Promise<CountedWay> {
    const way = new CountedWay(new URL(target));
    way.#server.listen(0, "127.0.0.1");
    await new Promise((resolve) => way.#server.once("listening", resolve));
    return way;
  }

  get url(): string {
    const { port } = this.#server.address() as { port: number };
    return `http://127.0.0.1:${port}`;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  /** Ends the other one with it. */
  #track(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      other.destroy();
    });
  }
}
