import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { listenError } from "./listen-error.ts";

export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Path → page, made anew for each request. */
export type Pages = Readonly<Record<string, () => Page | Promise<Page>>>;

const connectionsMax = 256;
const timeouts = {
  requestTimeout: 5_000,
  headersTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};

/** A few read-only pages for probes and people: GET and HEAD, nothing else. */
export class StatusServer {
  readonly #purpose: string;
  readonly #server: http.Server;
  /** In order of arrival. */
  readonly #sockets = new Set<Socket>();

  constructor(purpose: string, pages: Pages) {
    this.#purpose = purpose;
    this.#server = http.createServer(timeouts, (request, response) => {
      answer(pages, request).then(
        (page) => send(request, response, page),
        (error: unknown) => send(request, response, text(500, `this page failed: ${String(error)}\n`)),
      );
    });
    this.#server.on("connection", (socket) => this.#admit(socket));
  }

  /** Answers the port. */
  listen(address: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error) => reject(listenError(this.#purpose, address, port, error)));
      this.#server.listen(port, address, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** The newest connection is the one that asks: the oldest makes room for it. */
  #admit(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#sockets.size <= connectionsMax) return;
    for (const oldest of this.#sockets) {
      oldest.destroy();
      return;
    }
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

export function text(status: number, body: string): Page {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

export function json(body: unknown): Page {
  return { status: 200, contentType: "application/json", body: `${JSON.stringify(body, null, 2)}\n` };
}

async function answer(pages: Pages, request: http.IncomingMessage): Promise<Page> {
  const path = (request.url ?? "").split("?", 1)[0]!;
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (!page) return text(404, `no such page; there are ${Object.keys(pages).join(", ")}\n`);
  if (request.method !== "GET" && request.method !== "HEAD") return text(405, "GET or HEAD only\n");
  return page();
}

function send(request: http.IncomingMessage, response: http.ServerResponse, page: Page): void {
  response.writeHead(page.status, {
    "content-type": page.contentType,
    "content-length": Buffer.byteLength(page.body),
    "cache-control": "no-store",
    ...(page.status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : page.body);
}
