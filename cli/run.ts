import { DocumentError } from "@sallyport/proto/document-error";
import { ConfigError } from "@sallyport/proto/router-config";
import { CommanderError } from "commander";
import { CliError, exitCodes } from "./cli-error.ts";
import type { DevOptions } from "./dev-options.ts";
import { createProgram, type ProgramOutput } from "./program.ts";

/** Runs the program with these arguments. Answers the exit code; throws nothing. */
export async function run(
  args: readonly string[],
  version: string,
  output: ProgramOutput,
  dev: (options: DevOptions) => Promise<number>,
): Promise<number> {
  let exitCode: number = exitCodes.fine;
  let verbose = false;
  const program = createProgram(version, output, async (options) => {
    verbose = options.verbose;
    exitCode = await dev(options);
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has said it already; with exit code 0 it was help or the version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
    output.err(errorText(error, verbose));
    return exitCodeOf(error);
  }
}

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

function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  return error instanceof DocumentError || error instanceof ConfigError ? exitCodes.usage : exitCodes.failed;
}

function isExpected(error: Error): boolean {
  return error instanceof CliError || error instanceof ConfigError;
}
