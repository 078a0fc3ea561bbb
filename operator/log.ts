import { type Logger, pino } from "pino";

export type Log = Logger;

/** JSON lines on standard error. Keys are never handed to it. */
export function createLog(level: string): Log {
  const base = { name: "sallyport-operator" };
  return pino({ name: base.name, level, base, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}
