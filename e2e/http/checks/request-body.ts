import { deepEqual } from "node:assert/strict";
import { type Check, group } from "../check.ts";
import { ok } from "../destination.ts";
import { host, passes } from "../request-check.ts";

const line = "POST /body HTTP/1.1";
const everyByte = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join("");
const chunked = ["Transfer-Encoding: chunked"];

function chunks(name: string, wire: string, body: string, headers: readonly string[] = []): Omit<Check, "group"> {
  return passes(name, { line, headers: [...chunked, ...headers], wire, body });
}

function chunksOf(body: string, bytes: number): string {
  let wire = "";
  for (let at = 0; at < body.length; at += bytes) {
    const data = body.slice(at, at + bytes);
    wire += `${data.length.toString(16)}\r\n${data}\r\n`;
  }
  return `${wire}0\r\n\r\n`;
}

const poem = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n0\r\n\r\n";
const mebibyte = everyByte.repeat(4096);

export const requestBodyChecks: readonly Check[] = [
  ...group("Bodies with a length", [
    passes("of one byte", { line, body: "x" }),
    passes("of every byte there is", { line, body: everyByte }),
    passes("that looks like a request is a body", { line, body: poem }),
    passes("of 1 MiB", { line, body: mebibyte }),
    passes("of no byte: Content-Length: 0", { line, body: "" }),
    passes("a POST with no length has no body", { line }),
    passes("in a GET", { line: "GET /body HTTP/1.1", body: "of a GET" }),
    passes("in a DELETE", { line: "DELETE /body HTTP/1.1", body: "of a DELETE" }),
    passes("in OPTIONS", { line: "OPTIONS /body HTTP/1.1", body: "of OPTIONS" }),
    passes("in a PROPFIND", { line: "PROPFIND /body HTTP/1.1", body: "<propfind/>" }),
    passes("Content-Length with leading zeros is decimal", {
      line,
      headers: ["Content-Length: 0010"],
      wire: poem.slice(0, 10),
      body: poem.slice(0, 10),
    }),
    lengthArrives(),
    inPieces("that comes byte by byte", ["Content-Length: 11"], "hello world", "hello world"),
  ]),
  ...group("Bodies in chunks", [
    chunks("in one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"),
    chunks("in many chunks of one byte", chunksOf(everyByte, 1), everyByte),
    chunks("in chunks of 100,000 bytes", chunksOf(mebibyte, 100_000), mebibyte),
    chunks("of no byte", "0\r\n\r\n", ""),
    chunks(
      "sizes in small and capital letters",
      "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
      "01234567890123456789",
    ),
    chunks("sizes with leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello"),
    chunks("chunk extensions are dropped or passed on, and are no data", "5;a=b\r\nhello\r\n0;last\r\n\r\n", "hello"),
    chunks("a quoted chunk extension", '5;a="b c;d";e\r\nhello\r\n0\r\n\r\n', "hello"),
    chunks("data that looks like framing", chunksOf(poem, 7), poem),
    passes("in a GET", {
      line: "GET /body HTTP/1.1",
      headers: chunked,
      wire: chunksOf("of a GET", 3),
      body: "of a GET",
    }),
    passes("the coding in other letters", {
      line,
      headers: ["transfer-ENCODING: cHuNkEd"],
      wire: "2\r\nhi\r\n0\r\n\r\n",
      body: "hi",
    }),
    inPieces("that come byte by byte", chunked, "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", "hello world"),
    withTrailers(
      "trailers arrive",
      "",
      ["X-Sum: 1234", "x-Other: a", "X-Sum: 5678"],
      ["x-sum: 1234", "x-other: a", "x-sum: 5678"],
    ),
    withTrailers("announced trailers arrive", "Trailer: X-Sum", ["X-Sum: 1234"], ["x-sum: 1234"]),
    withTrailers(
      "a trailer cannot route or say where the call came from",
      "",
      ["Host: evil", "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Ok: 1"],
      ["x-ok: 1"],
      ["tunnel"],
    ),
  ]),
  ...group("Expect", [continues(), refusesAtOnce(), sendsUnasked(), noContinueOfOwn()]),
];

/** For a destination that looks at it, such as IIS, which refuses chunks for some services. */
function lengthArrives(): Omit<Check, "group"> {
  return {
    name: "arrive with their Content-Length",
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      client.send(`${line}\r\n${host}\r\nContent-Length: 5\r\n\r\nhello`);
      await client.response();
      const headers = way.destination.arrivals[0]?.headers ?? [];
      const framing = headers.filter(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
      deepEqual(
        framing.map(([name, value]) => [name.toLowerCase(), value]),
        [["content-length", "5"]],
      );
      return undefined;
    },
  };
}

function inPieces(name: string, headers: readonly string[], wire: string, body: string): Omit<Check, "group"> {
  return {
    name,
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      for (const byte of `${[line, host, ...headers].join("\r\n")}\r\n\r\n${wire}`) await client.sent(byte);
      const { status } = await client.response();
      deepEqual(
        { status, bodies: way.destination.arrivals.map((arrival) => arrival.body) },
        { status: 200, bodies: [body] },
      );
      return undefined;
    },
  };
}

function withTrailers(
  name: string,
  announced: string,
  trailers: readonly string[],
  arrive: readonly string[],
  ways?: Check["ways"],
): Omit<Check, "group"> {
  return {
    name,
    ...(ways ? { ways } : {}),
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      const headers = [host, ...chunked, ...(announced === "" ? [] : [announced])];
      client.send(`${line}\r\n${headers.join("\r\n")}\r\n\r\n5\r\nhello\r\n0\r\n${trailers.join("\r\n")}\r\n\r\n`);
      await client.response();
      const [arrival] = way.destination.arrivals;
      const seen = arrival?.trailers.map(([name, value]) => `${name.toLowerCase()}: ${value}`);
      deepEqual({ body: arrival?.body, trailers: seen }, { body: "hello", trailers: arrive });
      return undefined;
    },
  };
}

const expecting = `${line}\r\n${host}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`;

function continues(): Omit<Check, "group"> {
  return {
    name: "100-continue goes to the destination, its 100 comes back, then the body goes",
    async run(way) {
      way.destination.begin(async (arrival) => {
        arrival.send("HTTP/1.1 100 Continue\r\n\r\n");
        await arrival.whole();
        arrival.send(ok);
      });
      const client = await way.connect();
      client.send(expecting);
      const { status } = await client.head();
      const arrival = await way.destination.arrival();
      const expects = arrival.headers.filter(([name]) => name.toLowerCase() === "expect").map(([, value]) => value);
      client.send("hello");
      const response = await client.response();
      deepEqual([status, expects, arrival.body, response.status], [100, ["100-continue"], "hello", 200]);
      return undefined;
    },
  };
}

function refusesAtOnce(): Omit<Check, "group"> {
  return {
    name: "a destination that answers 401 instead of 100 gets no body",
    async run(way) {
      way.destination.begin((arrival) => {
        arrival.send("HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        arrival.close();
      });
      const client = await way.connect();
      client.send(expecting);
      const { status, interim } = await client.response();
      deepEqual([status, interim, way.destination.arrivals[0]?.body], [401, [], ""]);
      return undefined;
    },
  };
}

function sendsUnasked(): Omit<Check, "group"> {
  return {
    name: "a client that does not wait for the 100 is served",
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      client.send(`${expecting}hello`);
      const { status } = await client.response();
      deepEqual([status, way.destination.arrivals[0]?.body], [200, "hello"]);
      return undefined;
    },
  };
}

/** A 100 of a hop's own would call for a body that the destination may not want. */
function noContinueOfOwn(): Omit<Check, "group"> {
  return {
    name: "no hop says 100 for a destination that has not",
    async run(way) {
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        arrival.send(ok);
      });
      const client = await way.connect();
      client.send(expecting);
      await way.destination.arrival();
      client.send("hello");
      const { status, interim } = await client.response();
      deepEqual([status, interim], [200, []]);
      return undefined;
    },
  };
}
