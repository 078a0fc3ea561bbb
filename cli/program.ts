import type { Command } from "commander";
import { baseProgram, type ProgramOutput } from "./base-program.ts";
import type { CheckOptions } from "./check.ts";
import { checkCommand } from "./check-command.ts";
import { devCommand } from "./dev-command.ts";
import type { DevOptions } from "./dev-options.ts";
import { exitCodeText, runTexts } from "./exit-code-text.ts";
import { identityCommand } from "./identity-command.ts";
import type { IdentityOptions } from "./identity-files.ts";
import { routerCommand } from "./router-command.ts";
import type { RouterOptions } from "./router-run.ts";
import { schemaCommand } from "./schema-command.ts";

/** What the commands do. Each answers its exit code. */
export interface Actions {
  dev(options: DevOptions): Promise<number>;
  router(options: RouterOptions): Promise<number>;
  identity(options: IdentityOptions): Promise<number>;
  check(options: CheckOptions): Promise<number>;
  /** Undefined: all kinds. */
  schema(kind: string | undefined): Promise<number>;
}

/** The program `sallyport`: its commands and options. It throws commander's CommanderError instead of ending the process. */
export function createProgram(
  version: string,
  output: ProgramOutput,
  actions: Actions,
  onExit: (exitCode: number) => void,
): Command {
  const program = baseProgram("sallyport", version, output)
    .description("Calls come in to services in a closed network through connections that only go out.")
    .addHelpText("after", `\n${examples}\n${exitCodeText(runTexts)}`);
  const dev = devCommand(async (options) => onExit(await actions.dev(options)));
  const commands = [
    dev,
    routerCommand("dmz", async (options) => onExit(await actions.router(options))),
    routerCommand("intranet", async (options) => onExit(await actions.router(options))),
    identityCommand(async (options) => onExit(await actions.identity(options))),
    checkCommand(async (options) => onExit(await actions.check(options))),
    schemaCommand(async (kind) => onExit(await actions.schema(kind))),
  ];
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  // It refuses them itself, with the mend.
  dev.allowExcessArguments(true);
  return program;
}

const examples = `Examples:
  sallyport dev                                          the sample: http://localhost:8080/calculator
  sallyport dev --to http://localhost:3000               a tunnel to a service of yours
  sallyport dev -f tunnel.yaml                           tunnels as your documents say
  sallyport check -f tunnel.yaml --path /orders          which route takes a call, and why
  sallyport identity --tunnel apps/partners --out ids    certificates for two machines
  sallyport r1 --config r1.yaml                          the router in the DMZ
  sallyport r2 --config r2.yaml                          the router in the intranet

Each command's --help has more. In this repository "npm start" is "sallyport dev", and "npm start -- -f tunnel.yaml"
hands options on.
`;
