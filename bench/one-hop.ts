import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Dispatcher, Pool } from "undici";

/**
 * The floor: the least that a proxy on Node does. node:http in, undici's `dispatch` out, one process, no TLS, no log, no
 * metrics; raw headers, bodies streamed with back-pressure. `ORIGIN` says where calls go. Ends with its parent.
 */

const origin = process.env.ORIGIN ?? "";
const pool = new Pool(origin, { connections: 256, headersTimeout: 0, bodyTimeout: 0 });
const ofThisHop = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"]);

const server = createServer({ keepAliveTimeout: 60_000, noDelay: true, requestTimeout: 0 }, (request, response) => {
  const { method = "GET", url = "/", rawHeaders } = request;
  const hasBody = "content-length" in request.headers || "transfer-encoding" in request.headers;
  const headers = withoutHop(rawHeaders);
  const body = hasBody ? request : null;
  pool.dispatch({ path: url, method: method as Dispatcher.HttpMethod, headers, body }, new Answer(request, response));
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit());

class Answer implements Dispatcher.DispatchHandler {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#response.on("drain", () => controller.resume());
    this.#response.on("close", () => {
      if (!this.#response.writableFinished) controller.abort(new Error("the client is gone"));
    });
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status >= 200) this.#response.writeHead(status, withoutHop(textOf(controller.rawHeaders)));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(): void {
    if (this.#response.headersSent) this.#response.destroy();
    else this.#response.writeHead(502).end();
    this.#request.resume();
  }
}

function withoutHop(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (!ofThisHop.has(raw[i]!.toLowerCase())) kept.push(raw[i]!, raw[i + 1]!);
  }
  return kept;
}

function textOf(raw: Dispatcher.DispatchController["rawHeaders"]): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((item) => (typeof item === "string" ? item : item.toString("latin1")));
}
