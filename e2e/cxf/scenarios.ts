/** What each scenario of Scenarios.java must give the application, whichever way its calls take. */
export interface Scenario {
  readonly name: string;
  /** What it shows, with the requirement. */
  readonly title: string;
  readonly result: unknown;
}

export const soap11 = "{http://schemas.xmlsoap.org/soap/envelope/}";
export const soap12 = "{http://www.w3.org/2003/05/soap-envelope}";

const mebibyte = 1024 * 1024;
const odd = " ä€𝄞 <&> \"'\t]]> two  blanks \n next line ";
const cookies = ["", '$Version="1"; visit=one; $Path=/; $Version="1"; taste="a b"; $Path=/plain'];
const unsealedFault =
  "Unexpected wrapper element {http://www.w3.org/2001/04/xmlenc#}EncryptedData found.   " +
  "Expected {http://sallyport.dev/e2e/cxf}echoResponse.";

export const scenarios: readonly Scenario[] = [
  {
    name: "wsdl",
    title: "T1: makes a client from ?wsdl",
    result: { "address is the caller's": true, echo: "by the WSDL" },
  },
  { name: "echo", title: "T5: calls by SOAP 1.1", result: odd },
  { name: "echo12", title: "T5: calls by SOAP 1.2", result: odd },
  { name: "declared-fault", title: "T1: gets faults of SOAP 1.1 with their detail", result: faults(`${soap11}Server`) },
  {
    name: "declared-fault12",
    title: "T1: gets faults of SOAP 1.2 with their detail",
    result: faults(`${soap12}Receiver`),
  },
  { name: "one-way", title: "M1: sends a one-way call, and it arrives", result: notes(1) },
  { name: "one-way12", title: "M1: sends a one-way call of SOAP 1.2, and it arrives", result: notes(1) },
  { name: "one-ways", title: "M1: sends 50 one-way calls in a row, and each arrives once", result: notes(50) },
  { name: "username-token", title: "T2: is known by its UsernameToken", result: { answer: "alice" } },
  {
    name: "username-token-wrong",
    title: "T2: is refused by the service with a wrong password",
    result: fault(
      "{http://ws.apache.org/wss4j}SecurityError",
      "A security error was encountered when verifying the message",
    ),
  },
  {
    name: "signed-encrypted",
    title: "T2: signs and encrypts, and so do the service's answers and faults",
    result: ["  sealed <&> \r\n lines ", outOfStock("Mutter"), "CN=client"],
  },
  {
    name: "signed-encrypted-addressed12",
    title: "T2: signs and encrypts SOAP 1.2 with WS-Addressing",
    result: ["sealed", outOfStock("Mutter")],
  },
  { name: "signed-encrypted-large", title: "T2: signs and encrypts 1 MB", result: { bytes: 1_000_000, same: true } },
  {
    // The service's fault is encrypted for a key that the stranger does not have.
    name: "signed-by-stranger",
    title: "T2: is refused by the service when it signs with an unknown key",
    result: fault(`${soap11}Client`, "No certificates were found for decryption (KeyId)"),
  },
  {
    // The fault is encrypted, and this client does not expect that.
    name: "unsigned",
    title: "T2: is refused by the service when it signs nothing",
    result: fault(`${soap11}Server`, unsealedFault),
  },
  { name: "basic", title: "T2: sends HTTP Basic authentication", result: "with Authorization" },
  { name: "addressing", title: "T5: uses WS-Addressing", result: addressed() },
  { name: "addressing12", title: "T5: uses WS-Addressing with SOAP 1.2", result: addressed() },
  {
    name: "addressing-decoupled",
    title: "M4: gets an answer at its own wsa:ReplyTo, from the service itself",
    result: "waited",
  },
  { name: "mtom-5MB", title: "M3: sends and gets 5 MB by MTOM, chunked", result: mirrored(5 * mebibyte) },
  { name: "mtom-5MB-with-length", title: "M3: sends 5 MB by MTOM with a length", result: mirrored(5 * mebibyte) },
  { name: "20MB-chunked", title: "M3: sends and gets 20 MB, chunked", result: mirrored(20 * mebibyte) },
  { name: "small-chunked", title: "M3: sends 100 bytes, chunked", result: mirrored(100) },
  { name: "100kB-chunked", title: "M3: sends 100 kB, chunked", result: mirrored(100_000) },
  { name: "100kB-with-length", title: "M3: sends 100 kB with a length", result: mirrored(100_000) },
  { name: "gzip", title: "T1: sends and gets gzip, compressed all the way", result: 10_000 },
  { name: "cookies", title: "T1: gives two cookies back that it got", result: cookies },
  { name: "own-headers", title: "T1: sends headers of its own", result: "with headers" },
  { name: "expect", title: "T1: asks whether to go on with a small request", result: mirrored(10) },
  { name: "expect-large", title: "T1: asks whether to go on with 1 MB", result: mirrored(1_000_000) },
  { name: "expect-fault", title: "T1: asks whether to go on, and gets a fault", result: outOfStock("Nagel") },
  { name: "200-in-a-row", title: "T3: makes 200 calls in a row", result: echoes("row", 200) },
  { name: "20-at-once", title: "T3: makes 10 calls in each of 20 threads", result: lanes(20, 10) },
  {
    name: "timeout",
    title: "M5: gives up waiting, and calls again",
    result: [{ failure: "timed out" }, "again"],
  },
];

function faults(code: string): unknown {
  return [{ answer: 1 }, outOfStock("Schraube"), fault(code, "it <broke> & größer")];
}

function outOfStock(article: string): unknown {
  return { declared: `too few of ${article}`, detail: [article, 3, "more <tomorrow> & später"] };
}

export function fault(code: string, text: string, detail: readonly unknown[] = []): unknown {
  return { code, subcodes: [], string: text, detail };
}

function addressed(): unknown {
  return [
    "addressed",
    "http://sallyport.dev/e2e/cxf/Orders/echoResponse",
    "http://www.w3.org/2005/08/addressing/anonymous",
    "http://www.w3.org/2005/08/addressing/reply",
    outOfStock("Feder"),
  ];
}

/** In alphabetical order. */
function notes(count: number): string[] {
  return echoes("note", count).sort();
}

function echoes(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name} ${index}`);
}

function lanes(count: number, calls: number): string[][] {
  return echoes("lane", count).map((lane) => echoes(lane, calls));
}

function mirrored(bytes: number): unknown {
  return { bytes, same: true };
}
