import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bodyBytesMax, droppedBytesMax } from "./body.ts";
import { namespace } from "./contract.ts";
import { type Calculator, startCalculator } from "./server.ts";
import {
  answer11,
  envelope11,
  fault11,
  fault12,
  log,
  operation,
  post11,
  post12,
  soap11Namespace,
} from "./test-client.ts";
import { escapeXml, markupMax, parseXml } from "./xml.ts";

let calculator: Calculator;
let port: number;
let logged: string[] = [];
beforeAll(async () => {
  calculator = await startCalculator({ log: (message) => logged.push(message) });
  port = calculator.port;
});
afterAll(() => calculator.close());

const five = answer11(`<AddResponse xmlns="${namespace}"><AddResult>5</AddResult></AddResponse>`);

describe("encodings", () => {
  const document = (encoding: string) =>
    `<?xml version="1.0" encoding="${encoding}"?>${envelope11(operation("Add", 2, 3))}`;
  const be = (text: string) => Buffer.from(text, "utf16le").swap16();
  const le = (text: string) => Buffer.from(text, "utf16le");
  const read: Record<string, [Buffer, string]> = {
    "UTF-8 with a mark": [Buffer.from(`\uFEFF${document("utf-8")}`), "text/xml"],
    "UTF-8 by charset, quoted and in capitals": [Buffer.from(document("utf-8")), 'Text/XML; Charset="UTF-8"'],
    "UTF-16 little-endian by its mark": [le(`\uFEFF${document("utf-16")}`), "text/xml; charset=utf-16"],
    "UTF-16 big-endian by its mark, against the charset": [
      be(`\uFEFF${document("utf-16")}`),
      "text/xml; charset=utf-8",
    ],
    "UTF-16 big-endian without mark": [be(document("utf-16")), "text/xml; charset=utf-16"],
    "UTF-16 little-endian without mark, as Windows sends it": [le(document("utf-16")), "text/xml; charset=utf-16"],
    "UTF-16 without mark or charset": [be(document("utf-16")), "text/xml"],
    "UTF-16LE by charset": [le(document("utf-16")), "text/xml; charset=utf-16le"],
    "a charset that the declaration contradicts": [Buffer.from(document("iso-8859-1")), "text/xml; charset=utf-8"],
  };
  for (const [name, [bytes, contentType]] of Object.entries(read)) {
    test(`${name} is read`, async () => {
      expect(await post11(port, bytes, contentType)).toEqual(five);
    });
  }

  const refused: Record<string, [Buffer, string, string]> = {
    "another charset": [
      Buffer.from(document("utf-8")),
      "text/xml; charset=iso-8859-1",
      "The encoding &quot;iso-8859-1&quot; cannot be read here; send UTF-8 or UTF-16.",
    ],
    "another declared encoding": [
      Buffer.from(document("windows-1252")),
      "text/xml",
      "The encoding &quot;windows-1252&quot; cannot be read here; send UTF-8 or UTF-16.",
    ],
    "bytes that are not UTF-8": [
      Buffer.concat([Buffer.from(document("utf-8")), Buffer.from([0xff])]),
      "text/xml",
      "The message holds bytes that are not UTF-8.",
    ],
    "half a UTF-16 character": [
      le(document("utf-16")).subarray(0, -1),
      "text/xml; charset=utf-16",
      "The message holds bytes that are not UTF-16LE.",
    ],
  };
  for (const [name, [bytes, contentType, reason]] of Object.entries(refused)) {
    test(`${name}: a fault`, async () => {
      expect(await post11(port, bytes, contentType)).toEqual(fault11(reason));
    });
  }
});

describe("what is no XML that can be read gets a fault", () => {
  const inLog = (text: string) => envelope11(log(text));
  const bomb = Array.from({ length: 20 }, (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`).join("");
  const dtd = "a document type declaration (DTD) or other &lt;! declaration is not allowed";
  const exactlyOne = "a document has exactly one root element";
  const documents: Record<string, [string, string | RegExp]> = {
    "nothing at all": ["", "Start tag expected"],
    "text only": ["hello", "line 1, column 1: char 'h' is not expected"],
    JSON: ['{"a":2}', "line 1, column 1: char '{' is not expected"],
    "a tag left open": ["<a><b></a>", /Expected closing tag 'b'/],
    "a tag cut off": ["<a", /./],
    "an empty tag cut off": ["<a/", /./],
    "two roots": ["<a/><b/>", exactlyOne],
    "text after the root": ["<a/>b", /./],
    "a comment alone": ["<!-- x -->", /Start tag expected/],
    "an attribute twice": ['<a b="1" b="2"/>', /is repeated/],
    "an attribute without quotes": ["<a b=1/>", /./],
    "a '<' in an attribute": [`<a b="<"/>`, "an attribute's value holds a '&lt;'"],
    "a prefix without namespace": ["<x:a/>", "the prefix &quot;x&quot; has no namespace"],
    "a name with two colons": ['<x:a:b xmlns:x="urn:x"/>', "&quot;x:a:b&quot; is not a name"],
    "a DTD": [`<!DOCTYPE a [<!ENTITY x "y">]>${inLog("&x;")}`, dtd],
    "a DTD that fetches": [`<!DOCTYPE a SYSTEM "http://192.0.2.1/x.dtd">${inLog("x")}`, dtd],
    "a DTD inside the root": ["<a><!DOCTYPE b></a>", dtd],
    "a bomb of entities": [`<!DOCTYPE a [<!ENTITY e0 "ha">${bomb}]>${inLog("&e20;")}`, dtd],
    "a comment left open": ["<a><!-- x</a>", dtd],
    "an entity that is not XML's": [
      inLog("&nbsp;"),
      "the entity &amp;nbsp; is not declared; XML's own are &amp;amp; &amp;lt; &amp;gt; &amp;quot; &amp;apos;",
    ],
    "an entity named like a property of every object": [inLog("&constructor;"), /&amp;constructor; is not declared/],
    "a bare ampersand": [inLog("a & b"), /char '&amp;' is not expected/],
    "a reference to no character": [inLog("&#0;"), "&amp;#0; is a character that XML does not allow"],
    "a reference to half a character": [inLog("&#xD800;"), "&amp;#xD800; is a character that XML does not allow"],
    "a reference beyond Unicode": [inLog("&#x110000;"), "&amp;#x110000; is a character that XML does not allow"],
    "a control character": [inLog("\u0001"), "it holds a character that XML does not allow"],
    "a processing instruction": [inLog("<?x y?>"), "processing instructions are not allowed in SOAP"],
    "too many elements": [inLog("<i/>".repeat(markupMax)), `it holds more than ${markupMax} tags and attributes`],
    "too many attributes": [
      `<a ${Array.from({ length: markupMax }, (_, i) => `a${i}=""`).join(" ")}/>`,
      `it holds more than ${markupMax} tags and attributes`,
    ],
    "tags nested too deep": [inLog(`${"<i>".repeat(200)}${"</i>".repeat(200)}`), "Maximum nested tags exceeded"],
  };
  for (const [name, [document, what]] of Object.entries(documents)) {
    test(name, async () => {
      logged = [];
      const reply = await post11(port, document);
      if (typeof what === "string") expect(reply).toEqual(fault11(`The message is not XML that can be read: ${what}.`));
      else expect([reply.status, reply.body]).toEqual([500, expect.stringMatching(what)]);
      expect(logged).toEqual([]);
    });
  }

  test("SOAP 1.2: malformed XML is the sender's fault", async () => {
    const reason = "The message is not XML that can be read: a document has exactly one root element.";
    expect(await post12(port, "<a/><b/>")).toEqual(fault12(reason));
  });
});

describe("size", () => {
  const frame = Buffer.byteLength(envelope11(log("")));

  test("a message of 4 MiB is taken", async () => {
    logged = [];
    const message = "x".repeat(bodyBytesMax - frame);
    expect((await post11(port, envelope11(log(message)))).status).toBe(202);
    expect(logged.map((text) => text.length)).toEqual([message.length]);
  });

  test("one byte more is a fault, in the version the Content-Type speaks", async () => {
    const reason = `The message has more than ${bodyBytesMax} bytes, which is the most taken here.`;
    const message = "x".repeat(bodyBytesMax - frame + 1);
    expect(await post11(port, envelope11(log(message)))).toEqual(fault11(reason));
    expect(await post12(port, envelope11(log(message)))).toEqual(fault12(reason));
  });

  test("a message without end is cut off", async () => {
    const closed = Promise.withResolvers<void>();
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    socket.on("close", () => closed.resolve());
    socket.resume().write("POST /calculator HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    const mebibyte = Buffer.from(`100000\r\n${"x".repeat(2 ** 20)}\r\n`);
    let sent = 0;
    const send = () => {
      while (!socket.destroyed && sent < 4 * droppedBytesMax && socket.write(mebibyte)) sent += 2 ** 20;
    };
    socket.on("drain", send);
    send();
    await closed.promise;
    expect(sent).toBeLessThan(2 * droppedBytesMax);
  });
});

describe("parseXml", () => {
  test("keeps text as text, resolves namespaces and drops comments", () => {
    const text = `<?xml version="1.0"?><a xmlns="urn:1" xmlns:p="urn:2" n="007" p:n="1e3"><p:b xmlns="" xml:lang="en"> true <c/></p:b></a>`;
    const xmlns = "http://www.w3.org/2000/xmlns/";
    expect(parseXml(text)).toEqual({
      namespace: "urn:1",
      local: "a",
      attributes: [
        { namespace: "", local: "xmlns", value: "urn:1" },
        { namespace: xmlns, local: "p", value: "urn:2" },
        { namespace: "", local: "n", value: "007" },
        { namespace: "urn:2", local: "n", value: "1e3" },
      ],
      text: "",
      children: [
        {
          namespace: "urn:2",
          local: "b",
          attributes: [
            { namespace: "", local: "xmlns", value: "" },
            { namespace: "http://www.w3.org/XML/1998/namespace", local: "lang", value: "en" },
          ],
          text: " true ",
          children: [{ namespace: "", local: "c", attributes: [], text: "", children: [] }],
        },
      ],
    });
  });

  test("reads back what escapeXml wrote, but for characters that XML cannot hold", () => {
    const text = `<&>"'\r\n\t ]]> ☃ 💡 \uD800 \u0000`;
    const back = `<&>"'\r\n\t ]]> ☃ 💡 \uFFFD \uFFFD`;
    expect(parseXml(`<a b="${escapeXml(text)}">${escapeXml(text)}</a>`)).toEqual({
      namespace: "",
      local: "a",
      attributes: [{ namespace: "", local: "b", value: back }],
      text: back,
      children: [],
    });
  });

  test("an envelope's default namespace does not leak into the Body's prefixless parts", () => {
    const text = `<Envelope xmlns="${soap11Namespace}"><Body><x xmlns=""/></Body></Envelope>`;
    expect(parseXml(text).children[0]?.children[0]?.namespace).toBe("");
  });
});
