import { deepEqual } from "node:assert/strict";
import { type Check, group } from "../check.ts";
import { type Behaviour, ok } from "../destination.ts";
import { host, lowered } from "../request-check.ts";

type Named = Omit<Check, "group">;

function get(target: string, ...headers: string[]): string {
  return `${[`GET ${target} HTTP/1.1`, host, ...headers].join("\r\n")}\r\n\r\n`;
}

/** Answers with the target, so that answers can be told apart. */
const echoTarget: Behaviour = async (arrival) => {
  await arrival.whole();
  arrival.send(`HTTP/1.1 200 OK\r\nContent-Length: ${arrival.target.length}\r\n\r\n${arrival.target}`);
};

export const connectionChecks: readonly Check[] = [
  ...group("Keep-alive", [
    inTurn("carries one request after another", [get("/1"), get("/2"), get("/3")]),
    inTurn("goes on after a body", ["POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", get("/2")]),
    inTurn("goes on after chunks and trailers", [
      "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: 1\r\n\r\n",
      get("/2"),
    ]),
    inTurn("takes an empty line before a request for nothing", [`\r\n${get("/1")}`, get("/2")]),
    afterAnswer("goes on after HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
    afterAnswer("goes on after 204", "GET", "HTTP/1.1 204 No Content\r\n\r\n"),
    afterAnswer("goes on after 304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
    afterAnswer("goes on after 100 and 103", "GET", `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n${ok}`),
    afterAnswer("goes on after an error", "GET", "HTTP/1.1 500 Error\r\nContent-Length: 1\r\n\r\nx"),
    closes("ends when the client says Connection: close", get("/", "Connection: close")),
    closes("ends when the client says Connection: Close, in a list", get("/", "Connection: x-a, Close")),
    closes("ends after HTTP/1.0", `GET / HTTP/1.0\r\n${host}\r\n\r\n`),
    staysIn10(),
  ]),
  ...group("Pipelining", [
    pipelined("three requests are answered in order", ["/1", "/2", "/3"]),
    pipelined(
      "twenty requests are answered in order",
      Array.from({ length: 20 }, (_, nth) => `/${nth}`),
    ),
    mixedPipeline(),
    slowFirst(),
  ]),
  ...group("HTTP/1.0", [
    http10("without Host", "GET /old HTTP/1.0\r\n\r\n"),
    http10("with Host", `GET /old HTTP/1.0\r\n${host}\r\n\r\n`),
    http10("with a body", `POST /old HTTP/1.0\r\n${host}\r\nContent-Length: 2\r\n\r\nhi`),
    chunksTo10(),
  ]),
];

function inTurn(name: string, requests: readonly string[]): Named {
  return {
    name,
    async run(way) {
      way.destination.begin(echoTarget);
      const client = await way.connect();
      const bodies: string[] = [];
      for (const request of requests) {
        client.send(request);
        bodies.push((await client.response()).body);
      }
      deepEqual(
        bodies,
        requests.map((_, nth) => `/${nth + 1}`),
      );
      return undefined;
    },
  };
}

function afterAnswer(name: string, method: string, answer: string): Named {
  return {
    name,
    async run(way) {
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        arrival.send(arrival.target === "/first" ? answer : ok);
      });
      const client = await way.connect();
      client.send(`${method} /first HTTP/1.1\r\n${host}\r\n\r\n`);
      await client.response(method);
      client.send(get("/second"));
      const { status, body } = await client.response();
      deepEqual({ status, body }, { status: 200, body: "ok" });
      return undefined;
    },
  };
}

function closes(name: string, request: string): Named {
  return {
    name,
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      client.send(request);
      const { status } = await client.response();
      deepEqual([status, await client.bytes.ended(), client.bytes.unread], [200, "end", ""]);
      return undefined;
    },
  };
}

function staysIn10(): Named {
  return {
    name: "goes on in HTTP/1.0 when the client asks for it",
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      const statuses: number[] = [];
      for (let nth = 0; nth < 2; nth++) {
        client.send(`GET / HTTP/1.0\r\n${host}\r\nConnection: keep-alive\r\n\r\n`);
        statuses.push((await client.response()).status);
      }
      deepEqual(statuses, [200, 200]);
      return undefined;
    },
  };
}

function pipelined(name: string, targets: readonly string[]): Named {
  return {
    name,
    async run(way) {
      way.destination.begin(echoTarget);
      const client = await way.connect();
      client.send(targets.map((target) => get(target)).join(""));
      const bodies: string[] = [];
      for (const _ of targets) bodies.push((await client.response()).body);
      deepEqual(bodies, targets);
      return undefined;
    },
  };
}

function mixedPipeline(): Named {
  return {
    name: "bodies, chunks and HEAD in one go stay apart",
    async run(way) {
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        const { method, target, body } = arrival;
        const text = `${method} ${target} ${body}`;
        arrival.send(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${method === "HEAD" ? "" : text}`);
      });
      const client = await way.connect();
      client.send(
        `POST /1 HTTP/1.1\r\n${host}\r\nContent-Length: 3\r\n\r\nabc` +
          `HEAD /2 HTTP/1.1\r\n${host}\r\n\r\n` +
          `POST /3 HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n${get("/4")}`,
      );
      const bodies: string[] = [];
      for (const method of ["POST", "HEAD", "POST", "GET"]) bodies.push((await client.response(method)).body);
      deepEqual(bodies, ["POST /1 abc", "", "POST /3 hi", "GET /4 "]);
      return undefined;
    },
  };
}

function slowFirst(): Named {
  return {
    name: "a slow first answer is not overtaken",
    async run(way) {
      const release = Promise.withResolvers<void>();
      way.destination.begin(async (arrival) => {
        if (arrival.target === "/slow") await release.promise;
        await echoTarget(arrival);
      });
      const client = await way.connect();
      client.send(get("/slow") + get("/fast"));
      await way.destination.arrival();
      release.resolve();
      deepEqual([(await client.response()).body, (await client.response()).body], ["/slow", "/fast"]);
      return undefined;
    },
  };
}

function http10(name: string, request: string): Named {
  return {
    name,
    // By the letter HTTP/1.1 needs a Host, which the hop then adds.
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      client.send(request);
      const { status, body } = await client.response();
      const arrivals = way.destination.arrivals.map(({ target, complete }) => ({ target, complete }));
      deepEqual(
        { status, body, arrivals },
        { status: 200, body: "ok", arrivals: [{ target: "/old", complete: true }] },
      );
      return undefined;
    },
  };
}

function chunksTo10(): Named {
  return {
    name: "gets no chunks: the connection's end ends the body",
    ways: ["tunnel", "haproxy"],
    async run(way) {
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        arrival.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
      });
      const client = await way.connect();
      client.send(`GET / HTTP/1.0\r\n${host}\r\n\r\n`);
      const { body, headers, framing } = await client.response();
      const codings = lowered(headers).filter(([name]) => name === "transfer-encoding");
      deepEqual({ body, codings, framing }, { body: "hello", codings: [], framing: "close" });
      return undefined;
    },
  };
}
