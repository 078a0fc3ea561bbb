import type { BatchWriter } from "@sallyport/proto/batch-writer";
import { dataFrameBytesMax } from "@sallyport/proto/frame";
import type { CallStream } from "./call-stream.ts";

/** DATA bytes of one turn beside other calls. docs/protocol.md, "Turns". */
const quantumBytes = 16 * 1024;
/** A batch is a sign of life only when it has arrived whole: on a slow line it must be small. */
const slowBatchBytes = 32 * 1024;

/**
 * Which call sends next. Newcomers, calls that did not fill their last turn, go before the round, so that a small
 * message is not queued behind every download of the link.
 */
export class Turns {
  readonly #newcomers: CallStream[] = [];
  readonly #round: CallStream[] = [];
  #sent: CallStream[] = [];

  get empty(): boolean {
    return this.#newcomers.length === 0 && this.#round.length === 0;
  }

  add(call: CallStream): void {
    call.active = true;
    if (call.lastTurnBytes < quantumBytes) this.#newcomers.push(call);
    else this.#round.push(call);
  }

  /** Fills the batch, or a small one on a `slow` line. Answers the calls that had a turn, to be woken once the batch is on its way. */
  fill(writer: BatchWriter, slow: boolean): readonly CallStream[] {
    this.#sent.length = 0;
    while (!slow || writer.bytes < slowBatchBytes) {
      const newcomer = this.#newcomers.shift();
      const call = newcomer ?? this.#round.shift();
      if (call === undefined) return this.#sent;
      if (call.state === "closed") {
        call.active = false;
        continue;
      }
      const result = call.writeTurn(writer, this.empty && !slow ? dataFrameBytesMax : quantumBytes);
      this.#sent.push(call);
      if (result === "full") {
        if (newcomer) this.#newcomers.unshift(call);
        else this.#round.unshift(call);
        return this.#sent;
      }
      if (result === "more") this.#round.push(call);
      else call.active = false;
    }
    return this.#sent;
  }
}
