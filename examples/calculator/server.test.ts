import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { namespace } from "./contract.ts";
import { messageCharactersMax, messagesMax } from "./messages.ts";
import { type Calculator, startCalculator } from "./server.ts";
import { call, callWhole, envelope11, fault11, log, operation, post11, soap11Type } from "./test-client.ts";

let calculator: Calculator;
let port: number;
beforeAll(async () => {
  calculator = await startCalculator();
  port = calculator.port;
});
afterAll(() => calculator.close());
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function problem(detail: string, status = 400, title = "Bad Request", type = "about:blank") {
  return {
    status,
    type: "application/problem+json",
    body: `${JSON.stringify({ type, title, status, detail })}\n`,
  };
}

describe("T5: REST", () => {
  const results: Record<string, number> = {
    "add?a=2&b=3": 5,
    "add/?b=3&a=2&other=x": 5,
    "subtract?a=2&b=3": -1,
    "divide?a=-7&b=2": -3,
    "divide?a=-1&b=2": 0,
    "add?a=007&b=%2B1": 8,
  };
  for (const [target, result] of Object.entries(results)) {
    test(`GET /calculator/${target} is ${result}`, async () => {
      const reply = await call(port, { path: `/calculator/${target}` });
      expect(reply).toEqual({ status: 200, type: "application/json", body: `{"result":${result}}\n` });
    });
  }

  const range = "an integer from -2147483648 to 2147483647";
  const refused: Record<string, string> = {
    "add?b=3": 'Parameter "a" of the query is missing; write it as in ?a=2&b=3.',
    "add?a=1&b=2&b=3": 'Parameter "b" of the query is there twice.',
    "add?a=x%22%3C&b=3": `Parameter "a" is ${range}, not "x"<".`,
    "add?a=1e3&b=3": `Parameter "a" is ${range}, not "1e3".`,
    "add?a=&b=3": `Parameter "a" is ${range}, not "".`,
    "subtract?a=-2147483648&b=1": "The result of Subtract(-2147483648, 1) does not fit an xs:int (32 bits).",
  };
  for (const [target, detail] of Object.entries(refused)) {
    test(`GET /calculator/${target} is a problem that says why`, async () => {
      expect(await call(port, { path: `/calculator/${target}` })).toEqual(problem(detail));
    });
  }

  test("a division by zero has a type of its own", async () => {
    const expected = problem("5 cannot be divided by zero.", 400, "Division by zero", `${namespace}#DivideByZero`);
    expect(await call(port, { path: "/calculator/divide?a=5&b=0" })).toEqual(expected);
  });
});

describe("HTTP", () => {
  test("an unknown path is 404 and says where to look", async () => {
    const expected = problem(
      "There is nothing at this path. GET /calculator tells what can be called.",
      404,
      "Not Found",
    );
    for (const path of ["/", "/calc", "/calculator/multiply", "/calculator/Add", "//calculator", "*"]) {
      expect(await call(port, { path: path === "*" ? "/*" : path })).toEqual(expected);
    }
  });

  test("an unknown method is 405 with Allow", async () => {
    const service = await callWhole(port, { method: "DELETE", path: "/calculator" });
    const rest = await callWhole(port, { method: "POST", path: "/calculator/add?a=1&b=2", body: "x" });
    expect([service.status, service.headers.allow]).toEqual([405, "GET, HEAD, POST, OPTIONS"]);
    expect([rest.status, rest.headers.allow]).toEqual([405, "GET, HEAD, OPTIONS"]);
    expect(JSON.parse(rest.body).detail).toBe("POST is not served here; GET, HEAD, OPTIONS are.");
  });

  test("OPTIONS tells what is allowed", async () => {
    const { status, headers, body } = await callWhole(port, { method: "OPTIONS", path: "/calculator" });
    expect([status, headers.allow, headers["content-length"], body]).toEqual([
      204,
      "GET, HEAD, POST, OPTIONS",
      undefined,
      "",
    ]);
  });

  test("HEAD has GET's headers and no body", async () => {
    const { status, headers, body } = await callWhole(port, { method: "HEAD", path: "/calculator/add?a=2&b=3" });
    expect([status, headers["content-type"], headers["content-length"], body]).toEqual([
      200,
      "application/json",
      "13",
      "",
    ]);
  });

  test("an absolute target is taken as a proxy sends it", async () => {
    const reply = await call(port, { path: "http://x.example/calculator/add?a=2&b=3" });
    expect(reply.body).toBe('{"result":5}\n');
  });

  test("a target that is no URL is a problem", async () => {
    expect(await call(port, { method: "OPTIONS", path: "*" })).toEqual(problem("The request's target is not a URL."));
  });

  const types: Record<string, string> = {
    "application/json": "application/json",
    "a form, curl's own": "application/x-www-form-urlencoded",
    MTOM: 'multipart/related; type="application/xop+xml"',
    nonsense: "?",
  };
  for (const [name, type] of Object.entries(types)) {
    test(`POST with the Content-Type of ${name} is 415 and says what to send`, async () => {
      const detail = `The Content-Type is "${type}"; send text/xml for SOAP 1.1 or application/soap+xml for SOAP 1.2.`;
      const body = envelope11(operation("Add", 2, 3));
      expect(await post11(port, body, type)).toEqual(problem(detail, 415, "Unsupported Media Type"));
    });
  }

  test("POST without Content-Type is read as SOAP 1.1", async () => {
    const reply = await call(port, { method: "POST", path: "/calculator", body: "<a/>" });
    expect(reply).toEqual(fault11("The root element is &quot;a&quot;; a SOAP message is an &quot;Envelope&quot;."));
  });

  test("a compressed message is 415", async () => {
    const headers = { "content-type": soap11Type, "content-encoding": "gzip" };
    const reply = await call(port, { method: "POST", path: "/calculator", headers, body: "x" });
    const detail = 'The Content-Encoding "gzip" is not read here; send the message as it is.';
    expect(reply).toEqual(problem(detail, 415, "Unsupported Media Type"));
  });
});

describe("the service's own address", () => {
  const addresses: Record<string, [Record<string, string>, string]> = {
    "is the Host": [{ host: "calc.example:8080" }, "http://calc.example:8080/calculator"],
    "is the host the tunnel's client used": [
      { host: "127.0.0.1:9000", "x-forwarded-host": "calc.example", "x-forwarded-proto": "https" },
      "https://calc.example/calculator",
    ],
    "is the outermost of several proxies'": [
      { host: "a", "x-forwarded-host": "[2001:db8::1]:8443, b.example", "x-forwarded-proto": "HTTPS, http" },
      "https://[2001:db8::1]:8443/calculator",
    ],
    "is the Host when the forwarded one is none": [
      { host: "calc.example", "x-forwarded-host": 'x"/><evil>', "x-forwarded-proto": "javascript" },
      "http://calc.example/calculator",
    ],
  };
  for (const [name, [headers, address]] of Object.entries(addresses)) {
    test(name, async () => {
      const wsdl = await call(port, { path: "/calculator?wsdl", headers });
      expect([wsdl.status, wsdl.type]).toEqual([200, "text/xml; charset=utf-8"]);
      expect([...wsdl.body.matchAll(/<(soap|soap12):address location="([^"]*)"\/>/g)].map((match) => match[2])).toEqual(
        [address, address],
      );
      const guide = await call(port, { path: "/calculator", headers });
      expect([guide.status, guide.type]).toEqual([200, "text/plain; charset=utf-8"]);
      expect(guide.body).toContain(`curl '${address}/add?a=2&b=3'`);
    });
  }

  test("cannot be told from a Host that is none", async () => {
    const reply = await call(port, { path: "/calculator?WSDL", headers: { host: "a b<c" } });
    expect(reply).toEqual(problem("The Host header names no host."));
  });
});

describe("Log", () => {
  test("keeps the newest messages, cut to a bound, and passes each on whole", async () => {
    const seen: [number, number][] = [];
    let kept: readonly string[] = [];
    const own = await startCalculator({
      log: (message, newest) => {
        seen.push([message.length, newest.length]);
        kept = [...newest];
      },
    });
    await post11(own.port, envelope11(log("first")));
    for (let i = 1; i < messagesMax; i++) await post11(own.port, envelope11(log(`m${i}`)));
    const long = "y".repeat(messageCharactersMax + 1);
    await post11(own.port, envelope11(log(long)));
    await own.close();
    expect(seen.slice(-2)).toEqual([
      [3, messagesMax],
      [long.length, messagesMax],
    ]);
    const cut = `${"y".repeat(messageCharactersMax - 1)}…`;
    expect(kept).toEqual([...Array.from({ length: messagesMax - 1 }, (_, i) => `m${i + 1}`), cut]);
  });

  test("M1: a message is taken even if its sender leaves at once", async () => {
    const taken = Promise.withResolvers<string>();
    const own = await startCalculator({ log: taken.resolve });
    const body = envelope11(log("leaving"));
    const head = `POST /calculator HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: ${body.length}\r\n\r\n`;
    const socket = connect(own.port, "127.0.0.1");
    socket.write(head + body, () => socket.destroy());
    expect(await taken.promise).toBe("leaving");
    await own.close();
  });

  test("a message that breaks off is not taken, and is no mistake of the program", async () => {
    const complained = vi.spyOn(console, "error").mockReturnValue();
    const messages: string[] = [];
    const own = await startCalculator({ log: (message) => messages.push(message) });
    const socket = connect(own.port, "127.0.0.1");
    socket.write("POST /calculator HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 999\r\n\r\n<s:");
    socket.end();
    socket.resume();
    await once(socket, "close");
    await own.close();
    expect([messages, complained.mock.calls]).toEqual([[], []]);
  });
});

describe("start and end", () => {
  test("a port that is taken is named in the error", async () => {
    await expect(startCalculator({ port })).rejects.toThrow(
      `calculator: port ${port} of 127.0.0.1 is taken by another program; end that one or choose another port`,
    );
  });

  test("an address that is not this machine's is named in the error", async () => {
    await expect(startCalculator({ address: "192.0.2.1" })).rejects.toThrow(
      "calculator: cannot listen on port 0 of 192.0.2.1: ",
    );
  });

  test("a kept-alive connection carries many calls and does not hold up the end", async () => {
    const own = await startCalculator();
    const socket = connect(own.port, "127.0.0.1");
    for (let i = 0; i < 3; i++) {
      socket.write("GET /calculator/add?a=2&b=3 HTTP/1.1\r\nHost: x\r\n\r\n");
      const [chunk] = await once(socket, "data");
      expect(String(chunk)).toContain('{"result":5}');
    }
    const closed = once(socket, "close");
    await own.close();
    await closed;
  });

  test("a client that hangs in its upload holds up the end for a second, no longer", async () => {
    const own = await startCalculator();
    const closed = Promise.withResolvers<void>();
    const socket = connect(own.port, "127.0.0.1").on("error", () => {});
    socket.on("close", () => closed.resolve());
    // The server has begun to read when it says 100.
    socket.write("POST /calculator HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    const [chunk] = await once(socket, "data");
    expect(String(chunk)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const ended = own.close();
    vi.advanceTimersByTime(999);
    expect(socket.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    await Promise.all([ended, closed.promise]);
  });

  test("a mistake in the program is a 500 and shows in its log, and does not end it", async () => {
    const complained = vi.spyOn(console, "error").mockReturnValue();
    const mistake = new Error("broken log");
    const own = await startCalculator({
      log: () => {
        throw mistake;
      },
    });
    expect(await post11(own.port, envelope11(log("x")))).toEqual(
      problem("The calculator failed; its log says why.", 500, "Internal Server Error"),
    );
    expect(complained.mock.calls).toEqual([["calculator:", mistake]]);
    await own.close();
  });
});
