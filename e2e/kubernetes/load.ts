import { randomUUID } from "node:crypto";
import { until } from "../cluster/until.ts";
import type { Installation } from "./installation.ts";

export interface LoadOptions {
  readonly url: string;
  /** Clients that keep their connections, and as many that open one for each call. */
  readonly clients: number;
  /** Between two calls of a client. */
  readonly pauseMs: number;
}

/** What became of a load's calls. */
export interface LoadResult {
  readonly calls: number;
  readonly connections: number;
  readonly failed: number;
  /** The first failures, to tell what they are. */
  readonly failures: readonly string[];
  readonly slowestMs: number;
}

/** A load that nobody ends ends by itself. */
const limitS = 540;
const failuresShown = 20;

/** Calls from the client's pod, until they are ended. Whatever is not answered with 200 and the right sum has failed. */
export class Load {
  readonly #installation: Installation;
  readonly #id = randomUUID();
  readonly #done: Promise<string>;

  private constructor(installation: Installation, options: LoadOptions) {
    this.#installation = installation;
    this.#done = installation.inClient(programOf(this.#id, options), (limitS + 60) * 1000);
    // It is waited for at the end.
    this.#done.catch(() => {});
  }

  /** Resolves when the first calls have been answered. */
  static async start(installation: Installation, options: LoadOptions): Promise<Load> {
    const load = new Load(installation, options);
    const begun = `require("node:fs").readFileSync("/tmp/${load.#id}.begun")`;
    await Promise.race([until("the load has begun", () => load.#inClient(begun)), load.#done]);
    return load;
  }

  async end(): Promise<LoadResult> {
    await this.#inClient(`require("node:fs").writeFileSync("/tmp/${this.#id}.end", "")`);
    return JSON.parse(await this.#done) as LoadResult;
  }

  #inClient(statement: string): Promise<string> {
    const require = 'import { createRequire } from "node:module"; const require = createRequire("/");';
    return this.#installation.inClient(`${require} ${statement}`);
  }
}

function programOf(id: string, { url, clients, pauseMs }: LoadOptions): string {
  return `
    import { existsSync, writeFileSync } from "node:fs";
    import { Agent, request } from "node:http";
    import { setTimeout as sleep } from "node:timers/promises";

    const end = performance.now() + ${limitS * 1000};
    const result = { calls: 0, connections: 0, failed: 0, failures: [], slowestMs: 0 };
    let ended = false;

    function call(agent, [a, b]) {
      return new Promise((resolve, reject) => {
        const headers = {
          "content-type": "text/xml; charset=utf-8",
          soapaction: '"http://sallyport.dev/examples/calculator/ICalculator/Add"',
        };
        const sent = request(${JSON.stringify(url)}, { agent, method: "POST", headers, timeout: 20_000 }, (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
          response.on("error", reject);
          response.on("end", () => {
            const right = response.statusCode === 200 && text.includes("<AddResult>" + (a + b) + "</AddResult>");
            if (right) resolve();
            else reject(new Error(response.statusCode + " " + JSON.stringify(response.headers) + " " + text.slice(0, 300)));
          });
        });
        sent.on("socket", (socket) => {
          if (!sent.reusedSocket) result.connections += 1;
        });
        sent.on("timeout", () => sent.destroy(new Error("no answer for 20 s")));
        sent.on("error", (error) => reject(Object.assign(error, { reused: sent.reusedSocket })));
        sent.end('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
          + '<Add xmlns="http://sallyport.dev/examples/calculator"><a>' + a + "</a><b>" + b + "</b></Add></s:Body></s:Envelope>");
      });
    }

    async function client(agent, number) {
      for (let n = 0; !ended && performance.now() < end; n += 1) {
        const start = performance.now();
        try {
          await call(agent, [number, n]);
        } catch (error) {
          result.failed += 1;
          const after = Math.round(performance.now() - start);
          const kept = error.reused ? "kept connection" : "new connection";
          if (result.failures.length < ${failuresShown})
            result.failures.push(new Date().toISOString() + " " + kept + " after " + after + " ms: " + (error.code ?? "") + " " + error.message);
        }
        result.calls += 1;
        result.slowestMs = Math.max(result.slowestMs, Math.round(performance.now() - start));
        if (result.calls === ${clients * 2}) writeFileSync("/tmp/${id}.begun", "");
        await sleep(${pauseMs});
      }
    }

    const look = setInterval(() => (ended = existsSync("/tmp/${id}.end")), 100);
    const all = Array.from({ length: ${clients} }, (_, number) => [
      client(new Agent({ keepAlive: true, maxSockets: 1 }), number),
      client(new Agent({ keepAlive: false }), 1000 + number),
    ]);
    await Promise.all(all.flat());
    clearInterval(look);
    console.log(JSON.stringify(result));
    process.exit();`;
}
