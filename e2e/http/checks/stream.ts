import { deepEqual } from "node:assert/strict";
import { type Check, group } from "../check.ts";
import { ok } from "../destination.ts";
import { host } from "../request-check.ts";

type Named = Omit<Check, "group">;

function get(target: string, ...headers: string[]): string {
  return `${[`GET ${target} HTTP/1.1`, host, ...headers].join("\r\n")}\r\n\r\n`;
}

export const streamChecks: readonly Check[] = [
  ...group("Streams", [eventsOneByOne(), requestPieces(), bothWays(), earlyAnswer(), earlyAnswerThenNext()]),
  ...group("Clients that go", [
    halfClosed(),
    oneWay(),
    breaksOff("with a length", "Content-Length: 10"),
    breaksOff("in chunks", "Transfer-Encoding: chunked"),
    leavesStream(),
  ]),
];

/** Each event is sent only after the one before has come out at the other end. */
function eventsOneByOne(): Named {
  return {
    name: "server-sent events come one by one",
    async run(way) {
      const came = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        arrival.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (const [nth, { promise }] of came.entries()) {
          arrival.send(`9\r\ndata: ${nth}\n\n\r\n`);
          await promise;
        }
        arrival.send("0\r\n\r\n");
      });
      const client = await way.connect();
      client.send(get("/events", "Accept: text/event-stream"));
      for (const [nth, { resolve }] of came.entries()) {
        await client.bytes.until(() => client.bytes.received.includes(`data: ${nth}\n\n`));
        resolve();
      }
      deepEqual((await client.response()).body, "data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n");
      return undefined;
    },
  };
}

function requestPieces(): Named {
  return {
    name: "pieces of a request come one by one",
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      client.send(`POST /pieces HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\n`);
      const arrival = await way.destination.arrival();
      for (let nth = 0; nth < 5; nth++) {
        client.send(`2\r\n${nth},\r\n`);
        await arrival.until(() => arrival.body.endsWith(`${nth},`));
      }
      client.send("0\r\n\r\n");
      deepEqual([(await client.response()).status, arrival.body], [200, "0,1,2,3,4,"]);
      return undefined;
    },
  };
}

function bothWays(): Named {
  return {
    name: "request and response run at the same time",
    async run(way) {
      way.destination.begin(async (arrival) => {
        arrival.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (let nth = 0; nth < 5; nth++) {
          await arrival.until(() => arrival.body.endsWith(`${nth},`));
          arrival.send(`2\r\n${nth};\r\n`);
        }
        await arrival.whole();
        arrival.send("0\r\n\r\n");
      });
      const client = await way.connect();
      client.send(`POST /both HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\n`);
      for (let nth = 0; nth < 5; nth++) {
        client.send(`2\r\n${nth},\r\n`);
        await client.bytes.until(() => client.bytes.received.includes(`${nth};`));
      }
      client.send("0\r\n\r\n");
      deepEqual((await client.response()).body, "0;1;2;3;4;");
      return undefined;
    },
  };
}

const tooLarge = "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig";

function earlyAnswer(): Named {
  return {
    name: "an answer before the request is whole comes at once",
    async run(way) {
      way.destination.begin((arrival) => arrival.send(tooLarge));
      const client = await way.connect();
      client.send(`POST /upload HTTP/1.1\r\n${host}\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(1000)}`);
      const { status, body } = await client.response();
      deepEqual({ status, body }, { status: 413, body: "big" });
      return undefined;
    },
  };
}

function earlyAnswerThenNext(): Named {
  return {
    name: "after an early answer and the rest of the request the next call is served",
    async run(way) {
      way.destination.begin((arrival) => arrival.send(ok));
      const client = await way.connect();
      client.send(`POST /upload HTTP/1.1\r\n${host}\r\nContent-Length: 2000\r\n\r\n${"x".repeat(1000)}`);
      const first = await client.response();
      client.send("x".repeat(1000) + get("/next"));
      const second = await client.response();
      deepEqual([first.status, second.status, way.destination.arrivals.at(-1)?.target], [200, 200, "/next"]);
      return undefined;
    },
  };
}

function halfClosed(): Named {
  return {
    name: "one that closes only its sending side gets its answer",
    async run(way) {
      const closed = Promise.withResolvers<void>();
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        await closed.promise;
        arrival.send(ok);
      });
      const client = await way.connect();
      client.send(`POST /half HTTP/1.1\r\n${host}\r\nContent-Length: 2\r\n\r\nhi`);
      client.end();
      client.socket.once("finish", closed.resolve);
      const { status, body } = await client.response();
      deepEqual({ status, body }, { status: 200, body: "ok" });
      return undefined;
    },
  };
}

/** PHP's SoapClient does so. */
function oneWay(): Named {
  return {
    name: "what arrived whole is delivered though the client is gone",
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      await client.sent(`POST /one-way HTTP/1.1\r\n${host}\r\nContent-Length: 5\r\n\r\nhello`);
      client.socket.destroySoon();
      const arrival = await way.destination.arrival();
      await arrival.whole();
      deepEqual([arrival.target, arrival.body], ["/one-way", "hello"]);
      return undefined;
    },
  };
}

function breaksOff(name: string, framing: string): Named {
  return {
    name: `a body ${name} that breaks off breaks off at the destination too`,
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      const first = framing.startsWith("T") ? "5\r\nhello\r\n" : "hello";
      client.send(`POST /half HTTP/1.1\r\n${host}\r\n${framing}\r\n\r\n${first}`);
      const arrival = await way.destination.arrival();
      await arrival.until(() => arrival.body === "hello");
      client.close();
      await arrival.gone();
      deepEqual([arrival.complete, arrival.body], [false, "hello"]);
      return undefined;
    },
  };
}

function leavesStream(): Named {
  return {
    name: "a destination notices that the reader of its stream is gone",
    async run(way) {
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        arrival.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
      });
      const client = await way.connect();
      client.send(get("/stream"));
      await client.bytes.until(() => client.bytes.received.includes("hi"));
      client.socket.resetAndDestroy();
      await (await way.destination.arrival()).gone();
      return undefined;
    },
  };
}
