import { CommanderError } from "commander";
import { exitCodes } from "./cli-error.ts";
import { errorText, exitCodeOf } from "./error-text.ts";
import { type Actions, createProgram, type ProgramOutput } from "./program.ts";

/** Runs the program with these arguments. Answers the exit code; throws nothing. */
export async function run(
  args: readonly string[],
  version: string,
  output: ProgramOutput,
  actions: Actions,
): Promise<number> {
  let exitCode: number = exitCodes.fine;
  const program = createProgram(version, output, actions, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has said it already; with exit code 0 it was help or the version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
    output.err(errorText(error, args.includes("--verbose")));
    return exitCodeOf(error);
  }
}
