import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { actionOf, divideByZeroAction } from "./contract.ts";
import { type Calculator, startCalculator } from "./server.ts";
import { envelope11, envelope12, log, operation, post11, post12 } from "./test-client.ts";

const addressing10 = "http://www.w3.org/2005/08/addressing";
const addressing2004 = "http://schemas.xmlsoap.org/ws/2004/08/addressing";

let calculator: Calculator;
let port: number;
beforeAll(async () => {
  calculator = await startCalculator();
  port = calculator.port;
});
afterAll(() => calculator.close());

/** Headers as WCF's wsHttpBinding writes them. */
function headers(wsa: string, replyTo = `${addressing10}/anonymous`): string {
  return `<w:Action s:mustUnderstand="1" xmlns:w="${wsa}">${actionOf("Add")}</w:Action>
    <w:MessageID xmlns:w="${wsa}">urn:uuid:1&amp;2</w:MessageID>
    <w:ReplyTo xmlns:w="${wsa}"><w:Address>${replyTo}</w:Address></w:ReplyTo>
    <w:To s:mustUnderstand="1" xmlns:w="${wsa}">http://elsewhere.example/calculator</w:To>`;
}

function replyHeaders(wsa: string, action: string, anonymous: string): string {
  return (
    ` xmlns:wsa="${wsa}"><soap:Header><wsa:Action>${action}</wsa:Action>` +
    `<wsa:RelatesTo>urn:uuid:1&amp;2</wsa:RelatesTo><wsa:To>${anonymous}</wsa:To></soap:Header>`
  );
}

const versions = [
  { wsa: addressing10, anonymous: `${addressing10}/anonymous`, fault: `${addressing10}/soap/fault` },
  { wsa: addressing2004, anonymous: `${addressing2004}/role/anonymous`, fault: `${addressing2004}/fault` },
];

describe.each(versions)("T5: WS-Addressing $wsa", ({ wsa, anonymous, fault }) => {
  test("an answer carries Action and RelatesTo, in SOAP 1.1 and 1.2", async () => {
    const header = headers(wsa, anonymous);
    const expected = replyHeaders(wsa, actionOf("AddResponse"), anonymous);
    for (const reply of [
      await post11(port, envelope11(operation("Add", 2, 3), header)),
      await post12(port, envelope12(operation("Add", 2, 3), header)),
    ]) {
      expect(reply.status).toBe(200);
      expect(reply.body).toContain(expected);
      expect(reply.body).toContain("<AddResult>5</AddResult>");
    }
  });

  test("a fault carries them too", async () => {
    const typed = await post12(port, envelope12(operation("Divide", 1, 0), headers(wsa, anonymous)));
    expect(typed.body).toContain(replyHeaders(wsa, divideByZeroAction, anonymous));
    const plain = await post12(port, envelope12(operation("Add", "x", 0), headers(wsa, anonymous)));
    expect(plain.body).toContain(replyHeaders(wsa, fault, anonymous));
  });

  test("M4: an answer wanted at another address is refused", async () => {
    const reply = await post12(port, envelope12(operation("Add", 2, 3), headers(wsa, "http://192.0.2.1/")));
    expect(reply.status).toBe(400);
    expect(reply.body).toContain(
      "ReplyTo names an address; answers leave only on the connection the request came on (anonymous).",
    );
  });

  test("M1: a one-way call goes through whatever its ReplyTo says", async () => {
    const reply = await post12(port, envelope12(log("x"), headers(wsa, "http://192.0.2.1/")));
    expect(reply).toEqual({ status: 202, type: undefined, body: "" });
  });
});

test("M4: the refusal bears the code of WS-Addressing 1.0", async () => {
  const header = headers(addressing10, "http://192.0.2.1/");
  const soap11 = await post11(port, envelope11(operation("Add", 2, 3), header));
  expect(soap11.body).toContain("<faultcode>wsa:OnlyAnonymousAddressSupported</faultcode>");
  const soap12 = await post12(port, envelope12(operation("Add", 2, 3), header));
  expect(soap12.body).toContain(
    "<soap:Code><soap:Value>soap:Sender</soap:Value><soap:Subcode><soap:Value>wsa:InvalidAddressingHeader</soap:Value>" +
      "<soap:Subcode><soap:Value>wsa:OnlyAnonymousAddressSupported</soap:Value></soap:Subcode></soap:Subcode></soap:Code>",
  );
  expect(soap12.body).toContain(`<wsa:Action>${addressing10}/fault</wsa:Action>`);
});

test("without a MessageID there is no RelatesTo", async () => {
  const header = `<w:Action xmlns:w="${addressing10}">x</w:Action>`;
  const reply = await post12(port, envelope12(operation("Add", 2, 3), header));
  expect(reply.body).toContain(`</wsa:Action><wsa:To>${addressing10}/anonymous</wsa:To></soap:Header>`);
});
