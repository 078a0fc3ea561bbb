import type { Socket } from "node:net";
import { type ErrorName, TunnelError } from "@sallyport/proto/error";
import { CallKind, type Head, type Open } from "@sallyport/proto/frame";
import type { Call, CallEvents } from "@sallyport/tunnel/call";
import type { AccessEntry } from "./access-entry.ts";
import { toOpen } from "./key/http.ts";
import { SocketStream } from "./listen/byte-stream.ts";
import type { Exchange } from "./listen/exchange.ts";
import { Patience } from "./listen/patience.ts";
import type { StartTicket, StartWaiter } from "./pool/starter.ts";
import type { CallSpan, RelayDeps } from "./relay.ts";
import { carryRaw, type RawRelayDeps } from "./relay-raw.ts";
import { faultReply } from "./reply/fault.ts";
import { switchingHead } from "./reply/head.ts";
import { HttpReply } from "./reply/http.ts";

export type UpgradeRelayDeps = Omit<RelayDeps, "bodyIdleTimeoutMs" | "halfClosedTimeoutMs"> &
  Pick<RawRelayDeps, "idleTimeoutMs">;

/**
 * Carries a request to switch protocols, a WebSocket's say. Until the destination has switched, what comes back is an
 * HTTP answer; from its 101 on, bytes go both ways. Returns at once; never throws.
 */
export function relayUpgrade(exchange: Exchange, deps: UpgradeRelayDeps): void {
  new UpgradeRelay(exchange, deps).start();
}

/** `switched`: bytes go both ways, and `#bytes` has all to say. */
type State = "asking" | "answering" | "switched" | "over";

class UpgradeRelay implements CallEvents, StartWaiter {
  readonly #exchange: Exchange;
  readonly #deps: UpgradeRelayDeps;
  readonly #id: string;
  readonly #socket: Socket;
  readonly #reply: HttpReply;
  readonly #startedMs: number;
  readonly #span: CallSpan | undefined;
  #state: State = "asking";
  #ticket: StartTicket | undefined;
  #call: Call | undefined;
  #bytes: CallEvents | undefined;
  #error: ErrorName | "" = "";
  /** Of the answer, written and not out yet. */
  #owedBytes = 0;
  /** While an answer waits for a client that does not read. */
  #reader: Patience | undefined;
  #admitted = false;

  constructor(exchange: Exchange, deps: UpgradeRelayDeps) {
    this.#exchange = exchange;
    this.#deps = deps;
    this.#id = deps.nextId();
    this.#socket = exchange.connection.socket;
    this.#reply = new HttpReply(exchange.request, exchange.response);
    this.#startedMs = deps.clock.now();
    this.#span = deps.tracer?.start(exchange.request);
  }

  start(): void {
    const { response, connection } = this.#exchange;
    response.on("error", ignore);
    // After an upgrade node passes the socket's "drain" on to no response.
    this.#socket.on("drain", this.#onDrain);
    this.#socket.once("close", this.#onClose).on("data", this.#onEarly).on("end", this.#onEnd).resume();
    const refusal = this.#deps.quotas.admit(connection.clientAddress);
    this.#admitted = refusal === undefined;
    if (refusal !== undefined) return this.#fail(refusal);
    try {
      const open = this.#open();
      const ticket = this.#deps.starter.start(this.#span ? this.#span.carry(open) : open, this, this);
      if (this.#call === undefined && this.#state === "asking") this.#ticket = ticket;
    } catch (error) {
      this.#fail(asTunnelError(error));
    }
  }

  #open(): Open {
    const { request, connection } = this.#exchange;
    const { id, listener, clientAddress, clientPort, local } = connection;
    const context = { id: this.#id, listener, connection: id, clientAddress, clientPort, local, secure: false };
    return { ...toOpen(request, context), kind: CallKind.upgrade, upgradeProtocol: request.headers.upgrade ?? "" };
  }

  started(call: Call): void {
    this.#ticket = undefined;
    this.#call = call;
  }

  failed(error: TunnelError): void {
    this.#ticket = undefined;
    this.#fail(error);
  }

  // ----------------------------------------------------------------------------------------------- from the client

  /** Bytes before the answer wait in the socket. */
  readonly #onEarly = (bytes: Buffer): void => {
    this.#stopWatching();
    this.#socket.unshift(bytes);
  };

  /** Who closes before the answer does not wait for it. */
  readonly #onEnd = (): void => {
    if (this.#state === "asking") this.#socket.destroy();
  };

  #stopWatching(): void {
    this.#socket.pause();
    this.#socket.off("data", this.#onEarly);
  }

  /** A client that takes nothing of an answer is not waited for any longer than by other requests. */
  #watchReader(): void {
    if (this.#reader) return;
    this.#reader = new Patience(this.#socket, this.#deps.clock, this.#deps.sendTimeoutMs, this.#onTired);
    this.#reader.start();
  }

  #unwatchReader(): void {
    this.#reader?.stop();
    this.#reader = undefined;
  }

  readonly #onTired = (): void => {
    this.#letGo(new TunnelError("CANCELLED", "the client takes nothing more and is taken for gone"));
    if (this.#error === "") this.#error = "CANCELLED";
    this.#socket.resetAndDestroy();
  };

  readonly #onDrain = (): void => {
    this.#unwatchReader();
    const bytes = this.#owedBytes;
    this.#owedBytes = 0;
    if (bytes > 0) this.#call?.consumed(bytes);
  };

  readonly #onClose = (): void => {
    if (this.#state === "switched" || this.#state === "over") return;
    if (!this.#exchange.response.writableFinished && this.#error === "") this.#error = "CANCELLED";
    this.#letGo(new TunnelError("CANCELLED", "the client is gone"));
    const { status, bytes } = this.#reply;
    this.#done({ status, error: this.#error, requestBytes: 0, responseBytes: bytes });
  };

  // -------------------------------------------------------------------------------------------------------- from R2

  onHead(head: Head): void {
    try {
      if (head.status === 101) this.#switch(head);
      else if (head.status < 200) this.#reply.interim(head);
      else this.#answer(head);
    } catch (error) {
      this.#fail(asTunnelError(error));
    }
  }

  #switch(head: Head): void {
    const { connection, request } = this.#exchange;
    const call = this.#call;
    if (call === undefined) return;
    this.#socket.write(switchingHead(head), "latin1");
    this.#stopWatching();
    this.#socket.off("end", this.#onEnd).off("drain", this.#onDrain);
    this.#state = "switched";
    this.#call = undefined;
    const { listener, id, clientAddress, clientPort, local } = connection;
    const raw = {
      listener,
      protocol: "HTTP",
      connection: id,
      clientAddress,
      clientPort,
      local,
      target: request.url ?? "",
    };
    const onDone = (entry: AccessEntry) => this.#done({ ...entry, status: 101 });
    this.#bytes = carryRaw(new SocketStream(this.#socket), raw, { ...this.#rawDeps(), onDone }, call);
  }

  #rawDeps() {
    const { starter, clock, idleTimeoutMs, quotas } = this.#deps;
    return { starter, clock, idleTimeoutMs, quotas, nextId: () => this.#id };
  }

  /** The destination does not switch. */
  #answer(head: Head): void {
    this.#exchange.response.shouldKeepAlive = false;
    this.#reply.head(head);
    this.#state = "answering";
    this.#reply.flush();
  }

  onData(bytes: Buffer): void {
    if (this.#bytes !== undefined) return this.#bytes.onData(bytes);
    try {
      if (this.#reply.data(bytes)) this.#call?.consumed(bytes.length);
      else {
        this.#owedBytes += bytes.length;
        this.#watchReader();
      }
    } catch (error) {
      this.#fail(asTunnelError(error));
    }
  }

  onFin(trailers: readonly string[]): void {
    if (this.#bytes !== undefined) return this.#bytes.onFin(trailers);
    try {
      this.#reply.end(trailers);
      this.#call?.fin();
      if (this.#exchange.response.writableLength > 0) this.#watchReader();
    } catch (error) {
      this.#fail(asTunnelError(error));
    }
  }

  onReset(error: TunnelError): void {
    if (this.#bytes !== undefined) return this.#bytes.onReset(error);
    this.#call = undefined;
    this.#fail(error);
  }

  onWritable(): void {
    this.#bytes?.onWritable();
  }

  // ----------------------------------------------------------------------------------------------------------- ends

  #fail(error: TunnelError): void {
    this.#letGo(error);
    if (this.#state === "over") return;
    this.#error = error.code;
    if (this.#reply.status !== 0 || this.#socket.destroyed) {
      this.#socket.resetAndDestroy();
      return;
    }
    this.#state = "answering";
    this.#reply.fault(faultReply(error, this.#id, { method: "GET", contentType: undefined, soapAction: false }), {
      ...{ close: true, hold: false },
    });
    if (this.#exchange.response.writableLength > 0) this.#watchReader();
  }

  #letGo(error: TunnelError): void {
    this.#ticket?.cancel();
    this.#ticket = undefined;
    this.#call?.reset(error);
    this.#call = undefined;
  }

  #done(outcome: Pick<AccessEntry, "status" | "error" | "requestBytes" | "responseBytes">): void {
    this.#state = "over";
    this.#unwatchReader();
    const { request, connection } = this.#exchange;
    if (this.#admitted) this.#deps.quotas.release(connection.clientAddress);
    const entry: AccessEntry = {
      id: this.#id,
      listener: connection.listener,
      connection: connection.id,
      client: connection.clientAddress,
      method: request.method ?? "",
      target: request.url ?? "",
      status: outcome.status,
      error: outcome.error,
      requestBytes: outcome.requestBytes,
      responseBytes: outcome.responseBytes,
      durationMs: this.#deps.clock.now() - this.#startedMs,
    };
    this.#span?.end(entry);
    this.#deps.onDone(entry);
  }
}

function ignore(): void {}

function asTunnelError(error: unknown): TunnelError {
  return error instanceof TunnelError ? error : new TunnelError("INTERNAL", "the router failed", error);
}
