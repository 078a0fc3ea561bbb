/** Why a call failed: the enum `ErrorCode` of tunnel.proto, by number. docs/protocol.md, "Errors". */
export const ErrorCode = {
  REFUSED: 1,
  NO_ROUTE: 2,
  HOLD_TIMEOUT: 3,
  DESTINATION_UNREACHABLE: 4,
  DESTINATION_TIMEOUT: 5,
  DESTINATION_FAILED: 6,
  OVERLOADED: 7,
  DRAINING: 8,
  LINK_LOST: 9,
  NO_LINK: 10,
  PROTOCOL: 11,
  FLOW_CONTROL: 12,
  POLICY: 13,
  CANCELLED: 14,
  BAD_REQUEST: 15,
  REQUEST_TIMEOUT: 16,
  PAYLOAD_TOO_LARGE: 17,
  INTERNAL: 18,
  QUOTA_EXCEEDED: 19,
} as const;

export type ErrorName = keyof typeof ErrorCode;
export type ErrorCode = (typeof ErrorCode)[ErrorName];

const names = new Map<number, ErrorName>(Object.entries(ErrorCode).map(([name, code]) => [code, name as ErrorName]));

/** The name of a code from the wire. A code of a newer peer that we do not know reads as INTERNAL. */
export function errorName(code: number): ErrorName {
  return names.get(code) ?? "INTERNAL";
}

/** The one error of the tunnel. Errors of libraries are converted once, where they enter. */
export class TunnelError extends Error {
  readonly code: ErrorName;
  /** When the caller may try again with some hope; 0: not said. */
  readonly retryAfterMs: number;

  constructor(code: ErrorName, message: string, cause?: unknown, retryAfterMs = 0) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TunnelError";
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}
