import { type Logger, pino } from "pino";

export type Log = Logger;

/** JSON lines on standard error; standard output is for people. Keys and certificates are never handed to it. */
export function createLog(name: string, level: string): Log {
  return pino({ name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}
