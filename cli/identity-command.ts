import { Command, InvalidArgumentError } from "commander";
import { wholeNumber } from "./dev-options.ts";
import { exitCodeText } from "./exit-code-text.ts";
import type { IdentityOptions } from "./identity-files.ts";
import { trustDomain as defaultTrustDomain } from "./router-start.ts";

const defaultDays = 365;
const daysMax = 3_650;

export function identityCommand(make: (options: IdentityOptions) => Promise<void>): Command {
  return new Command("identity")
    .description("make the keys and certificates of a tunnel's two routers, each for its machine")
    .usage("--tunnel NAMESPACE/NAME --out DIR [options]")
    .helpOption("-h, --help", "show this help")
    .requiredOption("--out <dir>", "the folder; it gets ca/, r1/ and r2/")
    .option("--tunnel <namespace/name>", "the tunnel, as in the routers' configuration", parseTunnel)
    .option("--days <n>", "how long the routers' certificates are valid", parseDays, defaultDays)
    .option(
      "--trust-domain <name>",
      `as in the routers' configuration (default: ${defaultTrustDomain})`,
      parseTrustDomain,
    )
    .option("--renew", "new keys and certificates from the CA in DIR/ca, which stays")
    .option("--force", "everything new, over what is there, the CA too")
    .option("--verbose", "show where an error came from")
    .allowExcessArguments(false)
    .addHelpText("after", `\n${examples}\n${exitCodes}`)
    .action(async (flags: IdentityFlags, command: Command) => {
      const { out, tunnel, days, trustDomain, renew = false, force = false, verbose = false } = flags;
      if (renew && force) command.error("error: --renew keeps the CA and --force makes a new one; give one of both");
      if (!renew && tunnel === undefined)
        command.error("error: required option '--tunnel <namespace/name>' not specified");
      await make({ out, tunnel, days, trustDomain, renew, force, verbose });
    });
}

interface IdentityFlags extends Pick<IdentityOptions, "out" | "days"> {
  readonly tunnel?: string;
  readonly trustDomain?: string;
  readonly renew?: boolean;
  readonly force?: boolean;
  readonly verbose?: boolean;
}

function parseTunnel(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError("Give namespace/name, such as default/partners.");
}

function parseTrustDomain(text: string): string {
  if (/^[a-z0-9]([-a-z0-9._]{0,253}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError("Give a name in lower-case letters, such as example.com.");
}

function parseDays(text: string): number {
  return wholeNumber(text, 1, daysMax);
}

const examples = `Examples:
  sallyport identity --tunnel apps/partners --out ids     everything, for a year
  sallyport identity --out ids --renew                    new certificates, in time before the old ones end
  sallyport identity --tunnel apps/partners --out ids --days 90

ids/r1 belongs on the machine in the DMZ, ids/r2 on the one in the intranet, ids/ca on neither.
`;

const exitCodes = exitCodeText({
  fine: "made",
  failed: "the files could not be written",
  usage: "wrong options, or something is there already",
});
