import type { Side } from "@sallyport/tunnel/identity";
import { Command } from "commander";
import { exitCodeText, runTexts } from "./exit-code-text.ts";
import type { RouterOptions } from "./router-run.ts";

/** `sallyport r1` and `sallyport r2`. */
export function routerCommand(side: Side, run: (options: RouterOptions) => Promise<void>): Command {
  const { name, where, live } = texts[side];
  return new Command(name)
    .description(`run ${where}, for production`)
    .usage("--config FILE")
    .helpOption("-h, --help", "show this help")
    .requiredOption("--config <file>", "the router's configuration, YAML or JSON")
    .option("--verbose", "show where an error came from")
    .allowExcessArguments(false)
    .addHelpText(
      "after",
      `\n${describe(name, live)}\n${exitCodeText({ ...runTexts, usage: "wrong options or configuration" })}`,
    )
    .action(({ config, verbose = false }: { readonly config: string; readonly verbose?: boolean }) =>
      run({ side, config, verbose }),
    );
}

const texts = {
  dmz: {
    name: "r1",
    where: "R1, the router in the DMZ that takes calls from clients",
    live: "certificates, timeouts, waiting calls",
  },
  intranet: { name: "r2", where: "R2, the router in the intranet that dials R1", live: "routes, R1s, certificates" },
} as const;

function describe(name: string, live: string): string {
  return `Examples:
  sallyport ${name} --config /etc/sallyport/${name}.yaml
  kill -HUP PID      read the configuration again, and the files it names (done by itself when one changes)
  kill PID           finish the calls in flight, then end

What can change while it runs does (${live}, and more). A configuration that cannot be used is refused and the
old one stays: the log, /statusz and the metric sallyport_config_valid say so. The log is JSON on standard error.
docs/two-machines.md has a whole set-up.
`;
}
