import type { IncomingMessage, ServerResponse } from "node:http";
import type { TunnelError } from "@sallyport/proto/error";
import type { ClientConnection } from "./connection.ts";

/** One request and the response it is owed. It is handed on when the response's turn on the connection has come. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly connection: ClientConnection;
  /** `Expect: 100-continue`: the client sends the body only after an interim 100, or when it tires of waiting. */
  readonly expectsContinue: boolean;
  /** It asks to switch protocols, and has no body. */
  readonly isUpgrade: boolean;
  #fault: TunnelError | undefined;
  #onFault: (error: TunnelError) => void = nothing;
  /** The client has closed its sending side, or all of its connection. */
  onClientEnd: () => void = nothing;
  /** The response's "close": once. */
  onResponseClose: () => void = nothing;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    connection: ClientConnection,
    expects: boolean,
    isUpgrade = false,
  ) {
    this.request = request;
    this.response = response;
    this.connection = connection;
    this.expectsContinue = expects;
    this.isUpgrade = isUpgrade;
  }

  /** Why the rest of the request cannot be read. */
  get fault(): TunnelError | undefined {
    return this.#fault;
  }

  /** Called once, when the request turns out to be broken; the connection is still there to be answered on. */
  set onFault(listener: (error: TunnelError) => void) {
    this.#onFault = listener;
  }

  fail(error: TunnelError): void {
    if (this.#fault !== undefined) return;
    this.#fault = error;
    this.#onFault(error);
  }
}

function nothing(): void {}
