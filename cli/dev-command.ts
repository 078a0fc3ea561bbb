import { Command, Option } from "commander";
import { type DevOptions, parseAddress, parseListenPort, parseOtlp, parsePairs, parsePort } from "./dev-options.ts";
import { exitCodeText, runTexts } from "./exit-code-text.ts";
import { loopback } from "./router-start.ts";

const defaultHealthPort = 8085;
const defaultListenPort = 8080;

export function devCommand(dev: (options: DevOptions) => Promise<void>): Command {
  return new Command("dev")
    .description("run tunnels on this machine: the sample, one to a service of yours, or those of your documents")
    .usage("[--to URL | -f FILE...] [options]")
    .helpOption("-h, --help", "show this help")
    .addOption(
      new Option(
        "-f, --file <file>",
        "ReverseTunnel and TunnelRoute documents, YAML or JSON; - is standard input; may be repeated; read again when changed",
      )
        .argParser((file: string, before: readonly string[]) => [...before, file])
        .default([], "the sample"),
    )
    .addOption(new Option("--to <url>", "one tunnel that takes every call to this service").conflicts("file"))
    .addOption(
      new Option("--listen <port>", `where clients call, with --to (default: ${defaultListenPort})`).argParser(
        parseListenPort,
      ),
    )
    .option("--pairs <n>", "pairs of routers per tunnel, instead of spec.pairs", parsePairs)
    .option(
      "--address <address>",
      "where listeners and health ports are open; 0.0.0.0: to the network",
      parseAddress,
      loopback,
    )
    .option("--health-port <port>", "of R1 0 of the first tunnel; 0: any free port", parsePort, defaultHealthPort)
    .option("--otlp <url>", "trace every call; where the routers' spans go, such as http://localhost:4318", parseOtlp)
    .option("--verbose", "show all that the routers log, and where an error came from")
    .addHelpText("after", `\n${examples}\n${exitCodeText(runTexts)}`)
    .action(async (flags: DevFlags, command: Command) => {
      const { file, to, listen, pairs, verbose = false, address, healthPort, otlp } = flags;
      const [word] = command.args;
      if (word !== undefined) {
        command.error(
          `error: '${word}' is no option; a document is given with -f ${word}, by npm: npm start -- -f ${word}`,
        );
      }
      if (to === undefined && listen !== undefined) {
        command.error("error: option '--listen <port>' needs '--to <url>'; documents name their own ports");
      }
      const target = to === undefined ? undefined : { url: to, port: listen ?? defaultListenPort };
      await dev({ files: file, to: target, pairs, verbose, address, healthPort, otlp });
    });
}

interface DevFlags extends Pick<DevOptions, "address" | "healthPort"> {
  readonly file: readonly string[];
  readonly to?: string;
  readonly listen?: number;
  readonly pairs?: number;
  readonly verbose?: boolean;
  readonly otlp?: string;
}

const examples = `Examples:
  sallyport dev                                    the sample: http://localhost:8080/calculator
  sallyport dev --to http://localhost:3000         every call to port 8080 goes to port 3000
  sallyport dev --to http://10.0.0.7 --listen 8081
  sallyport dev -f tunnel.yaml                     your own documents
  sallyport dev -f a.yaml -f b.yaml                documents in several files
  cat tunnel.yaml | sallyport dev -f -             from standard input
  sallyport dev --pairs 2                          every tunnel with two pairs of routers
`;
