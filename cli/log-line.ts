import { printable } from "@sallyport/proto/printable";

/** pino's levels by number. */
const levelNames = new Map([
  [10, "trace"],
  [20, "debug"],
  [30, "info"],
  [40, "warn"],
  [50, "error"],
  [60, "fatal"],
]);
export const warnLevel = 40;
export const everyLevel = 0;

const shownLengthMax = 2_000;
/** Of no use where one reads along, or said already by the line's prefix. */
const omitted = new Set(["level", "time", "name", "pid", "hostname", "msg"]);

/**
 * A line of a process's standard error, for people: a JSON log line as `warn: message {"more":"fields"}`, any other line
 * as it is. Undefined when its level is below `leastLevel`. Controls are escaped: nothing reaches the terminal raw.
 */
export function logLine(line: string, leastLevel: number): string | undefined {
  const record = parseRecord(line);
  if (record === undefined) return line === "" ? undefined : printable(line, shownLengthMax);
  if (record.level < leastLevel) return undefined;
  const level = levelNames.get(record.level) ?? `level ${record.level}`;
  const fields = Object.entries(record).filter(([key]) => !omitted.has(key));
  const more = fields.length === 0 ? "" : ` ${JSON.stringify(Object.fromEntries(fields))}`;
  return printable(`${level}: ${typeof record.msg === "string" ? record.msg : ""}${more}`, shownLengthMax);
}

interface LogRecord {
  readonly level: number;
  readonly msg?: unknown;
}

function parseRecord(line: string): LogRecord | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is LogRecord {
  return typeof value === "object" && value !== null && "level" in value && typeof value.level === "number";
}
