import { CallKind, type Open } from "@sallyport/proto/frame";
import { type Preamble, parsePreamble } from "@sallyport/proto/net-tcp/preamble";
import { type EnvelopeForm, envelopeForm } from "./envelope-form.ts";
import { addressingAction, type HeaderKey, type HeaderTexts } from "./envelope-header.ts";
import { sessionForm } from "./session-form.ts";
import { soapActionOf } from "./soap-action.ts";
import { hasDotSegments, hostOf, parseTarget, type Target } from "./target.ts";
import { text } from "./text.ts";

/** What is known of a call's envelope. */
export type EnvelopeFacts =
  /** There is one, it seems, and nobody has looked. */
  | { readonly t: "unread"; readonly form: ReadableForm }
  /** There is none, or none that can be read; `why` is for people. */
  | { readonly t: "absent"; readonly why: string }
  | { readonly t: "read"; readonly headers: HeaderTexts };

export type ReadableForm = Exclude<EnvelopeForm, { t: "absent" }>;

/** What is known once somebody has looked. */
export type KnownEnvelope = Exclude<EnvelopeFacts, { t: "unread" }>;

/**
 * What routes may ask of one call, each worked out when first asked for and kept. None of it throws, whatever the call's
 * head says. Values are text (bytes read as UTF-8) and otherwise as sent: case, escapes and white space count.
 */
export class CallFacts {
  readonly open: Open;
  /** The rank of the first match that hangs on an envelope which is not read; none: infinite. */
  undecidedRank = Number.POSITIVE_INFINITY;
  #envelope: EnvelopeFacts | undefined;
  /** null: not worked out yet. */
  #session: Preamble | undefined | null = null;
  #target: Target | undefined;
  #host: string | undefined;
  #hasDotSegments: boolean | undefined;
  /** null: not worked out yet. */
  #actionOfHead: string | undefined | null = null;
  #headers: Map<string, string | undefined> | undefined;
  #queryParams: URLSearchParams | undefined;

  /** `envelope`: what a look at it gave; left out: nobody has looked. */
  constructor(open: Open, envelope?: KnownEnvelope) {
    this.open = open;
    this.#envelope = envelope;
  }

  /** What a net.tcp client says of its session. `undefined`: the call is none, or its preamble cannot be read. */
  get session(): Preamble | undefined {
    if (this.#session === null) {
      const isSession = this.open.kind === CallKind.raw && this.open.protocol === "NetTCP";
      this.#session = isSession ? parsePreamble(this.open.preamble) : undefined;
    }
    return this.#session;
  }

  get envelope(): EnvelopeFacts {
    this.#envelope ??= this.#envelopeOfHead();
    return this.#envelope;
  }

  /** The target (a session's via) up to '?' or '#', percent-encoded as sent. "*" for `OPTIONS *`, "" for CONNECT. */
  get path(): string {
    return this.#parsedTarget().path;
  }

  /** Whether the path has a segment "." or "..", however spelt. */
  get hasDotSegments(): boolean {
    this.#hasDotSegments ??= hasDotSegments(this.path);
    return this.#hasDotSegments;
  }

  /**
   * Lower case, no port, no root dot. The target's authority goes before the Host header; of bytes it is the name that TLS
   * calls, or that of a net.tcp session's via. "": none, several, not a host.
   */
  get host(): string {
    this.#host ??= hostOf(this.#calledHost());
    return this.#host;
  }

  get actionOfHead(): string | undefined {
    if (this.#actionOfHead === null) {
      const { headers } = this.open;
      this.#actionOfHead = soapActionOf(headerValue(headers, "soapaction"), headerValue(headers, "content-type"));
    }
    return this.#actionOfHead;
  }

  /** The action that the head tells, else the envelope's `wsa:Action`. */
  get soapAction(): string | undefined {
    const { actionOfHead } = this;
    if (actionOfHead !== undefined) return actionOfHead;
    return this.envelope.t === "read" ? addressingAction(this.envelope.headers) : undefined;
  }

  /** The action is in the envelope, if anywhere, and nobody has looked. */
  get lacksSoapAction(): boolean {
    return this.actionOfHead === undefined && this.envelope.t === "unread";
  }

  /** A header block's text. */
  soapHeader(key: HeaderKey): string | undefined {
    return this.envelope.t === "read" ? this.envelope.headers.get(key) : undefined;
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

  #envelopeOfHead(): EnvelopeFacts {
    const form = this.#formOfHead();
    return form.t === "absent" ? form : { t: "unread", form };
  }

  #formOfHead(): EnvelopeForm {
    if (this.session !== undefined) return sessionForm(this.session);
    if (this.open.kind === CallKind.raw) return { t: "absent", why: "the call is a stream of bytes" };
    return envelopeForm(this.open, (lowerName) => this.header(lowerName));
  }

  #calledHost(): string {
    if (this.open.kind === CallKind.raw && this.session === undefined) return this.open.serverName;
    return this.#parsedTarget().authority ?? headerValue(this.open.headers, "host") ?? "";
  }

  #parsedTarget(): Target {
    this.#target ??=
      this.session === undefined
        ? parseTarget(this.open.method, this.open.target)
        : parseTarget("", Buffer.from(this.session.via).toString("latin1"));
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
