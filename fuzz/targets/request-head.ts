import { decodeBatch } from "@sallyport/proto/batch-reader";
import { BatchWriter } from "@sallyport/proto/batch-writer";
import { TunnelError } from "@sallyport/proto/error";
import type { FrameHandler, Open } from "@sallyport/proto/frame";
import { toOpen, toTrailers } from "@sallyport/router-dmz/key/http";
import { forwardRequest } from "@sallyport/router-intranet/dial/headers";
import { CallFacts } from "@sallyport/router-intranet/match/call-facts";
import { headerPairs } from "../header-pairs.ts";
import { expectError, latin1, type Target } from "../target.ts";

/**
 * A request's head: what R1 makes an OPEN of, R2 forwards with one length and one host, and both see the host that a
 * reader of URLs sees. What only R1 may say, no client has said.
 */
export const target: Target = {
  summary: "a request's head through R1 and R2: framing, host, target, trace context, forged headers",
  seeds: [
    'POST /calc?x=1 1.1\nHost: a.example:80\nContent-Length: 5\nContent-Type: text/xml\nSOAPAction: "urn:x"',
    "GET http://a.example/ 1.1\nHost: a.example\nConnection: close, x-a\nX-A: 1\nTE: trailers\nX-Forwarded-For: 1.2.3.4",
    "PUT /a/../b 1.0\nTransfer-Encoding: chunked\nX_Forwarded_Host: b\nSallyport-Call: 1",
    "OPTIONS * 1.1\nHost: [::1]:8080\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\ntracestate: a=b,c@d=e",
    "GET / 1.1\nHost: a\ntraceparent: ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "GET http://a/ 1.1\nHost: b",
    "POST / 1.1\nHost: a\nTransfer-Encoding: chunked\nExpect: 100-continue",
  ].map((text) => Buffer.from(text, "latin1")),
  tokens: [
    "\nHost: ",
    "\nContent-Length: ",
    "\nTransfer-Encoding: chunked",
    "\nConnection: ",
    "http://",
    "https://",
    "%2e",
    "@",
    ":443",
    " 1.0",
  ],
  inputBytesMax: 4096,
  bufferBytesMax: 1024 * 1024,
  run(input) {
    const [line = "", ...lines] = latin1(input).split("\n");
    const [method = "", url = "", httpVersion = ""] = line.split(" ");
    const rawHeaders = headerPairs(lines).map((text) => text.replace(/[^\t -~\x80-\xff]/g, ""));
    checkTrailers(toTrailers(rawHeaders));
    const open = attempt(() => toOpen({ method, url, httpVersion, rawHeaders }, context));
    if (open === undefined) return;
    checkTraceContext(open);
    checkForged(open);
    checkFraming(open);
    checkHost(open);
    checkWire(open);
  },
};

const context = {
  ...{ id: "call", listener: "http", connection: 1, clientAddress: "192.0.2.7", clientPort: 5, local: "192.0.2.1:80" },
  secure: false,
};

function checkTraceContext({ traceparent, tracestate }: Open): void {
  const isValid = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/.test(traceparent);
  if (traceparent !== "" && !isValid) throw new Error(`${traceparent} is no traceparent`);
  if (tracestate !== "" && traceparent === "") throw new Error("a tracestate goes on without its traceparent");
  if (tracestate.length > 512) throw new Error("a tracestate of over 512 characters goes on");
}

function checkForged({ headers }: Open): void {
  const said = pairsOf(headers).filter(([name]) =>
    /^(?:x[-_]forwarded(?:[-_].*)?|forwarded|x[-_]real[-_]ip|sallyport[-_].*)$/i.test(name),
  );
  for (const [name, value] of said) {
    const isOurs =
      name === "Forwarded" ? value.startsWith("for=192.0.2.7;") : /^X-Forwarded-(?:For|Proto|Host)$/.test(name);
    if (!isOurs) throw new Error(`the client's ${name}: ${value} goes on`);
  }
  const [first, ...others] = said.filter(([name]) => name === "X-Forwarded-For");
  if (first?.[1] !== context.clientAddress || others.length > 0) throw new Error("X-Forwarded-For is not what R1 saw");
}

function checkFraming(open: Open): void {
  const forwarded = forwardRequest(open.headers, "http://destination.example");
  if (forwarded.t === "malformed") throw new Error(`R1 takes what R2 refuses: ${forwarded.error.message}`);
  const names = pairsOf(forwarded.headers).map(([name]) => name.toLowerCase());
  if (names.filter((name) => name === "host").length !== 1) throw new Error("R2 forwards other than one Host");
  const hop = names.find((name) => ["connection", "keep-alive", "te", "transfer-encoding", "upgrade"].includes(name));
  if (hop !== undefined) throw new Error(`R2 forwards ${hop}`);
  const lengths = pairsOf(forwarded.headers).filter(([name]) => name.toLowerCase() === "content-length");
  if (lengths.length > 1 || (lengths[0] !== undefined && Number(lengths[0][1]) !== forwarded.bodyBytes)) {
    throw new Error("R2 reads the body with another length than it forwards");
  }
}

function checkHost(open: Open): void {
  const facts = new CallFacts(open);
  const { host } = facts;
  if (/[^a-z0-9._:[\]-]/.test(host)) throw new Error(`${host} is no host`);
  // Never throw, whatever the head says.
  void [
    facts.path,
    facts.hasDotSegments,
    facts.soapAction,
    facts.queryParam("x"),
    facts.header("cookie"),
    facts.envelope,
  ];
  if (host === "" || !/^https?:\/\//i.test(open.target) || !URL.canParse(open.target)) return;
  const said = `http://${facts.header("host") ?? ""}`;
  if (URL.canParse(said) && new URL(said).hostname !== new URL(open.target).hostname) {
    throw new Error(`goes on with the target ${open.target} and the Host of ${said}`);
  }
  const seen = new URL(open.target).hostname.replace(/\.$/, "");
  // A reader of URLs writes addresses otherwise (127.1, ::0).
  if (seen !== host && !/^[\d.]+$|^0x|\[/i.test(seen))
    throw new Error(`R2 sees the host ${host}, a reader of URLs ${seen}`);
}

/** In time for a batch, it arrives as it is. */
function checkWire(open: Open): void {
  const writer = new BatchWriter();
  writer.open(1, open);
  const arrived: Open[] = [];
  const ignore = () => undefined;
  const handler = new Proxy({} as FrameHandler, {
    get: (_, kind) => (kind === "open" ? (_call: number, each: Open) => arrived.push(each) : ignore),
  });
  decodeBatch(writer.finish(), handler);
  if (JSON.stringify(arrived) !== JSON.stringify([open])) throw new Error("the OPEN arrives as another one");
}

function checkTrailers(trailers: readonly string[]): void {
  const forbidden = /^(?:host|content-length|transfer-encoding|connection|x[-_]forwarded[-_].*|forwarded)$/i;
  const bad = pairsOf(trailers).find(([name]) => forbidden.test(name));
  if (bad !== undefined) throw new Error(`the trailer ${bad[0]} goes on`);
}

function pairsOf(list: readonly string[]): (readonly [string, string])[] {
  return list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1] ?? ""] as const] : []));
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    expectError(error, TunnelError, "BAD_REQUEST");
    return undefined;
  }
}
