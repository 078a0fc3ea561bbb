import type { Side } from "@sallyport/tunnel/identity";
import type { StartRouter } from "@sallyport/tunnel/process";
import { version } from "@sallyport/tunnel/software";
import { baseProgram, type ProgramOutput, runProgram } from "./base-program.ts";
import { exitCodes } from "./cli-error.ts";
import { clock } from "./clock.ts";
import { errorText } from "./error-text.ts";
import { Interrupts } from "./interrupts.ts";
import { routerCommand } from "./router-command.ts";
import { routerHost } from "./router-host.ts";
import { runRouter } from "./router-run.ts";

/** The program of one router's image: `r1 --config FILE` (`r2 …`), and no other command. Ends the process. */
export async function routerMain(side: Side, start: StartRouter): Promise<never> {
  const interrupts = new Interrupts(clock);
  process.on("uncaughtException", (error) => {
    process.stderr.write(errorText(error, process.argv.includes("--verbose")));
    process.exit(exitCodes.failed);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupts.receive(signal));
  const host = routerHost(side, start);
  let exitCode: number = exitCodes.fine;
  const command = routerCommand(side, async (options) => {
    exitCode = await runRouter(options, host, interrupts);
  });
  const program = baseProgram("sallyport", version, output);
  program.addCommand(command.copyInheritedSettings(program));
  process.exit(await runProgram(program, process.argv.slice(2), output, () => exitCode));
}

const output: ProgramOutput = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};
