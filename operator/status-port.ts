import { createServer, type Server, type ServerResponse } from "node:http";

export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export type Pages = Readonly<Record<string, () => Page | Promise<Page>>>;

export interface StatusPort {
  readonly port: number;
  close(): void;
}

/** GET of a few fixed pages, for the cluster only. Rejects when the port cannot be had. */
export function openStatusPort(port: number, pages: Pages): Promise<StatusPort> {
  const server = createServer((request, response) => {
    const page = request.method === "GET" ? pages[request.url ?? ""] : undefined;
    if (page === undefined) return write(response, { status: 404, type: "text/plain", body: "no such page\n" });
    Promise.resolve(page()).then(
      (ready) => write(response, ready),
      (error: Error) => write(response, { status: 500, type: "text/plain", body: `${error.message}\n` }),
    );
  });
  server.requestTimeout = 10_000;
  server.maxConnections = 64;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, () => resolve({ port: portOf(server), close: () => closeServer(server) }));
  });
}

export function text(status: number, body: string): Page {
  return { status, type: "text/plain; charset=utf-8", body: `${body}\n` };
}

function write(response: ServerResponse, { status, type, body }: Page): void {
  response.writeHead(status, { "Content-Type": type }).end(body);
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function closeServer(server: Server): void {
  server.close();
  server.closeAllConnections();
}
