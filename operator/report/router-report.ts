import type { Configuration, RouteState, UplinkStatus } from "@sallyport/proto/admin";

/** What one R2 says of itself: docs/protocol.md, "The operator's stream". Each part is undefined until it has come. */
export interface RouterReport {
  readonly configuration: Configuration | undefined;
  /** By "namespace/name". */
  readonly routes: ReadonlyMap<string, RouteState> | undefined;
  readonly uplinks: readonly UplinkStatus[] | undefined;
}

/** An R2 to be asked. */
export interface RouterTarget {
  /** The pod's uid. */
  readonly id: string;
  readonly address: string;
}

/** The operator's leaf for one tunnel, PEM. */
export interface ReportIdentity {
  readonly certificateChain: string;
  readonly privateKey: string;
  readonly trustedCas: string;
}

export interface Wanted {
  /** "namespace/name" */
  readonly tunnel: string;
  readonly targets: readonly RouterTarget[];
  /** Undefined: there is none yet, and nobody can be asked. */
  readonly identity: ReportIdentity | undefined;
}

/** The R2s' reports: streams of gRPC, or a fake in tests. */
export interface RouterReports {
  /** Asks these R2s of the tunnel and no others. None: forgets the tunnel. */
  want(wanted: Wanted): void;
  /** The last report of an open stream to this R2; undefined: there is no stream. */
  of(id: string): RouterReport | undefined;
  /** Tells the tunnel whose report changed. */
  onChange(listener: (tunnel: string) => void): void;
}
