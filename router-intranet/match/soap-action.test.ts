import { describe, expect, it } from "vitest";
import { mediaTypeParameter } from "./content-type.ts";
import { soapActionOf } from "./soap-action.ts";

const soap12 = 'application/soap+xml; charset=utf-8; action="urn:param"';
const mtom12 = 'multipart/related; type="application/xop+xml"; start-info="application/soap+xml"; action="urn:param"';

describe("T9: the SOAP action", () => {
  it.each<[string, string | undefined, string | undefined, string | undefined]>([
    ["is the SOAPAction header without its quotes", '"urn:header"', "text/xml; charset=utf-8", "urn:header"],
    ["may stand there without quotes", "urn:header", "text/xml", "urn:header"],
    ["keeps a quote that has no partner", '"urn:header', "text/xml", '"urn:header'],
    ["is none in an empty SOAPAction", "", "text/xml", undefined],
    ['is none in SOAPAction: ""', '""', "text/xml", undefined],
    ["is none without header and parameter", undefined, "text/xml", undefined],
    ["is none without any header", undefined, undefined, undefined],
    ["needs no Content-Type", '"urn:header"', undefined, "urn:header"],
    ["is the parameter of SOAP 1.2's Content-Type", undefined, soap12, "urn:param"],
    ["is the parameter where both are told, in SOAP 1.2", '"urn:header"', soap12, "urn:param"],
    ["is the header where both are told, in SOAP 1.1", '"urn:header"', 'text/xml; action="urn:param"', "urn:header"],
    ["is the parameter where SOAPAction is empty", '""', 'text/xml; action="urn:param"', "urn:param"],
    ["is the header where the parameter is empty", '"urn:header"', 'application/soap+xml; action=""', "urn:header"],
    ["is the header where there is no parameter", '"urn:header"', "application/soap+xml", "urn:header"],
    ["is the parameter for WCF's binary encoding", undefined, "application/soap+msbin1; action=urn:param", "urn:param"],
    ["is the parameter for MTOM with SOAP 1.2", '"urn:header"', mtom12, "urn:param"],
    [
      "is the parameter in start-info for MTOM as CXF sends it",
      undefined,
      'multipart/related; start-info="application/soap+xml; action=\\"urn:inner\\""; type="application/xop+xml"',
      "urn:inner",
    ],
    ["is the header for MTOM with SOAP 1.1", '"urn:header"', `${mtom12.replace("soap+xml", "x")}`, "urn:header"],
    [
      "is the parameter for attachments with SOAP 1.2",
      '"urn:header"',
      'multipart/related; type="application/soap+xml"; action="urn:param"',
      "urn:param",
    ],
    ["keeps its case", '"urn:Calc"', "TEXT/XML", "urn:Calc"],
  ])("%s", (_name, soapAction, contentType, action) => {
    expect(soapActionOf(soapAction, contentType)).toBe(action);
  });
});

describe("a parameter of a Content-Type", () => {
  it.each<[string, string, string | undefined]>([
    ["is a token", "a/b;action=urn:x", "urn:x"],
    ["is a quoted string, escapes undone", 'a/b; action="urn:\\"x\\\\y\\""', 'urn:"x\\y"'],
    ["may hold a semicolon in quotes", 'a/b; action="urn:x;y"', "urn:x;y"],
    ["is not found in another's quotes", 'a/b; x="; action=no"; action=yes', "yes"],
    ["has its name in any case", "a/b; ACTION=urn:x", "urn:x"],
    ["may have white space around '='", 'a/b ;\taction = "urn:x" ', "urn:x"],
    ["may be a URI with '=' and '/'", "a/b; action=http://h/p?x=1 ; charset=utf-8", "http://h/p?x=1"],
    ["is the first of several", "a/b; action=1; action=2", "1"],
    ["ends with the value when its quote does not", 'a/b; action="urn:x', "urn:x"],
    ["is not part of another's name", "a/b; xaction=1; actionx=2", undefined],
    ["is none without a value", "a/b; action", undefined],
    ["is none in the type", "action=1", undefined],
    ["survives empty parameters", "a/b;;; ;action=1", "1"],
  ])("%s", (_name, contentType, value) => {
    expect(mediaTypeParameter(contentType, "action")).toBe(value);
  });

  it.each([
    `a/b;${" ".repeat(100_000)}`,
    `a/b${" ".repeat(100_000)}x`,
    `a/b${";".repeat(100_000)}`,
    `a/b;x="${'\\"'.repeat(50_000)}\\`,
    `a/b${';x="\\'.repeat(25_000)}`,
  ])("is looked for in linear time in odd input (%#)", (contentType) => {
    expect(mediaTypeParameter(contentType, "action")).toBeUndefined();
  });
});
