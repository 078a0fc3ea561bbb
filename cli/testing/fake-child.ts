import type { Child, ChildEvents, Spawn } from "../child.ts";
import type { Ending } from "../supervisor-state.ts";

/** A process that does what a test says. */
export class FakeChild implements Child {
  readonly pid: number | undefined;
  readonly args: readonly string[];
  /** What was sent to it, and the signals it got, in order. */
  readonly got: unknown[] = [];
  readonly #events: ChildEvents;
  readonly #onGot: (child: FakeChild, what: unknown) => void;
  #isEnded = false;

  constructor(
    pid: number | undefined,
    args: readonly string[],
    events: ChildEvents,
    onGot: (child: FakeChild, what: unknown) => void,
  ) {
    this.pid = pid;
    this.args = args;
    this.#events = events;
    this.#onGot = onGot;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  send(message: object): void {
    this.#get(message);
  }

  kill(signal: NodeJS.Signals): void {
    this.#get(signal);
  }

  #get(what: unknown): void {
    this.got.push(what);
    this.#onGot(this, what);
  }

  says(message: unknown): void {
    this.#events.onMessage(message);
  }

  writes(stream: "stdout" | "stderr", line: string): void {
    this.#events.onLine(stream, line);
  }

  ends(ending: Ending): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#events.onEnd(ending);
  }
}

/** Processes in the order of their start, numbered from `firstPid`. */
export class FakeChildren {
  readonly all: FakeChild[] = [];
  readonly #onGot: (child: FakeChild, what: unknown) => void;
  #nextPid: number;

  /** `onGot` hears of every message and signal, and may answer by what it does a microtask later. */
  constructor(firstPid: number, onGot: (child: FakeChild, what: unknown) => void = () => {}) {
    this.#nextPid = firstPid;
    this.#onGot = onGot;
  }

  readonly spawn: Spawn = (args, events) => {
    const child = new FakeChild(this.#nextPid++, args, events, this.#onGot);
    this.all.push(child);
    return child;
  };

  get last(): FakeChild {
    const last = this.all.at(-1);
    if (last === undefined) throw new Error("no process was started");
    return last;
  }

  get running(): FakeChild[] {
    return this.all.filter(({ isEnded }) => !isEnded);
  }
}
