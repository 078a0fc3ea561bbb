import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReadableForm } from "./call-facts.ts";
import { EnvelopeScanner, envelopeBytesMax } from "./envelope.ts";
import { addressingAction, askedHeaders } from "./envelope-header.ts";
import type { EnvelopeOutcome } from "./envelope-outcome.ts";
import {
  boundary,
  multipart,
  sampleEnvelope,
  soap11,
  soap12,
  utf16,
  wsa,
  wsa2004,
  xopHead,
} from "./sample-envelope.ts";

const header = (name: string, namespace?: string) => ({
  soap: { header: { name, type: "Exact" as const, value: "test", ...(namespace === undefined ? {} : { namespace }) } },
});
const asked = askedHeaders([header("ClientRouteName"), header("ClientRouteName", "urn:r"), header("Tenant", "urn:r")]);
const xml: ReadableForm = { t: "xml", charset: undefined };
const mtom: ReadableForm = { t: "multipart", boundary, start: "root@tempuri.org" };
const routeName = "<ClientRouteName>test</ClientRouteName>";

type Bytes = string | Buffer;

/** In pieces of that size; `end`: with the body's end. */
function scan(body: Bytes, form: ReadableForm = xml, pieceBytes = Number.POSITIVE_INFINITY): EnvelopeOutcome {
  const bytes = Buffer.from(body);
  const scanner = new EnvelopeScanner(form, asked);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const outcome = scanner.push(bytes.subarray(at, at + pieceBytes));
    if (outcome.t !== "more") return outcome;
  }
  return scanner.end();
}

/** What a scan found, as plain data; else its outcome. */
function found(body: Bytes, form?: ReadableForm, pieceBytes?: number): unknown {
  const outcome = scan(body, form, pieceBytes);
  return outcome.t === "found" ? Object.fromEntries(outcome.headers) : outcome;
}

const test = { ClientRouteName: "test" };
const action2005 = `{${wsa}}Action`;

const samples: Record<string, [Bytes, ReadableForm, object]> = {
  "SOAP 1.1": [sampleEnvelope(routeName), xml, test],
  "SOAP 1.2": [sampleEnvelope(routeName, soap12), xml, test],
  "wsa:Action of 2005/08": [sampleEnvelope("<a:Action>urn:Add</a:Action>"), xml, { [action2005]: "urn:Add" }],
  "wsa:Action of 2004/08": [
    sampleEnvelope(`<Action xmlns="${wsa2004}">urn:Add</Action>`),
    xml,
    { [`{${wsa2004}}Action`]: "urn:Add" },
  ],
  "an XML declaration, comments and line ends": [
    `<?xml version="1.0" encoding="utf-8"?>\r\n<!-- <Header> -->\r\n${sampleEnvelope(`\r\n${routeName}\r\n`)}`,
    xml,
    test,
  ],
  "text in parts: references, CDATA, a comment, white space at its ends": [
    sampleEnvelope("<ClientRouteName>\r\n &#x74;<![CDATA[e]]><!-- x -->s&#116; </ClientRouteName>"),
    xml,
    test,
  ],
  "a namespaced block, to which both questions apply": [
    sampleEnvelope('<r:ClientRouteName xmlns:r="urn:r">test</r:ClientRouteName>'),
    xml,
    { ClientRouteName: "test", "{urn:r}ClientRouteName": "test" },
  ],
  "a block of another namespace than asked for": [sampleEnvelope('<Tenant xmlns="urn:other">x</Tenant>'), xml, {}],
  "several blocks of a name: the first counts for each question": [
    sampleEnvelope(`${routeName}<ClientRouteName xmlns="urn:r">second</ClientRouteName>${routeName}`),
    xml,
    { ClientRouteName: "test", "{urn:r}ClientRouteName": "second" },
  ],
  "a block with elements in it has no text": [
    sampleEnvelope("<ClientRouteName>te<x/>st</ClientRouteName>"),
    xml,
    { ClientRouteName: undefined },
  ],
  "blocks of that name deeper in others do not count": [sampleEnvelope(`<x>${routeName}</x>`), xml, {}],
  "an empty header": [`<Envelope xmlns="${soap11}"><Header/><Body/></Envelope>`, xml, {}],
  "no header": [`<Envelope xmlns="${soap11}"><Body>${routeName}</Body></Envelope>`, xml, {}],
  "characters beyond ASCII": [
    sampleEnvelope("<ClientRouteName>Grün 😀</ClientRouteName>"),
    xml,
    { ClientRouteName: "Grün 😀" },
  ],
  "UTF-8 with a byte order mark": [`\ufeff${sampleEnvelope(routeName)}`, xml, test],
  "UTF-16 LE with a mark": [utf16(sampleEnvelope(routeName), { mark: true }), xml, test],
  "UTF-16 BE with a mark": [utf16(sampleEnvelope(routeName), { mark: true, bigEndian: true }), xml, test],
  "UTF-16 LE without a mark or charset": [utf16(sampleEnvelope(routeName)), xml, test],
  "UTF-16 BE without a mark or charset": [utf16(sampleEnvelope(routeName), { bigEndian: true }), xml, test],
  "UTF-16 LE without a mark, by charset utf-16": [
    utf16(`<?xml version="1.0" encoding="utf-16"?>${sampleEnvelope(routeName)}`),
    { t: "xml", charset: "UTF-16" },
    test,
  ],
  "UTF-16 BE, by charset": [
    utf16(sampleEnvelope("<ClientRouteName>Grün 😀</ClientRouteName>"), { bigEndian: true }),
    { t: "xml", charset: "utf-16be" },
    { ClientRouteName: "Grün 😀" },
  ],
  "ISO 8859-1, by charset": [
    Buffer.from(sampleEnvelope("<ClientRouteName>Grün</ClientRouteName>"), "latin1"),
    { t: "xml", charset: "iso-8859-1" },
    { ClientRouteName: "Grün" },
  ],
  "ISO 8859-1, by its declaration": [
    Buffer.from(
      `<?xml version='1.0' encoding='ISO-8859-1'?>${sampleEnvelope("<ClientRouteName>Grün</ClientRouteName>")}`,
      "latin1",
    ),
    xml,
    { ClientRouteName: "Grün" },
  ],
  "UTF-8 that is declared as UTF-16": [
    `<?xml version="1.0" encoding="utf-16"?>${sampleEnvelope(routeName)}`,
    xml,
    test,
  ],
  MTOM: [
    multipart([
      { head: xopHead, content: sampleEnvelope(routeName, soap12) },
      { head: ["Content-ID: <data>"], content: Buffer.alloc(100, 0xff) },
    ]),
    mtom,
    test,
  ],
  "MTOM in UTF-16": [
    multipart([
      { head: ["Content-Type: application/xop+xml; charset=utf-16"], content: utf16(sampleEnvelope(routeName)) },
    ]),
    { t: "multipart", boundary, start: undefined },
    test,
  ],
  "SOAP with Attachments, the root part not the first, bare line feeds, a preamble": [
    multipart(
      [
        { head: ["Content-ID: <data>", "Content-Type: text/xml"], content: sampleEnvelope("<Tenant>no</Tenant>") },
        { head: [], content: "no head" },
        {
          head: ["content-id:", " <root@tempuri.org>", "CONTENT-TYPE: text/xml;", "\tcharset=utf-8"],
          content: sampleEnvelope(routeName),
        },
      ],
      { preamble: `This is\n--not the boundary\n-`, lineEnd: "\n" },
    ),
    mtom,
    test,
  ],
};

describe("T9: the header of an envelope is read", () => {
  it.each(Object.entries(samples))("%s", (_, [body, form, headers]) => {
    expect(found(body, form)).toEqual(headers);
  });

  it.each(Object.entries(samples))(
    "byte by byte, and split at every byte, with the same answer: %s",
    (_, [body, form, headers]) => {
      const bytes = Buffer.from(body);
      expect(found(bytes, form, 1)).toEqual(headers);
      for (let at = 1; at < bytes.length; at++) {
        const scanner = new EnvelopeScanner(form, asked);
        const first = scanner.push(bytes.subarray(0, at));
        const outcome = first.t === "more" ? scanner.push(bytes.subarray(at)) : first;
        expect(outcome.t === "found" && Object.fromEntries(outcome.headers)).toEqual(headers);
      }
    },
  );

  it("up to its end and no further", () => {
    const body = sampleEnvelope(routeName);
    const end = body.indexOf("</s:Header>") + "</s:Header>".length;
    expect(new EnvelopeScanner(xml, asked).push(Buffer.from(body.slice(0, end - 1))).t).toBe("more");
    expect(new EnvelopeScanner(xml, asked).push(Buffer.from(body.slice(0, end))).t).toBe("found");
    // What follows is not even well-formed.
    expect(found(`${body.slice(0, end)}<!DOCTYPE <<<\u0000`)).toEqual(test);
    const bodyOnly = `<Envelope xmlns="${soap11}"><Body>`;
    expect(found(`${bodyOnly}<a></b>&nothing;`)).toEqual({});
  });

  it("and tells the action, of 2005/08 first", () => {
    const both = `<Action xmlns="${wsa2004}">urn:old</Action><a:Action>urn:new</a:Action>`;
    const actions = [both, `<Action xmlns="${wsa2004}">urn:old</Action>`, "<a:Action> </a:Action>"].map((blocks) => {
      const outcome = scan(sampleEnvelope(blocks));
      return outcome.t === "found" && addressingAction(outcome.headers);
    });
    expect(actions).toEqual(["urn:new", "urn:old", undefined]);
  });

  it("whose text may be 8 Ki characters", () => {
    const block = (length: number) => sampleEnvelope(`<ClientRouteName>${"x".repeat(length)}</ClientRouteName>`);
    expect(found(block(8192))).toEqual({ ClientRouteName: "x".repeat(8192) });
    expect(found(block(8193))).toEqual({ ClientRouteName: undefined });
  });
});

const malformed = (why: string) => ({ t: "malformed", why });
const dtd = malformed("the envelope has a document type declaration (DTD), which SOAP forbids; send it without");
const unknownReference = malformed("the envelope is not well-formed XML: undefined entity.");

const refused: Record<string, [Bytes, object]> = {
  "a DTD": [`<!DOCTYPE x>${sampleEnvelope(routeName)}`, dtd],
  "billion laughs": [
    `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">${Array.from(
      { length: 9 },
      (_, i) => `<!ENTITY lol${i + 1} "${`&lol${i || ""};`.repeat(10)}">`,
    ).join("")}]>${sampleEnvelope("<ClientRouteName>&lol9;</ClientRouteName>")}`,
    dtd,
  ],
  "quadratic blow-up": [
    `<!DOCTYPE x [<!ENTITY a "${"a".repeat(30_000)}">]>${sampleEnvelope(`<ClientRouteName>${"&a;".repeat(9_000)}</ClientRouteName>`)}`,
    dtd,
  ],
  "XXE by an external entity": [
    `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${sampleEnvelope("<ClientRouteName>&e;</ClientRouteName>")}`,
    dtd,
  ],
  "XXE by an external DTD": [`<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">${sampleEnvelope(routeName)}`, dtd],
  "XXE by a parameter entity": [
    `<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/p"> %p;]>${sampleEnvelope(routeName)}`,
    dtd,
  ],
  "an entity without a DTD": [sampleEnvelope("<ClientRouteName>&lol;</ClientRouteName>"), unknownReference],
  "10,000 elements one in another": [
    sampleEnvelope("<a>".repeat(10_000)),
    malformed("the envelope nests elements over 100 deep in its header"),
  ],
  "over 2,000 elements": [
    sampleEnvelope("<x/>".repeat(2_001)),
    malformed("the envelope has over 2000 elements in its header"),
  ],
  "101 attributes": [
    sampleEnvelope(`<x ${Array.from({ length: 101 }, (_, i) => `a${i}=""`).join(" ")}/>`),
    malformed("the envelope has an element of over 100 attributes in or before its header"),
  ],
  "a name of 1,025 characters": [
    sampleEnvelope(`<${"n".repeat(1025)}/>`),
    malformed("the envelope has a name of over 1024 characters in or before its header"),
  ],
  "an attribute's name of 1,025 characters": [
    sampleEnvelope(`<x ${"n".repeat(1025)}=""/>`),
    malformed("the envelope has a name of over 1024 characters in or before its header"),
  ],
  "an attribute of 8,193 characters": [
    sampleEnvelope(`<x a="${"v".repeat(8193)}"/>`),
    malformed("the envelope has an attribute of over 8192 characters in or before its header"),
  ],
  "an element that another one closes": [
    sampleEnvelope("<x></y>"),
    malformed("the envelope is not well-formed XML: unexpected close tag."),
  ],
  "a prefix of no namespace": [
    sampleEnvelope("<p:x/>"),
    malformed('the envelope is not well-formed XML: unbound namespace prefix: "p".'),
  ],
  "a character that XML has not": [
    sampleEnvelope("\u0000"),
    malformed("the envelope is not well-formed XML: disallowed character."),
  ],
  "no XML": ["hello", malformed("the envelope is not well-formed XML: text data outside of root node.")],
  "a body of another namespace": [
    `<Envelope xmlns="${soap11}"><Body xmlns="${soap12}"/></Envelope>`,
    malformed("the envelope begins with something else than a Header or a Body"),
  ],
  "something before the header": [
    `<Envelope xmlns="${soap11}"><x/><Header/></Envelope>`,
    malformed("the envelope begins with something else than a Header or a Body"),
  ],
  "no Header and no Body": [`<Envelope xmlns="${soap11}"/>`, malformed("the envelope has no Body")],
  "an end within the header": [
    `<Envelope xmlns="${soap11}"><Header><x>`,
    malformed("the envelope ends before its Body begins"),
  ],
  "white space alone": [" \r\n", malformed("the envelope has no root element")],
};

describe("T9: an envelope is refused with", () => {
  it.each(Object.entries(refused))("%s", (_, [body, outcome]) => {
    expect(scan(body)).toEqual(outcome);
    expect(scan(body, xml, 1)).toEqual(outcome);
  });
});

/** Things of 1 MB that never end within what is looked at. */
const endless: Record<string, [string, object]> = {
  "a root's name": ["<", malformed("the envelope has no root element in its first 65536 characters")],
  "a DTD": ["<!DOCTYPE x [", malformed("the envelope has no root element in its first 65536 characters")],
  "a block's name": [
    `${sampleEnvelope("").split("</s:Header>")[0]}<`,
    malformed("the envelope has a name or attribute of over 8192 characters in or before its header"),
  ],
  "an attribute's name": [
    `${sampleEnvelope("").split("</s:Header>")[0]}<x `,
    malformed("the envelope has a name or attribute of over 8192 characters in or before its header"),
  ],
  "an attribute": [
    `${sampleEnvelope("").split("</s:Header>")[0]}<x a="`,
    malformed("the envelope has a name or attribute of over 8192 characters in or before its header"),
  ],
  "a reference": [
    `${sampleEnvelope("").split("</s:Header>")[0]}<x>&`,
    malformed("the envelope has a name or attribute of over 8192 characters in or before its header"),
  ],
  "a closing name": [
    `${sampleEnvelope("").split("</s:Header>")[0]}<x></`,
    malformed("the envelope has a name or attribute of over 8192 characters in or before its header"),
  ],
};

const tooLong = { t: "tooLong", why: "the envelope's header does not end in the body's first 65536 bytes" };
const longHeader = sampleEnvelope("").split("</s:Header>")[0] ?? "";

describe("T9: memory stays flat:", () => {
  it.each(Object.entries(endless))("%s of 1 MB is refused after 64 KiB", (_, [start, outcome]) => {
    const body = Buffer.from(start + "a".repeat(1024 * 1024));
    for (const pieceBytes of [1, 1000, body.length]) {
      const scanner = new EnvelopeScanner(xml, asked);
      let pushed = 0;
      let last: EnvelopeOutcome = { t: "more" };
      while (last.t === "more" && pushed < body.length) {
        last = scanner.push(body.subarray(pushed, pushed + pieceBytes));
        pushed += pieceBytes;
      }
      expect(last).toEqual(outcome);
      if (pieceBytes < body.length) expect(pushed).toBeLessThan(envelopeBytesMax + pieceBytes);
    }
  });

  it.each<[string, string]>([
    ["a header of many blocks", `<x>${"t".repeat(60)}</x>`.repeat(1_000)],
    ["a text", "t".repeat(70_000)],
    ["a text that is asked for", `<ClientRouteName>${"t".repeat(70_000)}`],
    ["a comment", `<!-- ${"t".repeat(70_000)}`],
    ["CDATA", `<x><![CDATA[${"t".repeat(70_000)}`],
    ["a tag that begins at the very end", `${"t".repeat(envelopeBytesMax - longHeader.length - 2)}<x`],
  ])("%s of over 64 KiB is read no further, and not refused", (_, blocks) => {
    for (const pieceBytes of [1, 1000, 100_000]) expect(scan(longHeader + blocks, xml, pieceBytes)).toEqual(tooLong);
  });

  it("a preamble, a part before the root part, a head: no more of them is kept than the bound", () => {
    const long = "p".repeat(70_000);
    const parts = multipart([
      { head: ["Content-ID: <x>"], content: long },
      { head: xopHead, content: "" },
    ]);
    expect(scan(long, mtom, 100)).toEqual(tooLong);
    expect(scan(parts, mtom, 100)).toEqual(tooLong);
    const why = "the multipart body has a part whose head takes over 8192 bytes";
    expect(scan(multipart([{ head: [`X: ${long}`], content: "" }]), mtom, 100)).toEqual(malformed(why));
    expect(scan(multipart([{ head: Array(900).fill("X: 1234567"), content: "" }]), mtom)).toEqual(malformed(why));
  });

  it("no more is looked at than the peer may send at the start", () => {
    const scanner = new EnvelopeScanner(xml, asked, 100);
    expect(scanner.push(Buffer.from(sampleEnvelope(routeName)))).toEqual({
      t: "tooLong",
      why: "the envelope's header does not end in the body's first 100 bytes",
    });
  });
});

const notSoap = (why: string) => ({ t: "notSoap", why });
const rootPart = (what: string) => notSoap(`the multipart body's root part ${what}`);

describe("what is not read", () => {
  it.each<[string, Bytes, ReadableForm, object]>([
    ["an empty body", "", xml, notSoap("the body is empty")],
    ["other XML", "<order/>", xml, notSoap("the body's root element is no SOAP envelope")],
    ["an Envelope of no SOAP", "<Envelope><Header>", xml, notSoap("the body's root element is no SOAP envelope")],
    [
      "an encoding that is declared and not known",
      '<?xml version="1.0" encoding="EBCDIC-CP-US"?><x/>',
      xml,
      notSoap("the envelope is in an encoding that the router does not read"),
    ],
    [
      "a root part of another type",
      multipart([{ head: ["Content-Type: image/png"], content: "x" }]),
      { t: "multipart", boundary, start: undefined },
      rootPart("is no envelope by its Content-Type"),
    ],
    [
      "a root part in base64",
      multipart([{ head: ["Content-Type: text/xml", "Content-Transfer-Encoding: BASE64"], content: "eA==" }]),
      { t: "multipart", boundary, start: undefined },
      rootPart("has a Content-Transfer-Encoding that the router does not read"),
    ],
    [
      "a root part of a charset not known",
      multipart([{ head: ["Content-Type: text/xml; charset=utf-7"], content: "x" }]),
      { t: "multipart", boundary, start: undefined },
      rootPart("is in a charset that the router does not read"),
    ],
  ])("%s", (_, body, form, outcome) => {
    expect(scan(body, form)).toEqual(outcome);
    expect(scan(body, form, 1)).toEqual(outcome);
  });

  it.each<[string, Bytes, object]>([
    [
      "without the root part",
      multipart([{ head: ["Content-ID: <x>"], content: "" }]),
      malformed("the multipart body has no root part"),
    ],
    ["without a boundary", "no boundary", malformed("the envelope has no root element")],
    [
      "whose boundary goes on",
      `--${boundary}x\r\n`,
      malformed("the multipart body has a boundary line with something behind it"),
    ],
    [
      "whose root part ends in its header",
      multipart([
        { head: xopHead, content: longHeader },
        { head: [], content: `${routeName}</s:Header>` },
      ]),
      malformed("the envelope ends before its Body begins"),
    ],
  ])("a multipart body %s is refused", (_, body, outcome) => {
    for (const pieceBytes of [1, 7, 100_000]) expect(scan(body, mtom, pieceBytes)).toEqual(outcome);
  });
});

describe("T9: the scan, whatever comes", () => {
  const token = fc.constantFrom(
    ...[
      "<",
      ">",
      "/",
      "&lt;",
      "&x;",
      "&#0;",
      "<!--",
      "-->",
      "<![CDATA[",
      "]]>",
      "<?",
      "?>",
      '"',
      "=",
      " ",
      "\r\n",
      "x",
    ],
    ...[
      "<s:Header>",
      "</s:Header>",
      "<s:Body>",
      "<ClientRouteName>",
      "</ClientRouteName>",
      "<x a='1'>",
      "</x>",
      "ü",
      "😀",
    ],
    ...["<!DOCTYPE x>", 'xmlns="urn:r"', `\r\n--${boundary}`, "--", "\r\n\r\n", "Content-Type: text/xml\r\n"],
  );
  const start = fc.constantFrom("", `<s:Envelope xmlns:s="${soap11}">`, longHeader, `--${boundary}\r\n`, "\ufeff");
  const written = fc.tuple(start, fc.array(token, { maxLength: 30 })).map(([first, rest]) => first + rest.join(""));
  const body = fc.oneof(
    written.map((text) => Buffer.from(text)),
    written.map((text) => utf16(text)),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(written, fc.uint8Array({ maxLength: 9 }))
      .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part as string)))),
  );
  const form = fc.constantFrom<ReadableForm>(xml, { t: "xml", charset: "utf-16" }, mtom, {
    t: "multipart",
    boundary,
    start: undefined,
  });

  /** Of two errors at hand the library may name either. */
  const settled = (outcome: EnvelopeOutcome) =>
    "why" in outcome ? { ...outcome, why: outcome.why.replace(/(?<=well-formed XML): .*/, "") } : outcome;

  it("never throws, always decides, and gives the same answer in whatever pieces", () => {
    fc.assert(
      fc.property(body, form, fc.integer({ min: 1, max: 9 }), (bytes, each, pieceBytes) => {
        const whole = scan(bytes, each);
        expect(whole.t).not.toBe("more");
        expect(settled(scan(bytes, each, pieceBytes))).toEqual(settled(whole));
      }),
      { numRuns: 5_000 },
    );
  });

  it("finds each block's text as it was written", () => {
    const text = fc
      .string({ unit: "grapheme", maxLength: 40 })
      .filter((each) => each.trim() === each && !/[\p{Cc}\p{Cn}\u2028]/u.test(each));
    const escaped = (each: string) => each.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    const encode = fc.constantFrom(Buffer.from, utf16, (each: string) => utf16(each, { bigEndian: true, mark: true }));
    fc.assert(
      fc.property(
        text,
        fc.constantFrom(soap11, soap12),
        encode,
        fc.integer({ min: 1, max: 50 }),
        (each, soap, encoded, pieceBytes) => {
          const envelope = sampleEnvelope(`<ClientRouteName>${escaped(each)}</ClientRouteName>`, soap);
          expect(found((encoded as (text: string) => Buffer)(envelope), xml, pieceBytes)).toEqual({
            ClientRouteName: each,
          });
        },
      ),
      { numRuns: 300 },
    );
  });
});
