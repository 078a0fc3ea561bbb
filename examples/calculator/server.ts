import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Answer, problem } from "./answer.ts";
import { bodyBytesMax, readBody } from "./body.ts";
import { path } from "./contract.ts";
import { writeGuide } from "./guide.ts";
import { type KeepLog, keepMessages } from "./messages.ts";
import { operations } from "./operations.ts";
import { callerOrigin } from "./origin.ts";
import { answerRest } from "./rest.ts";
import { answerSoap, answerUnread } from "./soap.ts";
import { writeWsdl } from "./wsdl.ts";

export interface CalculatorOptions {
  /** 0, the default: any free port. */
  readonly port?: number;
  /** "127.0.0.1" by default: the service believes X-Forwarded-Host, so only the tunnel should reach it. */
  readonly address?: string;
  /** Called for each Log call. */
  readonly log?: KeepLog;
}

export interface Calculator {
  readonly port: number;
  /** Takes no more calls, lets those under way finish for up to a second, and ends. */
  close(): Promise<void>;
}

/** Resolves when it listens. Rejects with a clear error when it cannot. */
export async function startCalculator(options: CalculatorOptions = {}): Promise<Calculator> {
  const { port = 0, address = "127.0.0.1", log } = options;
  const keep = keepMessages(log);
  // As many bytes of headers as R1 lets in; Kerberos tokens are larger than Node's 16 KiB.
  const server = createServer({ maxHeaderSize: 64 * 1024, keepAliveTimeout: 30_000 }, (request, response) => {
    void serve(server, request, response, keep);
  });
  await listen(server, port, address);
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

type Keep = (message: string) => void;

async function serve(server: Server, request: IncomingMessage, response: ServerResponse, keep: Keep): Promise<void> {
  let answer: Answer;
  try {
    answer = await route(request, keep);
  } catch (error) {
    // A client that broke off has nobody to answer; anything else is a mistake in this program.
    if (error === request.errored) return;
    console.error("calculator:", error);
    answer = problem(500, "Internal Server Error", "The calculator failed; its log says why.");
  }
  if (!request.complete || !server.listening) response.setHeader("connection", "close");
  // A 204 has no length (RFC 9110, 8.6).
  const length = answer.status === 204 ? {} : { "content-length": Buffer.byteLength(answer.body) };
  response.writeHead(answer.status, { ...answer.headers, ...length }).end(answer.body);
}

async function route(request: IncomingMessage, keep: Keep): Promise<Answer> {
  const target = parseTarget(request.url ?? "");
  if (target === undefined) return problem(400, "Bad Request", "The request's target is not a URL.");
  if (target.path === path) return atService(request, target.query, keep);
  const operation = operations.find((name) => `${path}/${name.toLowerCase()}` === target.path);
  if (operation !== undefined) return withMethods(request, ["GET", "HEAD"], () => answerRest(operation, target.query));
  return problem(404, "Not Found", `There is nothing at this path. GET ${path} tells what can be called.`);
}

function atService(request: IncomingMessage, query: URLSearchParams, keep: Keep): Answer | Promise<Answer> {
  return withMethods(request, ["GET", "HEAD", "POST"], () => {
    return request.method === "POST" ? takePost(request, keep) : describe(request, query);
  });
}

function withMethods<Result>(request: IncomingMessage, methods: string[], work: () => Result): Answer | Result {
  const { method = "" } = request;
  if (methods.includes(method)) return work();
  const allow = [...methods, "OPTIONS"].join(", ");
  // Some SOAP clients ask with OPTIONS first.
  if (method === "OPTIONS") return { status: 204, headers: { allow }, body: "" };
  return problem(405, "Method Not Allowed", `${method} is not served here; ${allow} are.`, { allow });
}

async function takePost(request: IncomingMessage, keep: Keep): Promise<Answer> {
  const coding = request.headers["content-encoding"] ?? "identity";
  if (coding.toLowerCase() !== "identity") {
    const detail = `The Content-Encoding "${coding}" is not read here; send the message as it is.`;
    return problem(415, "Unsupported Media Type", detail, { "accept-encoding": "identity" });
  }
  const contentType = request.headers["content-type"];
  const read = await readBody(request);
  if (read.t === "read") return answerSoap(contentType, read.body, keep);
  return answerUnread(contentType, `The message has more than ${bodyBytesMax} bytes, which is the most taken here.`);
}

function describe(request: IncomingMessage, query: URLSearchParams): Answer {
  const origin = callerOrigin(request.headers);
  if (origin === undefined) return problem(400, "Bad Request", "The Host header names no host.");
  const wsdl = [...query.keys()].some((key) => /^(single)?wsdl$/i.test(key));
  const type = wsdl ? "text/xml; charset=utf-8" : "text/plain; charset=utf-8";
  return { status: 200, headers: { "content-type": type }, body: wsdl ? writeWsdl(origin) : writeGuide(origin) };
}

function parseTarget(target: string): { path: string; query: URLSearchParams } | undefined {
  // Proxies may send the absolute form; "//x" is a path, not a host.
  const text = target.startsWith("/") ? `http://localhost${target}` : target;
  if (!URL.canParse(text)) return undefined;
  const { pathname, searchParams } = new URL(text);
  return {
    path: pathname.length > 1 && pathname.endsWith("/") ? pathname.slice(0, -1) : pathname,
    query: searchParams,
  };
}

function listen(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, port, address)));
    server.listen(port, address, resolve);
  });
}

function listenError(error: NodeJS.ErrnoException, port: number, address: string): Error {
  const where = `port ${port} of ${address}`;
  const text =
    error.code === "EADDRINUSE"
      ? `${where} is taken by another program; end that one or choose another port`
      : `cannot listen on ${where}: ${error.message}`;
  return new Error(`calculator: ${text}`, { cause: error });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const deadline = setTimeout(() => server.closeAllConnections(), 1_000);
    server.close(() => {
      clearTimeout(deadline);
      resolve();
    });
  });
}
