import { deepEqual } from "node:assert/strict";
import { type Check, group } from "../check.ts";
import { ok } from "../destination.ts";
import { host, lowered } from "../request-check.ts";

export const interimChecks: readonly Check[] = group("Interim responses", [
  interim("103 Early Hints with its headers", "103 Early Hints", ["Link: </a.css>; rel=preload", "Link: </b.js>"]),
  interim("102 Processing", "102 Processing", []),
  interim("several, in order", "103 Early Hints", ["X-Nth: 1"], "103 Early Hints", ["X-Nth: 2"], "102 Processing", []),
  interim("100 that nobody asked for", "100 Continue", []),
  notToHttp10(),
  notSwitched(),
]);

/** Statuses and headers alternate. */
function interim(name: string, ...heads: (string | string[])[]): Omit<Check, "group"> {
  return {
    name,
    async run(way) {
      const expected: { status: number; headers: string[] }[] = [];
      let text = "";
      for (let at = 0; at < heads.length; at += 2) {
        const [status, headers] = [heads[at] as string, heads[at + 1] as string[]];
        text += `${[`HTTP/1.1 ${status}`, ...headers].join("\r\n")}\r\n\r\n`;
        expected.push({ status: Number(status.slice(0, 3)), headers });
      }
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        arrival.send(text + ok);
      });
      const client = await way.connect();
      client.send(`GET /interim HTTP/1.1\r\n${host}\r\n\r\n`);
      const response = await client.response();
      const seen = response.interim.map(({ status, headers }) => ({
        status,
        headers: headers.map(([name, value]) => `${capital(name)}: ${value}`),
      }));
      deepEqual({ seen, status: response.status, body: response.body }, { seen: expected, status: 200, body: "ok" });
      return undefined;
    },
  };
}

/** "link" → "Link", "x-nth" → "X-Nth": HAProxy writes names in lower case. */
function capital(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

function notToHttp10(): Omit<Check, "group"> {
  return {
    name: "none goes to an HTTP/1.0 client",
    ways: ["tunnel", "haproxy"],
    async run(way) {
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        arrival.send(`HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${ok}`);
      });
      const client = await way.connect();
      client.send(`GET /interim HTTP/1.0\r\n${host}\r\n\r\n`);
      const { status, interim } = await client.response();
      deepEqual({ status, interim }, { status: 200, interim: [] });
      return undefined;
    },
  };
}

function notSwitched(): Omit<Check, "group"> {
  return {
    name: "101 that nobody asked for is a failure, and its bytes are not passed on",
    ways: ["tunnel", "haproxy"],
    async run(way) {
      way.destination.begin(async (arrival) => {
        await arrival.whole();
        arrival.send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\nSECRET");
        arrival.close();
      });
      const client = await way.connect();
      client.send(`GET /interim HTTP/1.1\r\n${host}\r\n\r\n`);
      const { status, headers, body } = await client.response();
      const upgrade = lowered(headers).filter(([name]) => name === "upgrade");
      deepEqual({ status, upgrade, leaked: body.includes("SECRET") }, { status: 502, upgrade: [], leaked: false });
      return undefined;
    },
  };
}
