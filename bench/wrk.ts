import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { soapHeaders, soapPath, soapRequest } from "./soap-message.ts";
import { programPath } from "./tools.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("soap-call.lua", import.meta.url));

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  /** Before each call; 0: none, as fast as it goes. */
  readonly pauseMs?: number;
}

/** What the clients saw. */
export interface Calls {
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Small SOAP calls over keep-alive connections. Throws when one of them failed. */
export async function callOver(url: string, load: Load, signal: AbortSignal): Promise<Calls> {
  const { connections, seconds, pauseMs = 0 } = load;
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "5s", "-s", script, `${url}${soapPath}`];
  const env = {
    ...process.env,
    BENCH_BODY: soapRequest,
    BENCH_HEADERS: soapHeaders.map((header) => header.join(": ")).join("\n"),
    BENCH_PAUSE_MS: String(pauseMs),
  };
  const { stdout } = await run(programPath("wrk") ?? "wrk", args, { env, signal, timeout: (seconds + 15) * 1_000 });
  try {
    return readCalls(stdout);
  } catch (error) {
    throw new Error(`${url}: ${(error as Error).message}`, { cause: error });
  }
}

/** The line of JSON that soap-call.lua prints. Throws when calls failed, or none were made. */
export function readCalls(output: string): Calls {
  const line = output.split("\n").findLast((text) => text.startsWith("{"));
  if (line === undefined) throw new Error(`wrk printed no figures: ${output}`);
  const { calls, failed, us, p50Us, p99Us } = JSON.parse(line) as Record<string, number>;
  if (!calls || !us || failed === undefined || p50Us === undefined || p99Us === undefined) {
    throw new Error(`wrk made no calls: ${line}`);
  }
  if (failed > 0) throw new Error(`${failed} of ${calls} calls failed: ${line}`);
  return { calls, callsPerSecond: calls / (us / 1e6), p50Us, p99Us };
}
