import { TunnelError } from "@sallyport/proto/error";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { turns } from "./listen/client.fixture.ts";
import { type Bench, openBench } from "./relay.fixture.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench.close());

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const upload = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";

describe("a destination's failure", () => {
  const failure = new TunnelError("DESTINATION_FAILED", "route default/calc: the destination closed the connection");

  test("before the head is an answer, and the connection stays", async () => {
    const client = await bench.client();
    client.send(get);
    (await bench.starter.call(1)).events.onReset(failure);
    const response = await client.response();
    expect(response.status).toBe(502);
    expect(JSON.parse(response.body)).toEqual({
      type: "http://sallyport.dev/error/DESTINATION_FAILED",
      title: "The destination broke the call off",
      status: 502,
      detail: failure.message,
      code: "DESTINATION_FAILED",
      callId: "call-1",
    });
    bench.starter.onCall = (call) => call.answer("ok");
    client.send(get);
    expect((await client.response()).body).toBe("ok");
    expect(await bench.done(2)).toMatchObject([
      { status: 502, error: "DESTINATION_FAILED" },
      { status: 200, error: "" },
    ]);
  });

  test("before the head is a SOAP fault for a SOAP request, after its body", async () => {
    bench.starter.onCall = (call) =>
      void call.until(() => call.trailers !== undefined).then(() => call.events.onReset(failure));
    const client = await bench.client();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nSOAPAction: ""\r\nContent-Type: text/xml\r\nContent-Length: 1\r\n\r\nx');
    const { status, headers, body } = await client.response();
    expect([status, headers[1]]).toEqual([500, "text/xml; charset=utf-8"]);
    expect(body).toContain("<faultcode>s:Server</faultcode>");
  });

  test("to HEAD is an answer without a body", async () => {
    const client = await bench.client();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    (await bench.starter.call(1)).events.onReset(failure);
    expect((await client.response("HEAD")).status).toBe(502);
    await turns();
    expect(client.received).toBe("");
  });

  test.each([
    ["with a length", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ["Content-Length", "10"]],
    ["in chunks", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", []],
    ["that ends with the connection", "GET / HTTP/1.0\r\n\r\n", []],
  ])("after the head resets the connection: a body %s", async (_, request, headers) => {
    const client = await bench.client();
    client.send(request);
    const call = await bench.starter.call(1);
    call.sendHead(200, headers);
    call.sendData("part");
    await client.until(() => client.received.includes("part"));
    call.events.onReset(failure);
    await client.until(() => client.closed);
    expect(client.errorCode).toBe("ECONNRESET");
    expect(client.ended).toBe(false);
    expect(await bench.done(1)).toMatchObject([{ status: 200, error: "DESTINATION_FAILED" }]);
  });

  test.each([
    ["fewer bytes", "abc"],
    ["more bytes", "abcdef"],
    ["none", ""],
  ])("of giving %s than its Content-Length resets the connection", async (_, body) => {
    const client = await bench.client();
    client.send(get);
    const call = await bench.starter.call(1);
    call.sendHead(200, ["Content-Length", "5"]);
    if (body !== "") call.sendData(body);
    if (call.resetBy === undefined) call.events.onFin([]);
    expect(call.resetBy?.code).toBe("DESTINATION_FAILED");
    await client.until(() => client.closed);
    expect(client.errorCode).toBe("ECONNRESET");
    expect(await bench.done(1)).toMatchObject([{ error: "DESTINATION_FAILED" }]);
  });

  test.each([
    ["two lengths", 200, ["Content-Length", "1", "Content-Length", "2"]],
    ["a length that is no number", 200, ["Content-Length", "1x"]],
    ["a value with a line break", 200, ["X", "a\r\nSet-Cookie: b=c"]],
    ["a name that is none", 304, ["X Y", "a"]],
    ["a status that is none", 1000, []],
  ])("to give a sound head (%s) is answered 502, whole", async (_, status, headers) => {
    const client = await bench.client();
    client.send(get);
    const call = await bench.starter.call(1);
    call.sendHead(status, headers);
    expect(call.resetBy?.code).toBe("DESTINATION_FAILED");
    const response = await client.response();
    expect([response.status, response.reason]).toEqual([502, "Bad Gateway"]);
    expect(JSON.parse(response.body).code).toBe("DESTINATION_FAILED");
  });

  test("after its answer was whole is nobody's concern", async () => {
    const client = await bench.client();
    client.send(`${upload}01234`);
    const call = await bench.starter.call(1);
    call.answer("early");
    call.events.onReset(new TunnelError("LINK_LOST", "the link broke"));
    expect((await client.response()).body).toBe("early");
    client.send("56789");
    expect(await bench.done(1)).toMatchObject([{ status: 200, error: "", requestBytes: 10 }]);
  });

  test("of the starter itself is answered 502", async () => {
    bench.starter.onCall = () => {
      throw new Error("a bug");
    };
    const client = await bench.client();
    client.send(get);
    const response = await client.response();
    expect(response.status).toBe(502);
    expect(JSON.parse(response.body)).toMatchObject({ code: "INTERNAL", detail: "the router failed" });
  });
});

describe("T8: a call that gets no link", () => {
  test.each([
    ["OVERLOADED", 503, "1"],
    ["NO_LINK", 503, "1"],
    ["DRAINING", 503, "1"],
  ] as const)("is answered %s and told when to come again", async (code, status, retryAfter) => {
    bench.starter.mode = new TunnelError(code, "why");
    const client = await bench.client();
    client.send(get);
    const response = await client.response();
    expect(response.status).toBe(status);
    expect(response.headers[response.headers.indexOf("Retry-After") + 1]).toBe(retryAfter);
  });
});
