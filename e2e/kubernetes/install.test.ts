import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { documentsOf } from "./documents.ts";
import { Installation, namespaces } from "./installation.ts";

const add = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
  <Add xmlns="http://sallyport.dev/examples/calculator"><a>2</a><b>3</b></Add></s:Body></s:Envelope>`;

describe("an empty real cluster", () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await Installation.prepare();
  }, 600_000);
  afterAll(() => installation?.[Symbol.asyncDispose]());

  test("helm install, kubectl apply of the page's two documents, a SOAP call through R1's Service to a service in the intranet namespace", async () => {
    await installation.install();
    await installation.cluster.kubectl.run(["apply", "--filename=-"], { input: documentsOf("kubernetes.md") });
    await installation.cluster.kubectl.wait("Ready", "reversetunnel/partners", namespaces.tunnels, 120);
    const service = await installation.clientService();
    const answer = await installation.call(`http://${service}.${namespaces.dmz}:8080/calculator`, {
      method: "POST",
      headers: {
        "content-type": "text/xml; charset=utf-8",
        soapaction: '"http://sallyport.dev/examples/calculator/ICalculator/Add"',
      },
      body: add,
    });
    expect(answer).toMatchObject({ status: 200, body: expect.stringContaining("<AddResult>5</AddResult>") });
  }, 300_000);
});
