import { Command, CommanderError } from "commander";
import { exitCodes } from "./cli-error.ts";
import { errorText, exitCodeOf } from "./error-text.ts";

export interface ProgramOutput {
  /** Help, version and what a command is asked to print; each text has its line ends. */
  out(text: string): void;
  err(text: string): void;
}

/** A program without commands. It throws commander's CommanderError instead of ending the process. */
export function baseProgram(name: string, version: string, output: ProgramOutput): Command {
  return new Command(name)
    .version(version, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .configureOutput({
      writeOut: output.out,
      writeErr: output.err,
      outputError: (text, write) => write(text.replace(/^error: /, `${name}: `)),
    })
    .exitOverride()
    .showHelpAfterError("Its --help lists what there is.");
}

/** Runs a program; `exitCode` is what its command said. Answers the exit code; throws nothing. */
export async function runProgram(
  program: Command,
  args: readonly string[],
  output: ProgramOutput,
  exitCode: () => number,
): Promise<number> {
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode();
  } catch (error) {
    // Commander has said it already; with exit code 0 it was help or the version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
    output.err(errorText(error, args.includes("--verbose")));
    return exitCodeOf(error);
  }
}
