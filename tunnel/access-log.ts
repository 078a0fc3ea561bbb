import { type Log, writeLine } from "./log.ts";

/** What one call leaves in the log. Both routers' lines begin with these fields. */
export interface AccessFields {
  readonly id: string;
  readonly method: string;
  readonly status: number;
  /** Why it failed, or "". */
  readonly error: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
}

/**
 * The access log: a line of JSON for each call, at level `info`, in order with what else is logged. Laid out by hand,
 * because a serializer for any object costs a small call a tenth of its CPU time (docs/adr/0014).
 */
export class AccessLog {
  readonly #log: Log;
  readonly #start: string;
  #timeMs = 0;
  #time = "";

  constructor(log: Log, name: string) {
    this.#log = log;
    this.#start = `{"level":30,"name":${jsonText(name)},"time":"`;
  }

  get enabled(): boolean {
    return this.#log.isLevelEnabled("info");
  }

  /** `more`: further members, each with a comma before it, their text made by `jsonText`. */
  write(call: AccessFields, more: string): void {
    const { id, method, status, error, requestBytes, responseBytes } = call;
    const durationMs = Math.round(call.durationMs * 1000) / 1000;
    writeLine(
      `${this.#start}${this.#now()}","id":${jsonText(id)},"method":${jsonText(method)},"status":${status},"error":"${error}",` +
        `"requestBytes":${requestBytes},"responseBytes":${responseBytes},"durationMs":${durationMs}${more},"msg":"access"}\n`,
    );
  }

  /** Many calls end within a millisecond. */
  #now(): string {
    const nowMs = Date.now();
    if (nowMs !== this.#timeMs) {
      this.#timeMs = nowMs;
      this.#time = new Date(nowMs).toISOString();
    }
    return this.#time;
  }
}

/** `text` as JSON, with its quotes. */
export function jsonText(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** ASCII that JSON takes as it is. */
const plain = /^[ !#-[\]-~]*$/;
