import { parseArgs } from "node:util";
import { type Calculator, startCalculator } from "./server.ts";

/** Runs the sample service alone: `node examples/calculator/main.ts --port 9000`. Also what `sallyport dev` forks. */

const usage = `usage: node main.ts [--port 9000] [--address 127.0.0.1]

  --port     where to listen; 0: any free port
  --address  127.0.0.1 by default: the service believes X-Forwarded-Host, so only the tunnel should reach it
`;

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === "number") {
    process.exitCode = options;
    return;
  }
  const log = (message: string) => console.log(`calculator: log ${JSON.stringify(message)}`);
  const calculator = await startCalculator({ ...options, log });
  stopWith(calculator);
  if (process.connected) process.send?.({ t: "listening", port: calculator.port });
  else console.log(`calculator: http://${hostOf(options.address)}:${calculator.port}/calculator`);
}

/** The options, or the exit code when there is nothing to run. */
function readOptions(args: string[]): { port: number; address: string } | number {
  try {
    const { values } = parseArgs({
      args,
      options: { port: { type: "string" }, address: { type: "string" }, help: { type: "boolean", short: "h" } },
    });
    if (values.help) {
      console.log(usage);
      return 0;
    }
    return { port: parsePort(values.port ?? "9000"), address: values.address ?? "127.0.0.1" };
  } catch (error) {
    console.error(`calculator: ${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
}

function parsePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65535)) throw new Error(`--port is a number from 0 to 65535, not "${text}"`);
  return port;
}

/** The first signal ends it in peace; a second one finds no handler and ends it at once. */
function stopWith(calculator: Calculator): void {
  const stop = () => {
    // An open channel to the parent would keep this process alive.
    if (process.connected) process.disconnect();
    void calculator.close();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  process.once("disconnect", stop);
}

function hostOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
  if (process.connected) process.disconnect();
});
