import { durationBetween } from "@sallyport/proto/duration";
import { Command, InvalidArgumentError, Option } from "commander";
import { caSettleTime } from "./identity/plan.ts";

/** The operator's flags: docs/adr/0011. */
export interface Flags {
  readonly dmzImage: string;
  readonly intranetImage: string;
  readonly imagePullPolicy: string;
  readonly imagePullSecrets: readonly string[];
  readonly watchNamespaces: readonly string[];
  readonly leaderElectionNamespace: string | undefined;
  readonly trustDomain: string;
  readonly clusterDomain: string;
  readonly caSettleTime: string;
  readonly metricsPort: number;
  readonly healthPort: number;
  readonly logLevel: string;
}

/** The command; `run` gets its flags. */
export function operatorCommand(run: (flags: Flags) => Promise<void>): Command {
  return new Command("sallyport-operator")
    .description("runs tunnels in a cluster from ReverseTunnels and TunnelRoutes")
    .helpOption("-h, --help", "show this help")
    .requiredOption("--dmz-image <image>", "R1's image")
    .requiredOption("--intranet-image <image>", "R2's image")
    .addOption(
      new Option("--image-pull-policy <policy>", "when the routers' images are pulled")
        .choices(["Always", "IfNotPresent", "Never"])
        .default("IfNotPresent"),
    )
    .option("--image-pull-secrets <names>", "Secrets for the routers' images, with commas between them", list, [])
    .option("--watch-namespaces <names>", "the namespaces to look at, with commas between them (none: all)", list, [])
    .option("--leader-election-namespace <name>", "where the Lease is (default: the operator's own namespace)")
    .option("--trust-domain <name>", "of the certificates' SPIFFE URIs", matching(domain, "a domain name"), "sallyport")
    .option("--cluster-domain <name>", "of the Services' names", matching(domain, "a domain name"), "cluster.local")
    .option(
      "--ca-settle-time <duration>",
      "how long a phase of a CA's replacement lasts at least, 5s to 24h; by then every router must have its Secret anew",
      settleTime,
      caSettleTime,
    )
    .option("--metrics-port <port>", "serves /metrics", portNumber, 8080)
    .option("--health-port <port>", "serves /livez and /readyz", portNumber, 8081)
    .addOption(
      new Option("--log-level <level>", "what is logged at least")
        .choices(["trace", "debug", "info", "warn", "error"])
        .default("info"),
    )
    .allowExcessArguments(false)
    .addHelpText("after", examples)
    .action((flags: Flags) => run(flags));
}

const examples = `
Examples:
  In a cluster, where the chart installs it:
    sallyport-operator --dmz-image=example.com/sallyport-r1:0.1.0 \\
      --intranet-image=example.com/sallyport-r2:0.1.0

  On your machine, against the cluster of a kubeconfig:
    KUBECONFIG=~/.kube/config sallyport-operator --dmz-image=… --intranet-image=… \\
      --leader-election-namespace=default --log-level=debug

Exit codes: 0 it was told to stop, 1 it could not go on (another operator took over), 2 wrong flags.
`;

const domain = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const namePattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

function list(text: string): string[] {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const bad = names.find((name) => !namePattern.test(name));
  if (bad !== undefined) throw new InvalidArgumentError(`${JSON.stringify(bad)} is not a name.`);
  return names;
}

function matching(pattern: RegExp, what: string): (text: string) => string {
  return (text) => {
    if (!pattern.test(text)) throw new InvalidArgumentError(`It is not ${what}.`);
    return text;
  };
}

/** Bounds of how long a new CA is waited for; below the least one no kubelet brings a Secret in time. */
const settleTimes = durationBetween("5s", "24h");

function settleTime(text: string): string {
  const parsed = settleTimes.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError("It is not a duration from 5s to 24h, such as 10m.");
  return parsed.data;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^[0-9]{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("It is not a port, 0 to 65535.");
  return port;
}
