import type { IncomingMessage } from "node:http";
import { type ErrorName, TunnelError } from "@sallyport/proto/error";
import type { Head, Open } from "@sallyport/proto/frame";
import type { Call, CallEvents } from "@sallyport/tunnel/call";
import type { Clock } from "@sallyport/tunnel/clock";
import type { AccessEntry } from "./access-entry.ts";
import { toOpen, toTrailers } from "./key/http.ts";
import type { Exchange } from "./listen/exchange.ts";
import { Patience } from "./listen/patience.ts";
import { Upload, type UploadEvents } from "./listen/upload.ts";
import type { CallStarter, StartTicket, StartWaiter } from "./pool/starter.ts";
import type { Quotas } from "./quota.ts";
import { faultReply } from "./reply/fault.ts";
import { HttpReply } from "./reply/http.ts";

export interface RelayDeps {
  readonly starter: CallStarter;
  readonly clock: Clock;
  /** The id of the next call, unique over all R1s. */
  readonly nextId: () => string;
  readonly bodyIdleTimeoutMs: number;
  readonly halfClosedTimeoutMs: number;
  readonly sendTimeoutMs: number;
  /** Counts each call in, or says why it may not be. */
  readonly quotas: Pick<Quotas, "admit" | "release">;
  /** The access log; once for each exchange. */
  readonly onDone: (entry: AccessEntry) => void;
  /** Undefined: calls are not traced, and trace context goes through as it came. */
  readonly tracer?: CallTracer | undefined;
}

export interface CallTracer {
  start(request: IncomingMessage): CallSpan;
}

export interface CallSpan {
  /** The OPEN that names this span as its parent. */
  carry(open: Open): Open;
  end(entry: AccessEntry): void;
}

/** Carries one HTTP exchange over a call. Returns at once; never throws. docs/protocol.md, "A client that goes away". */
export function relayExchange(exchange: Exchange, deps: RelayDeps): void {
  new HttpRelay(exchange, deps).start();
}

/**
 * The response's way to the client. `ended`: whole, and given to node. `held`: the same for a fault, but its connection
 * closes only after the rest of the request. `out`: node has handed over all of it. `broken`: the client saw a reset.
 */
type Download = "open" | "ended" | "held" | "out" | "broken";

class HttpRelay implements CallEvents, StartWaiter, UploadEvents {
  readonly #exchange: Exchange;
  readonly #deps: RelayDeps;
  readonly #id: string;
  readonly #upload: Upload;
  readonly #reply: HttpReply;
  readonly #startedMs: number;
  readonly #span: CallSpan | undefined;
  #download: Download = "open";
  #over = false;
  #ticket: StartTicket | undefined;
  #call: Call | undefined;
  #error: ErrorName | "" = "";
  /** Response bytes that are not out yet, and whose credit we owe. */
  #owedBytes = 0;
  #patience: Patience | undefined;
  /** While bytes wait for a client that does not read. */
  #reader: Patience | undefined;
  #admitted = false;
  /** Of the connection, once the response is out. */
  #watchesClose = false;

  constructor(exchange: Exchange, deps: RelayDeps) {
    const { request, response, expectsContinue } = exchange;
    const { clock, bodyIdleTimeoutMs: idleMs } = deps;
    this.#exchange = exchange;
    this.#deps = deps;
    this.#id = deps.nextId();
    this.#upload = new Upload(request, { clock, idleMs, expectsContinue }, this);
    this.#reply = new HttpReply(request, response);
    this.#startedMs = clock.now();
    this.#span = deps.tracer?.start(request);
  }

  start(): void {
    const { response, connection, fault } = this.#exchange;
    response.on("error", ignore);
    this.#exchange.onResponseClose = this.#onResponseClose;
    this.#exchange.onClientEnd = this.#onClientEnd;
    this.#exchange.onFault = this.#onFault;
    const refusal = fault ?? this.#deps.quotas.admit(connection.clientAddress);
    this.#admitted = fault === undefined && refusal === undefined;
    if (refusal === undefined) this.#startCall();
    else this.#fail(refusal);
    if (connection.socket.readableEnded) this.#onClientEnd();
  }

  #startCall(): void {
    const { request, connection } = this.#exchange;
    const { id, listener, clientAddress, clientPort, local } = connection;
    const context = { id: this.#id, listener, connection: id, clientAddress, clientPort, local, secure: false };
    try {
      const open = toOpen(request, context);
      const ticket = this.#deps.starter.start(this.#span ? this.#span.carry(open) : open, this, this);
      if (this.#call === undefined && this.#download === "open") this.#ticket = ticket;
    } catch (error) {
      this.#fail(asTunnelError(error));
    }
  }

  started(call: Call): void {
    this.#ticket = undefined;
    this.#call = call;
    if (this.#upload.none) call.fin();
    else this.#upload.start();
  }

  failed(error: TunnelError): void {
    this.#ticket = undefined;
    this.#fail(error);
  }

  onBody(bytes: Buffer): boolean {
    return this.#call === undefined || this.#call.data(bytes);
  }

  onBodyEnd(rawTrailers: readonly string[]): void {
    this.#call?.fin(toTrailers(rawTrailers));
    this.#settle();
  }

  onBodyIdle(): void {
    const waited = `no more of the request's body came for ${this.#deps.bodyIdleTimeoutMs} ms`;
    this.#fail(new TunnelError("REQUEST_TIMEOUT", waited));
  }

  onBodyLeft(): void {
    this.#letGo(new TunnelError("CANCELLED", "the request went on long after its response had ended"));
    this.#settle();
  }

  onWritable(): void {
    this.#upload.resume();
  }

  onHead(head: Head): void {
    if (head.status >= 100 && head.status < 200 && head.status !== 101) {
      this.#reply.interim(head);
      if (head.status === 100) this.#upload.continued();
      return;
    }
    try {
      this.#reply.head(head);
    } catch (error) {
      this.#fail(asTunnelError(error));
      return;
    }
    // Data of the same turn leaves in one write with the head; without any the head goes by itself.
    process.nextTick(flush, this.#reply);
  }

  onData(bytes: Buffer): void {
    try {
      if (this.#reply.data(bytes)) this.#call?.consumed(bytes.length);
      else this.#owe(bytes.length);
    } catch (error) {
      this.#fail(asTunnelError(error));
    }
  }

  #owe(bytes: number): void {
    this.#owedBytes += bytes;
    if (this.#reader === undefined) this.#exchange.response.on("drain", this.#onDrain);
    this.#watchReader();
  }

  #watchReader(): void {
    if (this.#reader) return;
    this.#reader = new Patience(
      this.#exchange.connection.socket,
      this.#deps.clock,
      this.#deps.sendTimeoutMs,
      this.#onTired,
    );
    this.#reader.start();
  }

  #unwatchReader(): void {
    this.#reader?.stop();
    this.#reader = undefined;
  }

  onFin(trailers: readonly string[]): void {
    try {
      this.#reply.end(trailers);
    } catch (error) {
      this.#fail(asTunnelError(error));
      return;
    }
    this.#download = "ended";
    if (this.#exchange.response.writableLength > 0) this.#watchReader();
    this.#upload.rest();
  }

  onReset(error: TunnelError): void {
    this.#call = undefined;
    this.#fail(error);
  }

  readonly #onDrain = (): void => {
    const bytes = this.#owedBytes;
    this.#owedBytes = 0;
    if (this.#download === "open") this.#unwatchReader();
    this.#exchange.response.off("drain", this.#onDrain);
    if (bytes > 0) this.#call?.consumed(bytes);
  };

  /** The rest of the request cannot be read. */
  readonly #onFault = (error: TunnelError): void => this.#fail(error);

  /** Ends the call for this reason, and the response too, unless it was whole already. */
  #fail(error: TunnelError): void {
    this.#letGo(error);
    // Whoever stopped to take the body is gone; what still comes is for nobody.
    if (this.#download !== "open") {
      this.#upload.resume();
      return;
    }
    this.#error = error.code;
    if (this.#reply.status === 0 && error.code !== "CANCELLED") this.#sendFault(error);
    else this.#breakOff();
  }

  #sendFault(error: TunnelError): void {
    const { request } = this.#exchange;
    const { method = "", headers } = request;
    const soapAction = headers.soapaction !== undefined;
    const fault = faultReply(error, this.#id, { method, contentType: headers["content-type"], soapAction });
    const close = closing.has(error.code);
    // Closing over unread bytes is a reset, which may overtake the fault: RFC 9112, 9.6.
    const hold = close && this.#upload.pending && method !== "HEAD";
    this.#download = hold ? "held" : "ended";
    this.#reply.fault(fault, { close, hold });
    this.#upload.rest();
    this.#upload.resume();
  }

  #letGo(error: TunnelError): void {
    this.#ticket?.cancel();
    this.#ticket = undefined;
    this.#call?.reset(error);
    this.#call = undefined;
  }

  /** RST: no client takes a part for the whole. The response's "close" follows. */
  #breakOff(): void {
    this.#download = "broken";
    this.#exchange.connection.socket.resetAndDestroy();
  }

  readonly #onResponseClose = (): void => {
    if (!this.#exchange.response.writableFinished) {
      this.#onGone();
      return;
    }
    this.#download = "out";
    this.#settle();
    if (this.#over) return;
    // Node no longer tells a response that is out of its connection's end.
    const { socket } = this.#exchange.connection;
    if (socket.closed) this.#onGone();
    else socket.on("close", this.#onGone);
    this.#watchesClose = true;
  };

  readonly #onGone = (): void => {
    if (this.#over) return;
    if (this.#error === "" && this.#download !== "out") this.#error = "CANCELLED";
    this.#letGo(new TunnelError("CANCELLED", "the client is gone"));
    this.#done();
  };

  /** The client has closed its sending side, or all of it: TCP does not tell. */
  readonly #onClientEnd = (): void => {
    if (!this.#exchange.request.complete) {
      // With the response open the parser says what is missing: #onFault.
      if (this.#download !== "open") this.#upload.leave();
      this.#settle();
      return;
    }
    const { response, connection } = this.#exchange;
    if (!connection.owesMore && !response.headersSent) response.shouldKeepAlive = false;
    this.#patience = new Patience(connection.socket, this.#deps.clock, this.#deps.halfClosedTimeoutMs, this.#onTired);
    this.#patience.start();
  };

  readonly #onTired = (): void => {
    this.#letGo(new TunnelError("CANCELLED", "the client takes nothing more and is taken for gone"));
    this.#breakOff();
  };

  /** Ends the exchange when both ways have. */
  #settle(): void {
    if (this.#over || this.#upload.pending) return;
    if (this.#download === "held") {
      this.#download = "ended";
      this.#reply.release();
    }
    if (this.#download !== "out") return;
    if (this.#upload.left) this.#exchange.connection.socket.destroy();
    this.#done();
  }

  #done(): void {
    this.#over = true;
    this.#upload.stop();
    this.#patience?.stop();
    this.#unwatchReader();
    if (this.#admitted) this.#deps.quotas.release(this.#exchange.connection.clientAddress);
    const { request, connection } = this.#exchange;
    this.#exchange.onClientEnd = ignore;
    if (this.#watchesClose) connection.socket.off("close", this.#onGone);
    const entry: AccessEntry = {
      id: this.#id,
      listener: connection.listener,
      connection: connection.id,
      client: connection.clientAddress,
      method: request.method ?? "",
      target: request.url ?? "",
      status: this.#reply.status,
      error: this.#error,
      requestBytes: this.#upload.bytes,
      responseBytes: this.#reply.bytes,
      durationMs: this.#deps.clock.now() - this.#startedMs,
    };
    this.#span?.end(entry);
    this.#deps.onDone(entry);
  }
}

/** After these the connection's next bytes mean nothing. */
const closing: ReadonlySet<ErrorName> = new Set(["BAD_REQUEST", "REQUEST_TIMEOUT", "PAYLOAD_TOO_LARGE"]);

function flush(reply: HttpReply): void {
  reply.flush();
}

function ignore(): void {}

function asTunnelError(error: unknown): TunnelError {
  return error instanceof TunnelError ? error : new TunnelError("INTERNAL", "the router failed", error);
}
