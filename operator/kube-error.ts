/** What an API server answered instead of what was asked, or that it did not answer. */
export class KubeError extends Error {
  /** HTTP status; 0: there was no answer. */
  readonly status: number;
  /** Kubernetes' own word: "NotFound", "Conflict", "Expired", "Forbidden"… */
  readonly reason: string;
  /** How long the server asks us to wait; 0: it does not. */
  readonly retryAfterMs: number;

  constructor(message: string, options: { status: number; reason: string; retryAfterMs?: number; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = "KubeError";
    this.status = options.status;
    this.reason = options.reason;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof KubeError && error.status === 404;
}

/** Somebody else wrote first, or made it first. */
export function isConflict(error: unknown): boolean {
  return error instanceof KubeError && error.status === 409;
}

/** The resourceVersion is too old to go on from. */
export function isExpired(error: unknown): boolean {
  return error instanceof KubeError && (error.status === 410 || error.reason === "Expired");
}

export function isForbidden(error: unknown): boolean {
  return error instanceof KubeError && error.status === 403;
}

/** Refused by RBAC. A quota, Pod Security or an admission webhook refuses with the same status and reason. */
export function lacksRight(error: unknown): boolean {
  return isForbidden(error) && / cannot \S+ resource /.test((error as KubeError).message);
}
