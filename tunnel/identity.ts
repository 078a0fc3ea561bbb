/** A router's certificate, its key and the CAs it trusts, each PEM. Never logged, never an argument. */
export interface Identity {
  readonly certificateChain: string;
  readonly privateKey: string;
  readonly trustedCas: string;
}
