import { Command, Option } from "commander";
import { exitCodes } from "./cli-error.ts";
import { type DevOptions, parseAddress, parsePairs, parsePort } from "./dev-options.ts";
import { loopback } from "./router-start.ts";

const defaultHealthPort = 8085;

export interface ProgramOutput {
  /** Help and version; each text has its line ends. */
  out(text: string): void;
  err(text: string): void;
}

/** The program `sallyport`: its commands and options. It throws commander's CommanderError instead of ending the process. */
export function createProgram(
  version: string,
  output: ProgramOutput,
  dev: (options: DevOptions) => Promise<void>,
): Command {
  const program = new Command("sallyport")
    .description("Calls come in to services in a closed network through connections that only go out.")
    .version(version, "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .configureOutput({
      writeOut: output.out,
      writeErr: output.err,
      outputError: (text, write) => write(text.replace(/^error: /, "sallyport: ")),
    })
    .exitOverride()
    .showHelpAfterError("Its --help lists what there is.")
    .addHelpText("after", `\n${examples}\n${exitCodeText}`);
  program.addCommand(devCommand(dev).copyInheritedSettings(program));
  return program;
}

function devCommand(dev: (options: DevOptions) => Promise<void>): Command {
  return new Command("dev")
    .description("run tunnels on this machine: the sample, or those of your documents")
    .usage("[-f FILE]... [options]")
    .helpOption("-h, --help", "show this help")
    .addOption(
      new Option(
        "-f, --file <file>",
        "ReverseTunnel and TunnelRoute documents, YAML or JSON; - is standard input; may be repeated",
      )
        .argParser((file: string, before: readonly string[]) => [...before, file])
        .default([], "the sample"),
    )
    .option("--pairs <n>", "pairs of routers per tunnel, instead of spec.pairs", parsePairs)
    .option(
      "--address <address>",
      "where listeners and health ports are open; 0.0.0.0: to the network",
      parseAddress,
      loopback,
    )
    .option("--health-port <port>", "of R1 0 of the first tunnel; 0: any free port", parsePort, defaultHealthPort)
    .option("--verbose", "show all that the routers log, and where an error came from")
    .allowExcessArguments(false)
    .addHelpText("after", `\n${examples}\n${exitCodeText}`)
    .action(({ file, ...flags }: DevFlags) => dev({ pairs: undefined, verbose: false, ...flags, files: file }));
}

interface DevFlags extends Pick<DevOptions, "address" | "healthPort"> {
  readonly file: readonly string[];
  readonly pairs?: number;
  readonly verbose?: boolean;
}

const examples = `Examples:
  sallyport dev                          the sample: http://localhost:8080/calculator
  sallyport dev -f tunnel.yaml           your own documents
  sallyport dev -f a.yaml -f b.yaml      documents in several files
  cat tunnel.yaml | sallyport dev -f -   from standard input
  sallyport dev --pairs 2                every tunnel with two pairs of routers

In this repository "npm start" is "sallyport dev", and "npm start -- -f tunnel.yaml" hands options on.
`;

const exitCodeText = `Exit codes:
  ${exitCodes.fine}    ended as asked, by Ctrl-C or a signal, after a drain
  ${exitCodes.failed}    something failed while it ran or started
  ${exitCodes.usage}    wrong options or documents
  ${exitCodes.interrupted}  ended at once by a second Ctrl-C (by another signal: 128 and its number)`;
