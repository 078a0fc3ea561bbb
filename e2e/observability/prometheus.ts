import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePort, until } from "../local/dev-process.ts";

export interface Target {
  readonly url: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A Prometheus on this machine that reads the targets four times a second. */
export class Prometheus {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.#url = url;
  }

  static async start(targets: readonly Target[], ruleFile: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), "sallyport-prometheus-"));
    const port = await freePort();
    await writeFile(join(folder, "prometheus.yml"), configuration(targets, ruleFile));
    const child = spawn(
      "prometheus",
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.level=warn",
      ],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    const failed = once(child, "error").then(([error]) => {
      throw new Error(`prometheus does not start: ${(error as Error).message}; run e2e/observability/install.sh`);
    });
    const prometheus = new Prometheus(child, folder, `http://127.0.0.1:${port}`);
    await Promise.race([failed, until("Prometheus is ready", () => prometheus.#isReady(), 30_000)]);
    failed.catch(() => {});
    return prometheus;
  }

  /** The series that the expression has now, those without a value (NaN) left out. Throws what Prometheus says of it. */
  async query(expr: string): Promise<readonly Series[]> {
    const response = await fetch(`${this.#url}/api/v1/query`, {
      method: "POST",
      body: new URLSearchParams({ query: expr }),
    });
    const answer = (await response.json()) as {
      status: string;
      error?: string;
      data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (answer.status !== "success") throw new Error(`${expr}: ${answer.error}`);
    return answer
      .data!.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
      .filter(({ value }) => !Number.isNaN(value));
  }

  /** Names of the alerts that Prometheus itself has loaded, in alphabetical order. */
  async alertNames(): Promise<readonly string[]> {
    const answer = (await (await fetch(`${this.#url}/api/v1/rules?type=alert`)).json()) as {
      data: { groups: { rules: { name: string }[] }[] };
    };
    return answer.data.groups.flatMap(({ rules }) => rules.map(({ name }) => name)).sort();
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
    await rm(this.#folder, { recursive: true });
  }

  async #isReady(): Promise<boolean> {
    return fetch(`${this.#url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}

function configuration(targets: readonly Target[], ruleFile: string): string {
  return stringify({
    global: { scrape_interval: "250ms", scrape_timeout: "250ms", evaluation_interval: "1s" },
    rule_files: [ruleFile],
    scrape_configs: targets.map(({ url, labels }, i) => ({
      job_name: `target-${i}`,
      metrics_path: new URL(url).pathname,
      static_configs: [{ targets: [new URL(url).host], labels }],
    })),
  });
}

/** promtool's exit code and all that it wrote. */
export function promtool(...args: string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync("promtool", args, { encoding: "utf8" });
  if (error) throw new Error(`promtool: ${error.message}; run e2e/observability/install.sh`);
  return { status, output: stdout + stderr };
}
