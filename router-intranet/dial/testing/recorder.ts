import type { Socket } from "node:net";
import type { TunnelError } from "@sallyport/proto/error";
import type { Head } from "@sallyport/proto/frame";
import type { ExchangeRequest, ResponseEvents } from "../destination.ts";

/** Hears an exchange and lets a test wait for what it hears. */
export class Recorder implements ResponseEvents {
  readonly heads: Head[] = [];
  body = "";
  trailers: readonly string[] | undefined;
  failed: TunnelError | undefined;
  bytesSent = 0;
  requestSent = false;
  upgraded: Socket | undefined;
  /** Events after the last one: there must be none. */
  late = 0;
  #waiting: (() => void)[] = [];

  onResponseHead(head: Head): void {
    this.heads.push(head);
    this.#heard();
  }

  onResponseData(bytes: Buffer): void {
    this.body += bytes.toString("latin1");
    this.#heard();
  }

  onResponseEnd(trailers: readonly string[]): void {
    this.#heard();
    this.trailers = trailers;
  }

  onResponseFailed(error: TunnelError): void {
    this.#heard();
    this.failed = error;
  }

  onUpgraded(head: Head, socket: Socket): void {
    this.heads.push(head);
    this.upgraded = socket;
    this.#heard();
  }

  onRequestBytesSent(bytes: number): void {
    this.bytesSent += bytes;
    this.#heard();
  }

  onRequestSent(): void {
    this.requestSent = true;
    this.#heard();
  }

  get over(): boolean {
    return this.trailers !== undefined || this.failed !== undefined;
  }

  async until(holds: (recorder: this) => boolean): Promise<this> {
    while (!holds(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this;
  }

  end(): Promise<this> {
    return this.until(() => this.over);
  }

  /** What a whole exchange comes to, to be compared at once. */
  summary() {
    const last = this.heads.at(-1);
    return {
      status: last?.status,
      body: this.body,
      trailers: this.trailers,
      failed: this.failed && `${this.failed.code}: ${this.failed.message}`,
    };
  }

  #heard(): void {
    if (this.over) this.late++;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A GET of "/" without a body, unless told otherwise. */
export function requestTo(origin: string, given: Partial<ExchangeRequest> = {}): ExchangeRequest {
  return {
    origin,
    route: "default/calc",
    method: "GET",
    target: "/",
    headers: ["Host", "calc"],
    bodyBytes: 0,
    ...given,
  };
}
