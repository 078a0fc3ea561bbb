import { type ProgramOutput, runProgram } from "./base-program.ts";
import { exitCodes } from "./cli-error.ts";
import { type Actions, createProgram } from "./program.ts";

/** Runs the program with these arguments. Answers the exit code; throws nothing. */
export function run(
  args: readonly string[],
  version: string,
  output: ProgramOutput,
  actions: Actions,
): Promise<number> {
  let exitCode: number = exitCodes.fine;
  const program = createProgram(version, output, actions, (code) => {
    exitCode = code;
  });
  return runProgram(program, args, output, () => exitCode);
}
