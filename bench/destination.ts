import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { soapResponse } from "./soap-message.ts";

/**
 * The service behind everything that is measured, as a process of its own: GET /bulk/<bytes> sends so many, PUT takes
 * any number and answers how many, anything else is a SOAP call. Ends with its parent.
 */

const answer = Buffer.from(soapResponse);
const chunk = Buffer.alloc(256 * 1024, "sallyport ");

const server = createServer({ keepAliveTimeout: 60_000, noDelay: true, requestTimeout: 0 }, (request, response) => {
  const bytes = /^\/bulk\/(\d+)$/.exec(request.url ?? "")?.[1];
  if (bytes !== undefined) sendBulk(response, Number(bytes));
  else if (request.method === "PUT") takeBulk(request, response);
  else answerCall(request, response);
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit());

function answerCall(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  request.on("end", () => {
    response.writeHead(200, { "Content-Type": "text/xml; charset=utf-8", "Content-Length": answer.length });
    response.end(answer);
  });
}

function sendBulk(response: ServerResponse, bytes: number): void {
  let left = bytes;
  const send = (): void => {
    while (left > 0) {
      const part = left >= chunk.length ? chunk : chunk.subarray(0, left);
      left -= part.length;
      if (!response.write(part)) return;
    }
    response.off("drain", send);
    response.end();
  };
  response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": bytes });
  response.on("drain", send);
  send();
}

function takeBulk(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  request.on("data", (data: Buffer) => {
    bytes += data.length;
  });
  request.on("end", () => response.end(String(bytes)));
}
