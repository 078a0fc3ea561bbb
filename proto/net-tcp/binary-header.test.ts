import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BinaryHeaderOptions, type BinaryHeaderOutcome, BinaryHeaderReader } from "./binary-header.ts";
import {
  action,
  addressing,
  chars,
  element,
  endElement,
  envelopeOf,
  known,
  opening,
  record,
  sessionId,
  sessionStrings,
  soap12,
  staticId,
  string,
  xmlns,
} from "./testing/binary-xml.ts";

const options: BinaryHeaderOptions = { session: false, wants: () => true, textMax: 8_192, bytesMax: 64 * 1024 };

function read(
  bytes: Buffer,
  wanted: Partial<BinaryHeaderOptions> = {},
  pieceBytes = bytes.length,
): BinaryHeaderOutcome {
  const reader = new BinaryHeaderReader({ ...options, ...wanted });
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
  return reader.end();
}

function found(...blocks: (readonly [string, string, string | undefined])[]): BinaryHeaderOutcome {
  return { t: "found", blocks: blocks.map(([local, namespace, text]) => ({ local, namespace, text })) };
}

/** A header block whose text is this record (its element's end included). */
function textOf(...text: Buffer[]): unknown {
  const outcome = read(envelopeOf(element("", "B"), ...text));
  return outcome.t === "found" ? outcome.blocks[0]?.text : outcome;
}

const add = "http://tempuri.org/ICalc/Add";

describe("the header of a binary envelope", () => {
  it("T9: as WCF writes it has its action and the client's own blocks", () => {
    const own = [element("", "ClientRouteName"), xmlns("", "urn:routes"), chars(" test ")];
    const bytes = envelopeOf(action(add), known("a", "To"), chars("net.tcp://calc/"), ...own);
    const blocks = found(
      ["Action", addressing, add],
      ["To", addressing, "net.tcp://calc/"],
      ["ClientRouteName", "urn:routes", " test "],
    );
    expect(read(bytes)).toEqual(blocks);
  });

  it("T9: of a session names strings that open its envelope", () => {
    const strings = sessionStrings(add, "urn:x");
    const block = Buffer.concat([known("a", "Action"), record(0xab, sessionId(0))]);
    expect(read(Buffer.concat([strings, envelopeOf(block)]), { session: true })).toEqual(
      found(["Action", addressing, add]),
    );
    expect(read(Buffer.concat([sessionStrings(), envelopeOf(block)]), { session: true })).toEqual({
      t: "malformed",
      why: "the binary envelope names string 1, which no dictionary has",
    });
  });

  it("is read alike in whatever pieces it comes", () => {
    const own = [element("x", "Deep"), xmlns("x", "urn:x"), element("x", "In"), chars("in"), endElement];
    const bytes = Buffer.concat([sessionStrings(add), envelopeOf(action(add), ...own)]);
    const whole = found(["Action", addressing, add], ["Deep", "urn:x", undefined]);
    for (let pieceBytes = 1; pieceBytes <= bytes.length; pieceBytes += 1) {
      expect(read(bytes, { session: true }, pieceBytes)).toEqual(whole);
    }
  });

  it("is read to its end, and not beyond", () => {
    const reader = new BinaryHeaderReader(options);
    expect(reader.push(Buffer.concat([opening, action(add)]))).toEqual({ t: "more" });
    expect(reader.push(Buffer.concat([endElement, Buffer.from([0xff])]))).toEqual(found(["Action", addressing, add]));
    const without = Buffer.concat([known("s", "Envelope"), xmlns("s", soap12), known("s", "Body")]);
    expect(read(Buffer.concat([without, endElement, Buffer.from([0xff])]))).toEqual(found());
  });

  it("keeps only the blocks that are wanted", () => {
    expect(read(envelopeOf(action(add), known("a", "To"), chars("x")), { wants: (local) => local === "To" })).toEqual(
      found(["To", addressing, "x"]),
    );
  });

  it("of SOAP 1.1 is read too", () => {
    const soap11 = "http://schemas.xmlsoap.org/soap/envelope/";
    const bytes = [
      element("e", "Envelope"),
      xmlns("e", soap11),
      element("e", "Header"),
      element("", "A"),
      chars("x"),
      endElement,
    ];
    expect(read(Buffer.concat(bytes))).toEqual(found(["A", "", "x"]));
  });

  it("has the namespaces that were declared nearest", () => {
    const outer = [
      element("p", "A"),
      xmlns("p", "urn:outer"),
      element("p", "B"),
      xmlns("p", "urn:inner"),
      endElement,
      endElement,
    ];
    const bytes = envelopeOf(...outer, element("p", "C"), xmlns("p", "urn:next"), chars("x"));
    expect(read(bytes)).toEqual(found(["A", "urn:outer", undefined], ["C", "urn:next", "x"]));
  });
});

describe("a text", () => {
  const bytesOf = (hex: string) => Buffer.from(hex, "hex");
  it.each([
    ["zero", "81", "0"],
    ["one", "83", "1"],
    ["false", "85", "false"],
    ["true", "87", "true"],
    ["8 bits", "89de", "-34"],
    ["16 bits", "8b0080", "-32768"],
    ["32 bits", "8d15cd5b07", "123456789"],
    ["64 bits", "8f0000000000000080", "-9223372036854775808"],
    ["64 bits without a sign", "b3ffffffffffffffff", "18446744073709551615"],
    ["a single", "91cdcc8c3f", undefined],
    ["a double", "937457547275747275", undefined],
    ["a decimal", `95${"00".repeat(16)}`, undefined],
    ["a time", `97${"00".repeat(8)}`, undefined],
    ["a time span", `af${"00".repeat(8)}`, undefined],
    ["UTF-8", "9905c3a9783132", "éx12"],
    ["UTF-8, 16 bits of length", "9b02006162", "ab"],
    ["UTF-8, 32 bits of length", "9d020000006162", "ab"],
    ["bytes", "9f03010203", "AQID"],
    ["bytes, 16 bits of length", "a10300010203", "AQID"],
    ["bytes, 32 bits of length", "a303000000010203", "AQID"],
    ["empty", "a9", ""],
    ["a unique id", "ad00112233445566778899aabbccddeeff", "urn:uuid:33221100-5544-7766-8899-aabbccddeeff"],
    ["a UUID", "b100112233445566778899aabbccddeeff", "33221100-5544-7766-8899-aabbccddeeff"],
    ["a boolean", "b501", "true"],
    ["UTF-16", "b706750041000030", "uA\u3000"],
    ["UTF-16, 16 bits of length", "b9040075004100", "uA"],
    ["UTF-16, 32 bits of length", "bb0400000075004100", "uA"],
    ["a list", "a58288dea880a6", "1 -34  0"],
    ["a name with a prefix", "bd000c", "a:To"],
  ])("as %s is %s", (_, hex, wanted) => {
    const bytes = bytesOf(hex);
    expect(textOf(bytes)).toEqual(wanted);
  });

  it("in several records is one text", () => {
    expect(
      textOf(Buffer.from([0x98, 1, 0x61]), record(0x02, string("comment")), Buffer.from([0x98, 1, 0x62]), endElement),
    ).toBe("ab");
  });

  it("over the limit is none", () => {
    const long = Buffer.concat([Buffer.from([0x9b, 0x01, 0x20]), Buffer.alloc(8_193, 0x61)]);
    expect(textOf(long)).toBeUndefined();
    const twice = Buffer.concat([Buffer.from([0x9a, 0x00, 0x20]), Buffer.alloc(8_192, 0x61)]);
    expect(textOf(twice, chars("b"))).toBeUndefined();
    expect(textOf(twice, endElement)).toBe("a".repeat(8_192));
  });

  it("in an array is none, and what follows is read", () => {
    const array = Buffer.concat([record(0x03, element("", "I"), endElement), Buffer.from([0x8b, 2, 1, 0, 2, 0])]);
    const outcome = read(envelopeOf(array, element("", "A"), array, endElement, element("", "B"), chars("x")));
    expect(outcome).toEqual(found(["I", "", undefined], ["A", "", undefined], ["B", "", "x"]));
  });
});

describe("every form of a name", () => {
  const value = Buffer.from([0x98, 1, 0x78]);
  it.each([
    ["element", record(0x40, string("N")), "N"],
    ["element with a prefix", record(0x41, string("a"), string("N")), "N"],
    ["element of the dictionary", record(0x42, staticId("To")), "To"],
    ["element of the dictionary with a prefix", record(0x43, string("a"), staticId("To")), "To"],
    ["element of the dictionary with a letter", record(0x44, staticId("To")), "To"],
    ["element with a letter", record(0x5e, string("N")), "N"],
  ])("of an %s is read", (_, start, local) => {
    const attributes = [
      record(0x04, string("p"), value),
      record(0x05, string("a"), string("p"), value),
      record(0x06, staticId("To"), value),
      record(0x07, string("a"), staticId("To"), value),
      record(0x0a, staticId("To")),
      record(0x25, staticId("To"), value),
      record(0x26, string("p"), value),
      record(0x3f, string("p"), Buffer.from([0x82])),
    ];
    const outcome = read(envelopeOf(start, ...attributes, chars("x")));
    expect(outcome).toMatchObject({ t: "found", blocks: [{ local, text: "x" }] });
  });
});

describe("what is no header", () => {
  const deep = Array.from({ length: 100 }, () => element("", "x"));
  const nine = Buffer.from([0x98, 1, 0x78]);
  const many = Array.from({ length: 2_000 }, () => Buffer.concat([element("", "x"), endElement]));
  const attributes = Array.from({ length: 101 }, () => record(0x04, string("p"), nine));
  it.each([
    ["another record", Buffer.from([0xff]), "malformed", " has a record of type 255, which [MC-NBFX] does not know"],
    ["another root", record(0x40, string("Envelope"), endElement), "notSoap", "'s root element is no SOAP envelope"],
    [
      "an unknown prefix",
      record(0x41, string("p"), string("x"), endElement),
      "malformed",
      " has a prefix that nothing declares",
    ],
    ["nothing", Buffer.alloc(0), "malformed", " has no root element"],
    ["an end", endElement, "malformed", " ends an element that has not begun"],
    ["an attribute alone", record(0x04, string("p"), nine), "malformed", " has an attribute outside of a tag"],
    ["a broken-off header", Buffer.concat([opening, action(add)]), "malformed", " ends before its Body begins"],
    [
      "a strange part",
      Buffer.concat([opening.subarray(0, -2), element("", "x"), endElement]),
      "malformed",
      " begins with something else than a Header or a Body",
    ],
    [
      "an unknown string",
      record(0x42, Buffer.from([0xfe, 0x7f])),
      "malformed",
      " names string 16382, which no dictionary has",
    ],
    [
      "an endless number",
      record(0x40, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])),
      "malformed",
      " has a number of over 31 bits",
    ],
    ["a long name", record(0x40, Buffer.from([0x81, 0x08])), "malformed", " has a string of 1025 bytes, over 1024"],
    [
      "a depth of 101",
      Buffer.concat([opening, ...deep, endElement]),
      "malformed",
      " nests elements over 100 deep in its header",
    ],
    ["2,001 elements", envelopeOf(...many), "malformed", " has over 2000 elements in its header"],
    [
      "101 attributes",
      Buffer.concat([record(0x40, string("x")), ...attributes]),
      "malformed",
      " has an element of over 100 attributes",
    ],
    [
      "a text of negative length",
      Buffer.concat([opening, element("", "x"), Buffer.from([0x9d, 0, 0, 0, 0x80])]),
      "malformed",
      " has a text of negative length",
    ],
    [
      "half a character",
      Buffer.concat([opening, element("", "x"), Buffer.from([0xb7, 1, 0])]),
      "malformed",
      " has half a character of UTF-16",
    ],
    [
      "a list in a list",
      Buffer.concat([opening, element("", "x"), Buffer.from([0xa5, 0xa4])]),
      "malformed",
      " has a record of type 164 in a list",
    ],
    [
      "a prefix number over 25",
      Buffer.concat([opening, element("", "x"), Buffer.from([0xbd, 26, 0])]),
      "malformed",
      " has the prefix number 26, over 25",
    ],
  ])("is told of %s", (_, bytes, t, why) => {
    expect(read(bytes)).toEqual({ t, why: `the binary envelope${why}` });
    expect(read(bytes, {}, 1)).toEqual({ t, why: `the binary envelope${why}` });
  });

  it("a header that does not end within the bound is told as such, in whatever pieces", () => {
    const long = Buffer.concat([opening, element("", "x"), Buffer.from([0x9d, 0, 0, 1, 0]), Buffer.alloc(70_000)]);
    const outcome = { t: "tooLong", why: "the binary envelope's header does not end in its first 65536 bytes" };
    for (const pieceBytes of [long.length, 65_536, 1_000, 7]) expect(read(long, {}, pieceBytes)).toEqual(outcome);
  });

  it("session strings over their bound are told before they come", () => {
    const why = "the binary envelope begins with session strings of 16385 bytes, over 16384";
    expect(read(Buffer.from([0x81, 0x80, 0x01]), { session: true })).toEqual({ t: "tooLong", why });
    const over = Buffer.concat([Buffer.from([3, 1, 0x61, 2, 0x62, 0x62])]);
    expect(read(over, { session: true })).toEqual({
      t: "malformed",
      why: "the binary envelope has a string of 2 bytes, over 1",
    });
  });
});

describe("any header", () => {
  const name = fc.stringMatching(/^[A-Za-z]{1,8}$/);
  const uri = fc.stringMatching(/^urn:[a-z]{1,8}$/);
  const value = fc.string({ maxLength: 40 });
  const block = fc.record({ name, uri, value, form: fc.nat(3) });

  function write({
    name: local,
    uri: namespace,
    value: text,
    form,
  }: {
    name: string;
    uri: string;
    value: string;
    form: number;
  }): Buffer {
    const utf16 = Buffer.from(text, "utf16le");
    const forms = [chars(text), Buffer.concat([Buffer.from([0xb7, utf16.length]), utf16])];
    const start =
      form < 2 ? [element("", local), xmlns("", namespace)] : [record(0x5e, string(local)), xmlns("a", namespace)];
    return Buffer.concat([...start, forms[form % 2]!]);
  }

  it("T9: is read as it was written, in whatever pieces", () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 8 }), fc.integer({ min: 1, max: 30 }), (blocks, pieceBytes) => {
        const bytes = envelopeOf(...blocks.map(write));
        expect(read(bytes, {}, pieceBytes)).toEqual(
          found(...blocks.map((each) => [each.name, each.uri, each.value] as const)),
        );
      }),
    );
  });

  it("of any bytes gives the same in whatever pieces, and never throws", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        (rest, isOpened, pieceBytes) => {
          const bytes = Buffer.concat([isOpened ? opening : Buffer.alloc(0), rest]);
          expect(read(bytes, {}, pieceBytes)).toEqual(read(bytes));
        },
      ),
    );
  });
});
