import { isDeepStrictEqual } from "node:util";
import type { ReadableForm } from "@sallyport/router-intranet/match/call-facts";
import { EnvelopeScanner, envelopeBytesMax } from "@sallyport/router-intranet/match/envelope";
import { askedHeaders, headerTextMax } from "@sallyport/router-intranet/match/envelope-header";
import type { EnvelopeOutcome } from "@sallyport/router-intranet/match/envelope-outcome";
import { SaxesParser } from "saxes";
import type { Target } from "../target.ts";

const soap = "http://schemas.xmlsoap.org/soap/envelope/";
const wsa = "http://www.w3.org/2005/08/addressing";
const blocks = `<a:Action>urn:Add</a:Action><r:Tenant xmlns:r="urn:r">x</r:Tenant><Tenant>y</Tenant>`;
const envelope = `<s:Envelope xmlns:s="${soap}" xmlns:a="${wsa}"><s:Header>${blocks}</s:Header><s:Body><x/></s:Body></s:Envelope>`;
const part = "--b\r\nContent-ID: <r@x>\r\nContent-Type: application/xop+xml\r\n\r\n";

/** A byte that chooses how the body is to be read, then the body. */
const forms: readonly ReadableForm[] = [
  { t: "xml", charset: undefined },
  { t: "xml", charset: "utf-8" },
  { t: "xml", charset: "utf-16" },
  { t: "xml", charset: "iso-8859-1" },
  { t: "multipart", boundary: "b", start: undefined },
  { t: "multipart", boundary: "b", start: "r@x" },
];

/**
 * Always decides, and alike in whatever pieces the body comes; keeps to its limits; and where an XML parser takes the whole
 * body as well, both have the same header blocks.
 */
export const target: Target = {
  summary: "SOAP envelopes, in XML and multipart, in pieces and whole, beside a parser of whole documents",
  seeds: [
    seed(0, envelope),
    seed(
      0,
      `<?xml version="1.0" encoding="utf-8"?><!-- c -->${envelope.replace("urn:Add", "&#x41;<![CDATA[<b>]]> é")}`,
    ),
    seed(1, `<Envelope xmlns="${soap}"><Body/></Envelope>`),
    seed(2, Buffer.from(`\ufeff${envelope}`, "utf16le")),
    seed(0, Buffer.from(envelope, "utf16le").swap16()),
    seed(3, Buffer.from(envelope.replace("Add", "Grün"), "latin1")),
    seed(4, `${part}${envelope}\r\n--b--`),
    seed(5, `--b\nContent-ID: <o@x>\n\nother\n${part}${envelope}\r\n--b--`),
  ],
  tokens: [
    ...[
      "<s:Header>",
      "</s:Header>",
      "<s:Body>",
      "<a:Action>",
      "</a:Action>",
      "<Tenant>",
      "</Tenant>",
      "xmlns",
      "xmlns:a=",
    ],
    ...[
      "<![CDATA[",
      "]]>",
      "<!--",
      "-->",
      "<?x ",
      "?>",
      "&amp;",
      "&#x41;",
      "&#0;",
      "<!DOCTYPE ",
      "\ufeff",
      "\r\n--b",
      "\r\n\r\n",
    ],
  ],
  inputBytesMax: 4_096,
  bufferBytesMax: 32 * 1024 * 1024,
  run(input) {
    const form = forms[(input[0] ?? 0) % forms.length]!;
    const body = input.subarray(1);
    const whole = scan(body, form, body.length);
    if (whole.t === "more") throw new Error("has not decided at the end");
    checkPieces(whole, body, form);
    if (whole.t === "found") checkHeaders(whole.headers, body, form);
  },
};

const asked = askedHeaders([
  { soap: { header: { name: "Tenant", type: "Exact", value: "x" } } },
  { soap: { header: { name: "Tenant", namespace: "urn:r", type: "Exact", value: "x" } } },
]);

function scan(body: Buffer, form: ReadableForm, pieceBytes: number, firstBytes = pieceBytes): EnvelopeOutcome {
  const scanner = new EnvelopeScanner(form, asked, envelopeBytesMax);
  let end = firstBytes;
  for (let at = 0; at < body.length; at = end, end += pieceBytes) scanner.push(body.subarray(at, end));
  return scanner.end();
}

/** Byte by byte where it is short; in two halves at every place of a few that the body itself chooses. */
function checkPieces(whole: EnvelopeOutcome, body: Buffer, form: ReadableForm): void {
  const cuts =
    body.length <= 64 ? Array.from(body.keys()) : [...body.subarray(0, 4)].map((byte, at) => byte * (at + 1));
  const pieces = (body.length <= 1024 ? [1, 3, 7] : [61]).map((size) => scan(body, form, size));
  const halves = cuts.filter((cut) => cut > 0 && cut < body.length).map((cut) => scan(body, form, body.length, cut));
  for (const outcome of [...pieces, ...halves]) {
    if (isDeepStrictEqual(settled(outcome), settled(whole))) continue;
    throw new Error(`in pieces ${JSON.stringify(plain(outcome))}, whole ${JSON.stringify(plain(whole))}`);
  }
}

/** Of two errors at hand the library may name either. */
function settled(outcome: EnvelopeOutcome): EnvelopeOutcome {
  return "why" in outcome ? { ...outcome, why: outcome.why.replace(/(?<=well-formed XML): .*/s, "") } : outcome;
}

function plain(outcome: EnvelopeOutcome): unknown {
  return outcome.t === "found" ? { ...outcome, headers: Object.fromEntries(outcome.headers) } : outcome;
}

type Found = Extract<EnvelopeOutcome, { t: "found" }>["headers"];

function checkHeaders(headers: Found, body: Buffer, form: ReadableForm): void {
  for (const text of headers.values()) {
    if (text !== undefined && text.length > headerTextMax) throw new Error("keeps more than its limit");
  }
  if (form.t !== "xml") return;
  const read = readWhole(textOf(body, form.charset));
  if (read === undefined || isDeepStrictEqual(new Map([...read].sort()), new Map([...headers].sort()))) return;
  const both = [headers, read].map((each) => JSON.stringify(Object.fromEntries(each)));
  throw new Error(`has the headers ${both[0]}, for a parser of the whole ${both[1]}`);
}

/** As the scanner's comment has it, in one go. */
function textOf(body: Buffer, charset: string | undefined): string {
  const isLittle = (body[0] === 0xff && body[1] === 0xfe) || (body[0] !== 0 && body[1] === 0);
  const isBig = (body[0] === 0xfe && body[1] === 0xff) || (body[0] === 0 && body[1] !== 0);
  const isMarkedUtf8 = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  const isMarked = isMarkedUtf8 || ((body[0] ?? 0) >= 0xfe && (isLittle || isBig));
  const guessed = isLittle ? "utf-16le" : isBig ? "utf-16be" : undefined;
  if (isMarkedUtf8) return new TextDecoder("utf-8").decode(body);
  if (isMarked) return new TextDecoder(guessed).decode(body);
  if (charset === "utf-16") return new TextDecoder(guessed ?? "utf-16be").decode(body);
  if (charset !== undefined) return new TextDecoder(charset).decode(body);
  if (guessed !== undefined) return new TextDecoder(guessed).decode(body);
  const declared = /^<\?xml[^>]*\sencoding\s*=\s*["']([\w.-]+)["']/.exec(body.toString("latin1", 0, 256))?.[1];
  return new TextDecoder(declared?.toLowerCase() === "iso-8859-1" ? "iso-8859-1" : "utf-8").decode(body);
}

/** The header blocks that are asked for, from a tree of the whole document; `undefined` where that is no XML. */
function readWhole(text: string): Map<string, string | undefined> | undefined {
  const root = parseWhole(text);
  const header = root?.children.find((child) => child.local === "Header" && child.uri === root.uri);
  if (root === undefined) return undefined;
  const found = new Map<string, string | undefined>();
  for (const { local, uri, children, text: written } of root.children[0] === header ? (header?.children ?? []) : []) {
    const content =
      children.length > 0 || written.length > headerTextMax
        ? undefined
        : written.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
    for (const key of [local, `{${uri}}${local}`]) {
      if (asked.get(local)?.has(key) === true && !found.has(key)) found.set(key, content);
    }
  }
  return found;
}

interface Element {
  readonly local: string;
  readonly uri: string;
  readonly children: Element[];
  text: string;
}

function parseWhole(text: string): Element | undefined {
  const parser = new SaxesParser({ xmlns: true });
  const top: Element = { local: "", uri: "", children: [], text: "" };
  const open = [top];
  parser.on("opentag", ({ local, uri }) => {
    const element = { local, uri, children: [], text: "" };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on("closetag", () => void open.pop());
  const onText = (piece: string) => {
    const inner = open.at(-1);
    if (inner !== undefined) inner.text += piece;
  };
  parser.on("text", onText);
  parser.on("cdata", onText);
  try {
    parser.write(text).close();
  } catch {
    return undefined;
  }
  return top.children[0];
}

function seed(form: number, body: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from([form]), Buffer.from(body)]);
}
