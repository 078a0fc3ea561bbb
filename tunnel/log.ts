import { type Logger, pino } from "pino";

export type Log = Logger;

/** An access log of a line per call must not cost a system call each: lines are gathered to this many characters … */
const gatheredLength = 32 * 1024;
/** … and never wait longer than this. What a killed process had gathered is lost. */
const gatheredMs = 250;
/** Of a log that nobody reads: what comes then is dropped and counted. */
const unreadBytesMax = 16 * 1024 * 1024;

/** How long the end of a process waits for somebody to read the last of it. */
const exitMs = 1_000;

/** One per process, so that lines keep their order. */
let standardError: GatheredLines | undefined;

/** JSON lines on standard error; standard output is for people. Keys and certificates are never handed to it. */
export function createLog(name: string, level: string): Log {
  return pino({ name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime }, lines());
}

/** One line of JSON, its line feed included, in order with those of every log. */
export function writeLine(line: string): void {
  lines().write(line);
}

/** Bytes of the log that were dropped because nobody read it. */
export function droppedLogBytes(): number {
  return standardError?.droppedBytes ?? 0;
}

function lines(): GatheredLines {
  standardError ??= new GatheredLines();
  return standardError;
}

/** Gathers here and not in pino's destination, which would measure all that it has gathered at each line. */
class GatheredLines {
  droppedBytes = 0;
  readonly #destination = pino.destination({
    ...{ dest: 2, sync: false, maxWrite: 2 * gatheredLength, maxLength: unreadBytesMax },
    // Without an end a process whose log nobody reads could not end either.
    retryEAGAIN: () => this.#exitMs === 0 || performance.now() - this.#exitMs < exitMs,
  });
  #gathered = "";
  #exitMs = 0;

  constructor() {
    // Somebody who no longer reads the log must not end the process.
    this.#destination.on("error", () => {});
    this.#destination.on("drop", (text: string) => {
      this.droppedBytes += Buffer.byteLength(text);
    });
    setInterval(() => this.#handOver(), gatheredMs).unref();
    process.on("exit", () => {
      this.#exitMs = performance.now();
      this.#handOver();
      try {
        this.#destination.flushSync();
      } catch {
        // It was not open yet, or is closed.
      }
    });
  }

  write(line: string): void {
    this.#gathered += line;
    if (this.#gathered.length >= gatheredLength) this.#handOver();
  }

  #handOver(): void {
    if (this.#gathered === "") return;
    const text = this.#gathered;
    this.#gathered = "";
    this.#destination.write(text);
  }
}
