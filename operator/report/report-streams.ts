import { spiffeId } from "@sallyport/proto/spiffe";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { OperatorMetrics } from "../metrics.ts";
import { port } from "../names.ts";
import type { OpenWatch } from "./grpc-watch.ts";
import { ReportStream } from "./report-stream.ts";
import type { ReportIdentity, RouterReport, RouterReports, RouterTarget, Wanted } from "./router-report.ts";

/** R2s that are asked at once; those of tunnels that come later are not, and count as not reporting. */
export const streamsMax = 2_048;
/** A tunnel's changes are told together: R2 sends three messages at a time. */
export const settleMs = 200;

export interface ReportStreamsOptions {
  readonly open: OpenWatch;
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
}

interface Asked {
  readonly tunnel: string;
  readonly address: string;
  readonly stream: ReportStream;
}

/** A stream to each R2 there is. */
export class ReportStreams implements RouterReports {
  readonly #options: ReportStreamsOptions;
  readonly #asked = new Map<string, Asked>();
  readonly #identities = new Map<string, ReportIdentity>();
  readonly #settling = new Map<string, () => void>();
  #onChange: (tunnel: string) => void = () => {};

  constructor(options: ReportStreamsOptions) {
    this.#options = options;
  }

  onChange(listener: (tunnel: string) => void): void {
    this.#onChange = listener;
  }

  of(id: string): RouterReport | undefined {
    return this.#asked.get(id)?.stream.report;
  }

  want({ tunnel, targets, identity }: Wanted): void {
    if (targets.length === 0) this.#identities.delete(tunnel);
    // A failed reconciliation knows no identity; the one before still opens streams.
    else if (identity !== undefined) this.#identities.set(tunnel, identity);
    const wanted = new Map(targets.map((target) => [target.id, target]));
    for (const [id, { tunnel: of, address, stream }] of this.#asked) {
      if (of !== tunnel || wanted.get(id)?.address === address) continue;
      stream.close();
      this.#asked.delete(id);
    }
    for (const target of targets) if (!this.#asked.has(target.id)) this.#ask(tunnel, target);
    this.#measure();
  }

  close(): void {
    for (const { stream } of this.#asked.values()) stream.close();
    for (const cancel of this.#settling.values()) cancel();
    this.#asked.clear();
  }

  #ask(tunnel: string, { id, address }: RouterTarget): void {
    const { open, trustDomain, clock, random, log, metrics } = this.#options;
    if (this.#asked.size >= streamsMax) {
      log.warn({ tunnel, address, streamsMax }, "too many R2s to ask; this one is not");
      return;
    }
    const stream = new ReportStream({
      ...{ tunnel, address, port: port.operator, open, clock, random },
      peerId: spiffeId(trustDomain, tunnel, "intranet"),
      identity: () => this.#identities.get(tunnel),
      software: "sallyport-operator",
      onChange: () => this.#settle(tunnel),
      onEnd: (why) => {
        metrics.reportFailures.inc();
        log.debug({ tunnel, address, why }, "no reports from this R2");
      },
    });
    this.#asked.set(id, { tunnel, address, stream });
  }

  #settle(tunnel: string): void {
    this.#measure();
    if (this.#settling.has(tunnel)) return;
    const cancel = this.#options.clock.after(settleMs, () => {
      this.#settling.delete(tunnel);
      this.#onChange(tunnel);
    });
    this.#settling.set(tunnel, cancel);
  }

  #measure(): void {
    const open = [...this.#asked.values()].filter(({ stream }) => stream.isOpen).length;
    this.#options.metrics.reportStreams.set(open);
  }
}
