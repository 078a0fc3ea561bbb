import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { turns } from "./listen/client.fixture.ts";
import { type Bench, openBench } from "./relay.fixture.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const KiB = 1024;

describe("interim responses", () => {
  const expecting = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";

  test("Expect goes through, 100 comes back, and the connection stays", async () => {
    const client = await bench.client();
    for (let nth = 1; nth <= 2; nth++) {
      client.send(expecting);
      const call = await bench.starter.call(nth);
      expect(call.open.headers.slice(2, 4)).toEqual(["Expect", "100-continue"]);
      expect(client.received).toBe("");
      call.sendHead(100);
      expect(await client.response()).toMatchObject({ status: 100, headers: [] });
      client.send("hi");
      await call.until(() => call.trailers !== undefined);
      expect(call.body).toBe("hi");
      call.answer("ok");
      expect(await client.response()).toMatchObject({ status: 200, body: "ok" });
    }
  });

  test("a client that expects 100 may be answered at once, and its connection closes", async () => {
    bench.starter.onCall = (call) => call.answer("no", 417);
    const client = await bench.client();
    client.send(expecting);
    const { status, headers } = await client.response();
    expect([status, headers]).toEqual([417, ["Content-Length", "2", "Connection", "close"]]);
    await client.until(() => client.closed);
    expect(await bench.done(1)).toMatchObject([{ status: 417, error: "" }]);
    expect(bench.starter.calls[0]!.resetBy?.code).toBe("CANCELLED");
  });

  test("another expectation goes through as well", async () => {
    bench.starter.onCall = (call) => call.answer("no", 417);
    const client = await bench.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n");
    expect((await client.response()).status).toBe(417);
    expect(bench.starter.calls[0]!.open.headers.slice(2, 4)).toEqual(["Expect", "miracles"]);
  });

  test("102, 103 and unknown ones come in order, with their headers' bytes", async () => {
    bench.starter.onCall = (call) => {
      call.sendHead(102);
      call.sendHead(103, ["LINK", "</\xe4>", "Link", "<b>", "Connection", "close"]);
      call.sendHead(150, ["X", "1"]);
      call.sendHead(103, ["Bad Name", "1"]);
      call.answer("ok");
    };
    const client = await bench.client();
    client.send(get);
    expect(await client.response()).toMatchObject({ status: 102, headers: [] });
    expect(await client.response()).toMatchObject({ status: 103, headers: ["LINK", "</\xe4>", "Link", "<b>"] });
    expect(await client.response()).toMatchObject({ status: 150, headers: ["X", "1"] });
    expect(await client.response()).toMatchObject({ status: 200, body: "ok" });
  });

  test("HTTP/1.0 clients get none", async () => {
    bench.starter.onCall = (call) => {
      call.sendHead(100);
      call.sendHead(103, ["Link", "<a>"]);
      call.answer("ok");
    };
    const client = await bench.client();
    client.send("GET / HTTP/1.0\r\n\r\n");
    expect(await client.response()).toMatchObject({ status: 200, body: "ok" });
  });

  test("a client that does not read is spared more than the first 100", async () => {
    const client = await bench.client();
    client.socket.pause();
    client.send(get);
    const call = await bench.starter.call(1);
    const hints = ["Link", "x".repeat(16 * KiB)];
    let sent = 0;
    // The kernel takes some megabytes; then node's buffer is full, and the rest is dropped.
    for (; sent < 4000; sent++) {
      call.sendHead(103, hints);
      if (sent % 50 === 0) await turns();
    }
    call.sendHead(100);
    call.sendHead(100);
    call.answer("ok");
    client.socket.resume();
    await client.until(() => client.received.endsWith("ok"));
    const hintsSeen = client.received.split("HTTP/1.1 103 ").length - 1;
    expect(hintsSeen).toBeLessThan(sent);
    expect(client.received.split("HTTP/1.1 100 ").length - 1).toBe(1);
  });

  test("101 was not asked for, so it is the destination's failure", async () => {
    bench.starter.onCall = (call) => call.sendHead(101, ["Upgrade", "x"]);
    const client = await bench.client();
    client.send(get);
    expect((await client.response()).status).toBe(502);
    expect(bench.starter.calls[0]!.resetBy?.code).toBe("DESTINATION_FAILED");
  });
});

describe("pipelined requests", () => {
  test("are taken up one at a time and answered in order", async () => {
    const client = await bench.client();
    client.send(["/1", "/2", "/3"].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
    for (let nth = 1; nth <= 3; nth++) {
      const call = await bench.starter.call(nth);
      expect(bench.starter.calls.length).toBe(nth);
      call.sendHead(103, ["Link", `<${nth}>`]);
      call.answer(`answer ${call.open.target}`);
      expect((await client.response()).headers).toEqual(["Link", `<${nth}>`]);
      expect((await client.response()).body).toBe(`answer /${nth}`);
    }
  });

  test("with bodies keep them apart", async () => {
    bench.starter.onCall = (call) =>
      void call.until(() => call.trailers !== undefined).then(() => call.answer(call.body));
    const client = await bench.client();
    const post = (body: string) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    client.send(post("first") + post("second") + post("third"));
    const bodies = [];
    for (let nth = 1; nth <= 3; nth++) bodies.push((await client.response()).body);
    expect(bodies).toEqual(["first", "second", "third"]);
  });

  test("behind an answer that closes the connection are not taken up", async () => {
    bench.starter.onCall = (call) => call.answer("last");
    const client = await bench.client();
    client.send(`GET / HTTP/1.0\r\n\r\n${get}`);
    expect((await client.response()).body).toBe("last");
    await client.until(() => client.closed);
    expect(bench.starter.calls.length).toBe(1);
  });

  test("in a flood break the connection off", async () => {
    const client = await bench.client();
    client.send(get.repeat(1000));
    await client.until(() => client.closed);
    expect(client.errorCode).toBe("ECONNRESET");
    await bench.done(1);
    expect(bench.starter.calls.length).toBe(1);
    expect(bench.starter.calls[0]!.resetBy?.code).toBe("CANCELLED");
    expect(bench.refusals).toEqual([{ status: 0, detail: "more than 64 requests waited on the connection" }]);
  });
});
