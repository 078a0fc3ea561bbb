import type { Preamble } from "./preamble.ts";
import { Mode } from "./record.ts";
import { RecordReader } from "./record-reader.ts";

/**
 * - `open`: envelopes may go both ways;
 * - `over`: both sides have said End, so what the client sends next is another session's preamble;
 * - `untracked`: the bytes cannot be read (an upgrade, a fault, what is no record), or have no such end (simplex): the
 *   connection stays with its destination until it is closed.
 */
export type TrackState = "open" | "over" | "untracked";

/**
 * Follows a session's records in both directions to where it ends: WCF keeps connections, and the next session on one may
 * be for another destination. It only looks: whatever the bytes are, they are to be passed on.
 */
export class SessionTrack {
  readonly #initiator = new RecordReader("initiator");
  readonly #receiver = new RecordReader("receiver");
  #initiatorEnded = false;
  #receiverEnded = false;
  #untracked: boolean;
  #answered = false;

  /** `bytes`: the preamble as it came, which it is not asked about. */
  constructor({ upgrade, mode }: Preamble, bytes: Buffer) {
    this.#untracked = upgrade !== "" || mode === Mode.simplex;
    this.#read(this.#initiator, bytes);
  }

  get state(): TrackState {
    if (this.#untracked) return "untracked";
    return this.#initiatorEnded && this.#receiverEnded ? "over" : "open";
  }

  /** The destination has said something: an acknowledgement, the answer to an upgrade, a fault. */
  get answered(): boolean {
    return this.#answered;
  }

  /** The client has said End; what it says after that is not this session's. */
  get initiatorEnded(): boolean {
    return this.#initiatorEnded && !this.#untracked;
  }

  /** How many of the client's bytes are this session's. */
  fromInitiator(bytes: Buffer): number {
    if (this.#untracked) return bytes.length;
    if (this.#initiatorEnded) return 0;
    this.#initiatorEnded = this.#read(this.#initiator, bytes);
    return this.#untracked || !this.#initiatorEnded ? bytes.length : this.#initiator.readBytes;
  }

  /** The same for the destination's. */
  fromReceiver(bytes: Buffer): number {
    this.#answered ||= bytes.length > 0;
    if (this.#untracked) return bytes.length;
    if (this.#receiverEnded) return 0;
    this.#receiverEnded = this.#read(this.#receiver, bytes);
    return this.#untracked || !this.#receiverEnded ? bytes.length : this.#receiver.readBytes;
  }

  /** Whether the side has said End. */
  #read(reader: RecordReader, bytes: Buffer): boolean {
    reader.push(bytes);
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.t === "end") return true;
      if (event.t === "fault" || event.t === "malformed" || event.t === "upgradeResponse") this.#untracked = true;
    }
    return false;
  }
}
