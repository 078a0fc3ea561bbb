import type { BulkRounds } from "./bulk.ts";
import type { CallRounds } from "./small-calls.ts";

/** What a run found; written to results/<date>.json as it is. Rows that were not asked for are missing. */
export interface Results {
  readonly date: string;
  readonly quick: boolean;
  readonly machine: Machine;
  /** Small SOAP calls over 64 keep-alive connections. */
  readonly calls?: readonly CallRounds[];
  readonly bulk?: readonly BulkRounds[];
  readonly beside?: BesideBulk;
  /** The same calls over one connection, 50 a second at most. */
  readonly rate?: readonly CallRounds[];
  readonly gates: readonly Gate[];
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  /** Share of all cores' time that others took in this run, 0 to 1. */
  readonly othersShare: number;
}

/** Small calls beside a download over the same link. */
export interface BesideBulk {
  /** Bytes of the download that came between a small answer's way into the link and out of it, one number per call. */
  readonly queuedAheadBytes: readonly number[];
  /** Bytes that the system held on the link between R1 and R2 in that time, looked at again and again. */
  readonly socketQueueBytes: readonly number[];
  readonly calls: readonly CallRounds[];
}

/** What must hold. `limit` is the least or the most that passes. */
export interface Gate {
  readonly what: string;
  readonly value: number;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly holds: boolean;
}
