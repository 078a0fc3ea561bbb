import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { namespace } from "./contract.ts";
import { type Calculator, startCalculator } from "./server.ts";
import {
  answer11,
  answer12,
  envelope11,
  envelope12,
  fault11,
  fault12,
  log,
  operation,
  post11,
  post12,
  soap11Namespace,
  soap12Namespace,
} from "./test-client.ts";

let calculator: Calculator;
let port: number;
let logged: string[] = [];

beforeAll(async () => {
  calculator = await startCalculator({ log: (message) => logged.push(message) });
  port = calculator.port;
});
afterAll(() => calculator.close());
beforeEach(() => {
  logged = [];
});

function response(name: string, result: number): string {
  return `<${name}Response xmlns="${namespace}"><${name}Result>${result}</${name}Result></${name}Response>`;
}

describe("T5: the operations", () => {
  const results: [string, string, string, number][] = [
    ["Add", "2", "3", 5],
    ["Add", " 007\n", "+1", 8],
    ["Add", "2147483646", "1", 2147483647],
    ["Subtract", "2", "3", -1],
    ["Subtract", "-2147483647", "1", -2147483648],
    ["Divide", "7", "2", 3],
    ["Divide", "-7", "2", -3],
    ["Divide", "-1", "2", 0],
  ];
  for (const [name, a, b, result] of results) {
    test(`${name}(${JSON.stringify(a)}, ${b}) is ${result} in SOAP 1.1 and 1.2`, async () => {
      expect(await post11(port, envelope11(operation(name, a, b)))).toEqual(answer11(response(name, result)));
      expect(await post12(port, envelope12(operation(name, a, b)))).toEqual(answer12(response(name, result)));
    });
  }

  test("the Body's element decides, with prefixes, comments, CDATA and character references in it", async () => {
    const body = `<c:Add xmlns:c="${namespace}"><c:b><![CDATA[3]]></c:b><!-- x --><c:a>&#50;<!-- y -->1</c:a></c:Add>`;
    expect(await post11(port, envelope11(body))).toEqual(answer11(response("Add", 24)));
  });

  test("an envelope without Header, with a SOAP 1.1 body and trailing blank, is read", async () => {
    const text = `<?xml version='1.0'?>\n<e:Envelope xmlns:e='${soap11Namespace}'><e:Body>${operation("Add", 1, 1)}</e:Body></e:Envelope>\n`;
    expect(await post11(port, text)).toEqual(answer11(response("Add", 2)));
  });
});

describe("M1: Log, the one-way operation", () => {
  test("is answered with an empty 202 in both versions and keeps the message exactly", async () => {
    const empty = { status: 202, type: undefined, body: "" };
    expect(await post11(port, envelope11(log("  007 &lt;&amp;&#x2603;&gt;\r\n<![CDATA[&amp;]]>")))).toEqual(empty);
    expect(await post12(port, envelope12(log("1e3")))).toEqual(empty);
    expect(logged).toEqual(["  007 <&☃>\n&amp;", "1e3"]);
  });
});

describe("a typed fault", () => {
  const detail = `<DivideByZero xmlns="${namespace}"><a>1</a><b>0</b></DivideByZero>`;

  test("SOAP 1.1: division by zero is soap:Client with status 500", async () => {
    const fault = `<soap:Fault><faultcode>soap:Client</faultcode><faultstring>1 cannot be divided by zero.</faultstring><detail>${detail}</detail></soap:Fault>`;
    expect(await post11(port, envelope11(operation("Divide", 1, 0)))).toEqual({ ...answer11(fault), status: 500 });
  });

  test("SOAP 1.2: division by zero is soap:Sender with status 400", async () => {
    const code = "<soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code>";
    const reason = `<soap:Reason><soap:Text xml:lang="en">1 cannot be divided by zero.</soap:Text></soap:Reason>`;
    const fault = `<soap:Fault>${code}${reason}<soap:Detail>${detail}</soap:Detail></soap:Fault>`;
    expect(await post12(port, envelope12(operation("Divide", 1, 0)))).toEqual({ ...answer12(fault), status: 400 });
  });
});

describe("bad calls get a fault that names cause and mend", () => {
  const wrongInt = (name: string, text: string) =>
    `Parameter &quot;${name}&quot; is an integer from -2147483648 to 2147483647, not &quot;${text}&quot;.`;
  const bodies: Record<string, [string, string]> = {
    "a word for a number": [operation("Add", "two", 3), wrongInt("a", "two")],
    "an exponent": [operation("Add", 2, "1e3"), wrongInt("b", "1e3")],
    "a hexadecimal number": [operation("Add", "0x10", 3), wrongInt("a", "0x10")],
    "a fraction": [operation("Add", "1.0", 3), wrongInt("a", "1.0")],
    "an empty number": [operation("Add", "", 3), wrongInt("a", "")],
    "a number of 33 bits": [operation("Add", "2147483648", 3), wrongInt("a", "2147483648")],
    "a number with markup in its text": [operation("Add", "&lt;x&gt;", 3), wrongInt("a", "&lt;x&gt;")],
    "a very long number": [operation("Add", "9".repeat(400), 3), wrongInt("a", `${"9".repeat(59)}…`)],
    "digits of another script": [operation("Add", "٣", 3), wrongInt("a", "٣")],
    "a result that does not fit": [
      operation("Add", "2147483647", 1),
      "The result of Add(2147483647, 1) does not fit an xs:int (32 bits).",
    ],
    "the one quotient that does not fit": [
      operation("Divide", "-2147483648", -1),
      "The result of Divide(-2147483648, -1) does not fit an xs:int (32 bits).",
    ],
    "a parameter missing": [`<Add xmlns="${namespace}"><a>1</a></Add>`, "Parameter &quot;b&quot; of Add is missing."],
    "a parameter twice": [
      `<Add xmlns="${namespace}"><a>1</a><a>1</a><b>1</b></Add>`,
      "Parameter &quot;a&quot; of Add is there twice.",
    ],
    "a parameter too many": [
      `<Add xmlns="${namespace}"><a>1</a><b>1</b><c>1</c></Add>`,
      "Add has no parameter &quot;c&quot;; it has a, b.",
    ],
    "a parameter without namespace": [
      `<c:Add xmlns:c="${namespace}"><a>1</a><b>1</b></c:Add>`,
      `Parameter &quot;a&quot; of Add is in no namespace; it belongs in &quot;${namespace}&quot;.`,
    ],
    "elements in a parameter": [
      operation("Add", "<i>1</i>", 1),
      "Parameter &quot;a&quot; of Add holds elements, not text.",
    ],
    "an unknown operation": [
      operation("Multiply", 1, 1),
      `There is no operation {${namespace}}Multiply; there are Add, Subtract, Divide and Log in &quot;${namespace}&quot;.`,
    ],
    "an operation of another namespace": [
      `<Add xmlns="urn:x"><a>1</a><b>1</b></Add>`,
      `There is no operation {urn:x}Add; there are Add, Subtract, Divide and Log in &quot;${namespace}&quot;.`,
    ],
    "an operation named like a property of every object": [
      `<toString xmlns="${namespace}"/>`,
      `There is no operation {${namespace}}toString; there are Add, Subtract, Divide and Log in &quot;${namespace}&quot;.`,
    ],
    "an empty Body": ["", "The Body holds exactly one element: the operation."],
    "two operations in one Body": [
      operation("Add", 1, 1) + operation("Add", 1, 1),
      "The Body holds exactly one element: the operation.",
    ],
    "Log without its message": [`<Log xmlns="${namespace}"/>`, "Parameter &quot;message&quot; of Log is missing."],
  };
  for (const [name, [body, reason]] of Object.entries(bodies)) {
    test(name, async () => {
      expect(await post11(port, envelope11(body))).toEqual(fault11(reason));
      expect(await post12(port, envelope12(body))).toEqual(fault12(reason));
      expect(logged).toEqual([]);
    });
  }

  const documents: Record<string, [string, string]> = {
    "a root that is no envelope": [
      `<html xmlns="${soap11Namespace}"/>`,
      "The root element is &quot;html&quot;; a SOAP message is an &quot;Envelope&quot;.",
    ],
    "an envelope without Body": [`<e:Envelope xmlns:e="${soap11Namespace}"/>`, "The envelope has no Body."],
    "a Body of the wrong namespace": [
      `<e:Envelope xmlns:e="${soap11Namespace}"><Body>${operation("Add", 1, 1)}</Body></e:Envelope>`,
      "The envelope has no Body.",
    ],
    "a SOAP 1.2 envelope sent as SOAP 1.1": [
      envelope12(operation("Add", 1, 1)),
      "The envelope is SOAP 1.2, but the Content-Type is text/xml: send application/soap+xml.",
    ],
  };
  for (const [name, [document, reason]] of Object.entries(documents)) {
    test(name, async () => {
      expect(await post11(port, document)).toEqual(fault11(reason));
    });
  }

  test("an envelope of no known version is a VersionMismatch; SOAP 1.2 says which one is known", async () => {
    const document = `<e:Envelope xmlns:e="urn:soap9"><e:Body/></e:Envelope>`;
    const reason = `The envelope's namespace &quot;urn:soap9&quot; is not that of SOAP 1.1 or 1.2.`;
    expect(await post11(port, document)).toEqual(fault11(reason, "soap:VersionMismatch"));
    const reply = await post12(port, document);
    expect(reply.status).toBe(500);
    expect(reply.body).toContain(
      `<soap:Header><soap:Upgrade><soap:SupportedEnvelope qname="q:Envelope" xmlns:q="${soap12Namespace}"/></soap:Upgrade></soap:Header>`,
    );
    expect(reply.body).toContain("<soap:Value>soap:VersionMismatch</soap:Value>");
  });
});

describe("mustUnderstand", () => {
  const body = operation("Add", 2, 3);
  const reason = "These headers are marked mustUnderstand and are not understood here: {urn:h}Lock.";

  test("SOAP 1.1: an unknown header that insists is refused", async () => {
    const header = `<h:Lock xmlns:h="urn:h" s:mustUnderstand="1"/>`;
    expect(await post11(port, envelope11(body, header))).toEqual(fault11(reason, "soap:MustUnderstand"));
  });

  test("SOAP 1.2: an unknown header that insists is refused and named, status 500", async () => {
    const reply = await post12(port, envelope12(body, `<h:Lock xmlns:h="urn:h" s:mustUnderstand="true"/>`));
    expect(reply.status).toBe(500);
    expect(reply.body).toContain(`<soap:Header><soap:NotUnderstood qname="q:Lock" xmlns:q="urn:h"/></soap:Header>`);
    expect(reply.body).toContain(`<soap:Value>soap:MustUnderstand</soap:Value>`);
    expect(reply.body).toContain(reason);
  });

  test("a one-way call with such a header is refused and not carried out", async () => {
    const header = `<h:Lock xmlns:h="urn:h" s:mustUnderstand="1"/>`;
    expect(await post11(port, envelope11(log("x"), header))).toEqual(fault11(reason, "soap:MustUnderstand"));
    expect(logged).toEqual([]);
  });

  const passed: Record<string, string> = {
    "a header that does not insist": `<h:Lock xmlns:h="urn:h" s:mustUnderstand="0"/>`,
    "a header for someone else": `<h:Lock xmlns:h="urn:h" s:mustUnderstand="1" s:actor="urn:other"/>`,
    "an attribute of no namespace": `<h:Lock xmlns:h="urn:h" mustUnderstand="1"/>`,
    "a plain header of a route": "<ClientRouteName>test</ClientRouteName>",
  };
  for (const [name, header] of Object.entries(passed)) {
    test(`${name} is passed over`, async () => {
      expect(await post11(port, envelope11(body, header))).toEqual(answer11(response("Add", 5)));
    });
  }
});
