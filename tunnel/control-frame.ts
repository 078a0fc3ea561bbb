import type { BatchWriter } from "@sallyport/proto/batch-writer";
import type { GoAway, Limits, LinkHello } from "@sallyport/proto/frame";

/** Frames that go before all data. */
export type ControlFrame =
  | { readonly t: "ping"; readonly nonce: number; readonly ack: boolean }
  | { readonly t: "credit"; readonly call: number; readonly bytes: number }
  | {
      readonly t: "reset";
      readonly call: number;
      readonly code: number;
      readonly message: string;
      readonly retryAfterMs?: number;
    }
  | { readonly t: "commit"; readonly call: number }
  | { readonly t: "taken"; readonly call: number; readonly repeatable: boolean }
  | { readonly t: "goAway"; readonly goAway: GoAway }
  | { readonly t: "linkHello"; readonly hello: LinkHello }
  | { readonly t: "linkWelcome"; readonly limits: Limits };

/** False when it does not fit in the batch. */
export function writeControlFrame(writer: BatchWriter, frame: ControlFrame): boolean {
  switch (frame.t) {
    case "ping":
      return writer.ping(frame.nonce, frame.ack);
    case "credit":
      return writer.credit(frame.call, frame.bytes);
    case "reset":
      return writer.reset(frame.call, frame.code, frame.message, frame.retryAfterMs);
    case "commit":
      return writer.commit(frame.call);
    case "taken":
      return writer.taken(frame.call, frame.repeatable);
    case "goAway":
      return writer.goAway(frame.goAway);
    case "linkHello":
      return writer.linkHello(frame.hello);
    case "linkWelcome":
      return writer.linkWelcome(frame.limits);
  }
}
