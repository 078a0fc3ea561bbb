import { DocumentError } from "@sallyport/proto/document-error";
import { ConfigError } from "@sallyport/proto/router-config";
import { CliError, exitCodes } from "./cli-error.ts";

/** One line per problem. A stack trace only when asked for. */
export function errorText(error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return `sallyport: ${String(error)}\n`;
  const text = verbose ? (error.stack ?? error.message) : error.message;
  // Problems of documents start with their place, as editors and terminals know it.
  if (error instanceof DocumentError) return `${text}\n`;
  const hint = isExpected(error) || verbose ? "" : " (a fault of sallyport; --verbose shows where)";
  return `${text
    .split("\n")
    .map((line) => `sallyport: ${line}`)
    .join("\n")}${hint}\n`;
}

/** The exit code that an error ends the program with. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  return error instanceof DocumentError || error instanceof ConfigError ? exitCodes.usage : exitCodes.failed;
}

function isExpected(error: Error): boolean {
  return error instanceof CliError || error instanceof ConfigError;
}
