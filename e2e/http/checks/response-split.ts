import { deepEqual } from "node:assert/strict";
import { Ended } from "../byte-stream.ts";
import { type Check, group } from "../check.ts";
import type { Client, Response } from "../client.ts";
import { ok } from "../destination.ts";
import { Malformed } from "../message.ts";
import { host } from "../request-check.ts";
import type { Way } from "../way.ts";

type Named = Omit<Check, "group">;

const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
const chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

function withHeader(line: string): string {
  return `HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 2\r\n\r\nok`;
}

export const responseSplitChecks: readonly Check[] = [
  ...group("Responses that break off", [
    neverWhole("before the first byte", ""),
    neverWhole("in the head", "HTTP/1.1 200 OK\r\nContent-Le"),
    neverWhole("in a body with a length", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"),
    neverWhole("in a chunk", `${chunkedHead}100\r\nhalf`),
    neverWhole("between chunks", `${chunkedHead}4\r\nhalf\r\n`),
    neverWhole("before the last CRLF", `${chunkedHead}4\r\nhalf\r\n0\r\n`),
    neverWhole("by a reset, before the first byte", "", "reset"),
    neverWhole("by a reset, in a body that the connection's end ends", "HTTP/1.1 200 OK\r\n\r\nhalf", "reset"),
  ]),
  ...group("Responses that can be read in two ways", [
    neverWhole("two lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk"),
    neverWhole("a list of two lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nokk"),
    neverWhole("a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"),
    neverWhole("a length below zero", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok"),
    neverWhole("an empty length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok"),
    neverWhole("a chunk size that is no number", `${chunkedHead}z\r\nok\r\n0\r\n\r\n`),
    neverWhole("a chunk size over 64 bits", `${chunkedHead}10000000000000002\r\nok\r\n0\r\n\r\n`),
    neverWhole("a chunk longer than its size", `${chunkedHead}1\r\nok\r\n0\r\n\r\n`),
    neverWhole("a bare CR in a value", withHeader("X: a\rY: b")),
    neverWhole("a bare LF between headers", withHeader("X: a\nY: b")),
    neverWhole("a NUL in a value", withHeader("X: a\0b")),
    neverWhole("a space before the colon", withHeader("X : a")),
    neverWhole("an empty name", withHeader(": a")),
    neverWhole("a line without a colon", withHeader("nonsense")),
    neverWhole("a name with a space", withHeader("X Y: a")),
    neverWhole("no HTTP at all", "220 mail.example ESMTP\r\n"),
    neverWhole("a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok"),
    neverWhole("a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok"),
    neverWhole("a status that is no number", "HTTP/1.1 OK OK\r\nContent-Length: 2\r\n\r\nok"),
    neverWhole("a head of 1 MiB", withHeader(`X: ${"v".repeat(1024 * 1024)}`)),
  ]),
  ...group("Bytes behind a response reach no other client", [
    reachesNobody("a second response", ok + poison),
    reachesNobody("a second response behind chunks", `${chunkedHead}2\r\nok\r\n0\r\n\r\n${poison}`),
    reachesNobody("a body of 204", `HTTP/1.1 204 No Content\r\n\r\n${poison}`),
    reachesNobody("a length of 204", `HTTP/1.1 204 No Content\r\nContent-Length: ${poison.length}\r\n\r\n${poison}`),
    reachesNobody("a body of 304", `HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n${poison}`),
    reachesNobody(
      "a body that answers HEAD",
      `HTTP/1.1 200 OK\r\nContent-Length: ${poison.length}\r\n\r\n${poison}`,
      "HEAD",
    ),
    reachesNobody("a second response, to a POST", ok + poison, "POST"),
    reachesNobody("garbage", `${ok}garbage\r\n\r\n`),
  ]),
];

/** The client sees a failure: 502, or a response that does not end. A part is never taken for the whole. */
function neverWhole(name: string, bytes: string, ending: "close" | "reset" = "close"): Named {
  return {
    name,
    ways: ["tunnel", "haproxy"],
    async run(way) {
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        if (arrival.target === "/next") return arrival.send(ok);
        if (bytes !== "") arrival.send(bytes);
        if (ending === "close") arrival.close();
        else if (bytes === "") arrival.reset();
      });
      const client = await way.connect();
      client.send(`GET /response HTTP/1.1\r\n${host}\r\n\r\n`);
      if (ending === "reset" && bytes !== "") {
        await client.bytes.until(() => client.bytes.received.includes("half"));
        (await way.destination.arrival()).reset();
      }
      const outcome = await outcomeOf(client);
      if (typeof outcome !== "string") deepEqual(outcome.status, 502);
      await nextAreRight(way);
      return typeof outcome === "string" ? outcome : String(outcome.status);
    },
  };
}

async function outcomeOf(client: Client): Promise<Response | string> {
  try {
    return await client.response();
  } catch (error) {
    if (error instanceof Ended || error instanceof Malformed) return "broken off";
    throw error;
  }
}

function reachesNobody(name: string, bytes: string, method = "GET"): Named {
  return {
    name,
    ways: ["tunnel", "haproxy"],
    async run(way) {
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        arrival.send(arrival.target === "/next" ? ok : bytes);
      });
      const client = await way.connect();
      client.send(`${method} /response HTTP/1.1\r\n${host}\r\n${method === "POST" ? "Content-Length: 0\r\n" : ""}\r\n`);
      const { status } = await client.response(method);
      client.send(`GET /next HTTP/1.1\r\n${host}\r\n\r\n`);
      const second = await outcomeOf(client);
      if (typeof second !== "string") deepEqual([second.status, second.body], [200, "ok"]);
      await nextAreRight(way);
      return String(status);
    },
  };
}

/** Several, for the connection to the destination that was used may not be the next one's. */
async function nextAreRight(way: Way): Promise<void> {
  for (let nth = 0; nth < 3; nth++) {
    const client = await way.connect();
    client.send(`GET /next HTTP/1.1\r\n${host}\r\n\r\n`);
    const { status, body } = await client.response();
    deepEqual({ status, body }, { status: 200, body: "ok" }, "the next client's answer is its own");
  }
}
