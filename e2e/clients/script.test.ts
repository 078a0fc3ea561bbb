import { type Calculator, startCalculator } from "@sallyport/example-calculator/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DevProcess, documents, freePort, until } from "../local/dev-process.ts";
import { batch, Mono, type WcfHost } from "./mono.ts";
import { here, run } from "./program.ts";

/** zeep and PHP's SoapClient. Each scenario runs twice, straight to the service and through the tunnel. */

const clients = [
  ["zeep", "/usr/bin/python3", "python", "py"],
  ["PHP", "php", "php", "php"],
] as const;

describe("a WCF service", () => {
  let mono: Mono;
  let host: WcfHost;
  let dev: DevProcess;
  let tunnel: string;

  beforeAll(async () => {
    mono = await Mono.build();
    const [tunnelPort, hostPort] = [await freePort(), await freePort()];
    tunnel = `http://127.0.0.1:${tunnelPort}/bench`;
    host = await mono.host("main", hostPort, tunnel);
    dev = await DevProcess.ready(documents(tunnelPort, `http://127.0.0.1:${hostPort}`));
  });

  afterAll(async () => {
    await Promise.all([dev?.stop(), mono?.close()]);
  });

  const matrix = clients.flatMap(([name, command, folder, ending]) =>
    ["basic", "ws"].map((binding) => ({ name, command, script: `${folder}/client.${ending}`, binding })),
  );

  it.concurrent.each(matrix)("T5: $name over $binding sees the same through the tunnel", async (client) => {
    const call = (base: string): Promise<string[]> => {
      const [address, to] = [`${base}/${client.binding}`, `${tunnel}/${client.binding}`];
      return run(client.command, [here(client.script), here("bench.wsdl"), client.binding, address, to, batch()]);
    };
    const [direct, through] = await Promise.all([call(host.base), call(tunnel)]);
    expect(through).toEqual(direct);
    expect(through).toEqual(everything(client.name));
  });
});

const internalError =
  "The server was unable to process the request due to an internal error.  The server may be able to return exception " +
  "details (it depends on the server settings).";

function everything(client: "zeep" | "PHP"): string[] {
  const [why, none] = client === "PHP" ? ["b is 0", "none"] : ["['b is 0']", "[]"];
  return [
    "add: 5",
    "reverse: Søren & <co>: c b a",
    'text: tab\t, quote ", ångström, 漢字, 😀',
    "divide: 3",
    `divide by 0: fault, code Sender, reason cannot divide, why ${why}`,
    "add after a fault: 42",
    `crash: fault, code InternalServiceFault, reason ${internalError}, why ${none}`,
    "echo 1 MB: 1000000 d7add55e9e60011e",
    "echo 1 MB of text: 500000",
    `one-way: ${Array.from({ length: 10 }, (_, at) => at + 1)}`,
  ];
}

describe("a client that knows nothing but where the WSDL is", () => {
  let calculator: Calculator;
  let dev: DevProcess;
  const logged: string[] = [];

  beforeAll(async () => {
    calculator = await startCalculator({ log: (message) => logged.push(message.trimEnd()) });
    dev = await DevProcess.ready(documents(await freePort(), `http://127.0.0.1:${calculator.port}`));
  });

  afterAll(async () => {
    await dev?.stop();
    await calculator?.close();
  });

  const steps = ["add: 5", "divide by 0: 1 cannot be divided by zero.", "logged"];
  const messages = ["CalculatorSoap", "CalculatorSoap12"].flatMap((port) =>
    Array.from({ length: 25 }, (_, at) => `${port} ${at + 1}`),
  );

  it.each(clients)("M1: %s sees the same through the tunnel, and each one-way call arrives once", async (...client) => {
    const [, command, folder, ending] = client;
    const call = async (origin: string): Promise<unknown> => {
      logged.length = 0;
      const lines = await run(command, [here(`${folder}/calculator.${ending}`), `${origin}/calculator?wsdl`]);
      await until("every one-way call has arrived", () => logged.length >= messages.length);
      return { lines, logged: logged.toSorted() };
    };
    const direct = await call(`http://localhost:${calculator.port}`);
    const through = await call(dev.url());
    expect(through).toEqual(direct);
    expect(through).toEqual({ lines: [...steps, ...steps], logged: messages.toSorted() });
  });
});
