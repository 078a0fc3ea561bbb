import { type Logger, pino } from "pino";

export type Log = Logger;

/** An access log of a line per call must not cost a system call each: lines are gathered to this size … */
const gatheredBytes = 8 * 1024;
/** … and never wait longer than this. What a killed process had gathered is lost. */
const gatheredMs = 250;

type Destination = ReturnType<typeof pino.destination>;
/** One per process, so that lines keep their order. */
let standardError: Destination | undefined;

/** JSON lines on standard error; standard output is for people. Keys and certificates are never handed to it. */
export function createLog(name: string, level: string): Log {
  standardError ??= openStandardError();
  return pino({ name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime }, standardError);
}

function openStandardError(): Destination {
  const destination = pino.destination({ dest: 2, sync: false, minLength: gatheredBytes });
  // Somebody who no longer reads the log must not end the process.
  destination.on("error", () => {});
  setInterval(() => destination.flush(), gatheredMs).unref();
  process.on("exit", () => {
    try {
      destination.flushSync();
    } catch {
      // It was not open yet, or is closed.
    }
  });
  return destination;
}
