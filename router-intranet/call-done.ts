import type { TunnelError } from "@sallyport/proto/error";
import type { EnvelopeVerdict } from "./envelope-wait.ts";

/** For the access log. What is not known (yet) is "" or 0. `error`'s cause may name addresses of the intranet. */
export interface CallDone {
  readonly id: string;
  readonly route: string;
  readonly destination: string;
  readonly method: string;
  readonly status: number;
  readonly error: TunnelError | undefined;
  /** What a look at the envelope gave; "": there was none. */
  readonly envelope: EnvelopeVerdict["outcome"] | "";
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
}
