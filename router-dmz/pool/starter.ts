import type { TunnelError } from "@sallyport/proto/error";
import type { Open } from "@sallyport/proto/frame";
import type { Call, CallEvents } from "@sallyport/tunnel/call";

/**
 * Starts calls on whatever link is to be used next. With no free link the call waits, bounded in number and time.
 * Exactly one of `started` and `failed` is called, perhaps before `start` returns; `cancel` before that prevents both.
 */
export interface CallStarter {
  start(open: Open, events: CallEvents, waiter: StartWaiter): StartTicket;
}

export interface StartWaiter {
  started(call: Call): void;
  /** NO_LINK, OVERLOADED or DRAINING. */
  failed(error: TunnelError): void;
}

export interface StartTicket {
  cancel(): void;
}
