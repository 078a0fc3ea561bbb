import type { Open } from "@sallyport/proto/frame";
import { soapActionOf } from "./soap-action.ts";
import { hasDotSegments, hostOf, parseTarget, type Target } from "./target.ts";
import { text } from "./text.ts";

/**
 * What routes may ask of one call, each worked out when first asked for and kept. None of it throws, whatever the call's
 * head says. Values are text (bytes read as UTF-8) and otherwise as sent: case, escapes and white space count.
 */
export class CallFacts {
  readonly open: Open;
  #target: Target | undefined;
  #host: string | undefined;
  #hasDotSegments: boolean | undefined;
  /** null: not worked out yet. */
  #soapAction: string | undefined | null = null;
  #headers: Map<string, string | undefined> | undefined;
  #queryParams: URLSearchParams | undefined;

  constructor(open: Open) {
    this.open = open;
  }

  /** The target up to '?' or '#', percent-encoded as sent. "*" for `OPTIONS *`, "" for CONNECT. */
  get path(): string {
    return this.#parsedTarget().path;
  }

  /** Whether the path has a segment "." or "..", however spelt. */
  get hasDotSegments(): boolean {
    this.#hasDotSegments ??= hasDotSegments(this.path);
    return this.#hasDotSegments;
  }

  /** Lower case, no port, no root dot. The target's authority goes before the Host header. "": none, several, not a host. */
  get host(): string {
    this.#host ??= hostOf(this.#parsedTarget().authority ?? headerValue(this.open.headers, "host") ?? "");
    return this.#host;
  }

  get soapAction(): string | undefined {
    if (this.#soapAction === null) {
      const { headers } = this.open;
      this.#soapAction = soapActionOf(headerValue(headers, "soapaction"), headerValue(headers, "content-type"));
    }
    return this.#soapAction;
  }

  /** By lower-case name; several lines are joined by ", ". `undefined`: no such header. */
  header(lowerName: string): string | undefined {
    this.#headers ??= new Map();
    if (!this.#headers.has(lowerName)) this.#headers.set(lowerName, headerValue(this.open.headers, lowerName));
    return this.#headers.get(lowerName);
  }

  /** The first parameter of that name, '+' and %xx decoded. `undefined`: no such parameter. */
  queryParam(name: string): string | undefined {
    this.#queryParams ??= new URLSearchParams(this.#parsedTarget().query);
    return this.#queryParams.get(name) ?? undefined;
  }

  #parsedTarget(): Target {
    this.#target ??= parseTarget(this.open.method, this.open.target);
    return this.#target;
  }
}

function headerValue(headers: readonly string[], lowerName: string): string | undefined {
  let value: string | undefined;
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? "";
    if (name.length !== lowerName.length || name.toLowerCase() !== lowerName) continue;
    const line = headers[at + 1] ?? "";
    value = value === undefined ? line : `${value}, ${line}`;
  }
  return value === undefined ? undefined : text(value);
}
