import { createServer as createHttpServer, type RequestListener, type ServerOptions } from "node:http";
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from "node:net";

/** Destinations for tests: real servers on loopback, proper ones and ones that misbehave byte by byte. */
export interface Loopback {
  readonly origin: string;
  /** Connections taken so far. */
  connections: number;
  close(): Promise<void>;
}

const running = new Set<Loopback>();

/** For `afterEach`. */
export async function closeLoopbacks(): Promise<void> {
  await Promise.all([...running].map((server) => server.close()));
}

export function serveHttp(listener: RequestListener, options: ServerOptions = {}): Promise<Loopback> {
  return start(createHttpServer({ keepAliveTimeout: 0, maxHeaderSize: 128 * 1024, ...options }, listener));
}

export function serveRaw(onConnection: (connection: RawConnection) => void): Promise<Loopback> {
  return start(createNetServer({ allowHalfOpen: true }, (socket) => onConnection(new RawConnection(socket))));
}

export async function start(server: Server, scheme = "http", host = "127.0.0.1"): Promise<Loopback> {
  const sockets = new Set<Socket>();
  const loopback = {
    origin: "",
    connections: 0,
    async close() {
      running.delete(loopback);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on("connection", (socket: Socket) => {
    loopback.connections++;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  loopback.origin = `${scheme}://${host.includes(":") ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
  running.add(loopback);
  return loopback;
}

/** An origin on which nothing listens. */
export async function closedOrigin(): Promise<string> {
  const server = await serveRaw(() => {});
  await server.close();
  return server.origin;
}

/** One connection as bytes, one char each. */
export class RawConnection {
  readonly socket: Socket;
  received = "";
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()).once("end", () => resolve()));
    socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
    });
  }

  /** Resolves once the bytes so far end with `end` or hold `count` times what is looked for. */
  async until(end: string, count = 1): Promise<string> {
    while (this.received.split(end).length <= count) {
      await new Promise((resolve) => this.socket.once("data", resolve));
    }
    return this.received;
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  end(text = ""): void {
    this.socket.end(text, "latin1");
  }

  /** RST instead of FIN. */
  break(): void {
    this.socket.resetAndDestroy();
  }
}
