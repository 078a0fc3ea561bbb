import { hostname } from "node:os";
import { durationMs } from "@sallyport/proto/duration";
import type { Command, CommanderError } from "commander";
import { systemClock } from "./clock.ts";
import { KubeApi } from "./kube/api.ts";
import { Connection, loadKubeConfig } from "./kube/connection.ts";
import { createLog } from "./log.ts";
import { OperatorMetrics } from "./metrics.ts";
import { Operator } from "./operator.ts";
import { type Flags, operatorCommand } from "./options.ts";
import { openGrpcWatch } from "./report/grpc-watch.ts";
import { ReportStreams } from "./report/report-streams.ts";

/** The operator as a program: composes the parts, runs until it is told to stop. */
const exitCode = { ok: 0, failed: 1, usage: 2 } as const;

await main(process.argv, process.env);

async function main(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const command: Command = operatorCommand(async (flags) => {
    process.exitCode = await run(flags, environment);
  }).exitOverride();
  try {
    await command.parseAsync(argv);
  } catch (error) {
    const { exitCode: asked, code } = error as CommanderError;
    if (code === undefined) throw error;
    process.exitCode = asked === 0 ? exitCode.ok : exitCode.usage;
  }
}

async function run(flags: Flags, environment: NodeJS.ProcessEnv): Promise<number> {
  const log = createLog(flags.logLevel);
  const stop = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    log.info({ signal: name }, "stopping");
    stop.abort();
  };
  process.once("SIGTERM", onSignal);
  process.once("SIGINT", onSignal);
  try {
    const operator = compose(flags, environment, log);
    await operator.listen();
    const told = await operator.run(stop.signal);
    log.info(told ? "stopped" : "no longer the leader");
    return told ? exitCode.ok : exitCode.failed;
  } catch (error) {
    log.fatal({ error: (error as Error).message }, "the operator cannot go on");
    return exitCode.failed;
  }
}

function compose(flags: Flags, environment: NodeJS.ProcessEnv, log: ReturnType<typeof createLog>): Operator {
  const { POD_NAMESPACE: operatorNamespace = "", POD_NAME: instance = hostname(), POD_UID: uid } = environment;
  const leaderElectionNamespace = flags.leaderElectionNamespace ?? (operatorNamespace || "default");
  // An owner in another namespace would be taken for one that is gone.
  const hasPod = uid !== undefined && leaderElectionNamespace === operatorNamespace;
  const connection = new Connection(loadKubeConfig(environment));
  const metrics = new OperatorMetrics();
  const random = Math.random;
  const { dmzImage, intranetImage, imagePullPolicy, imagePullSecrets, trustDomain, clusterDomain, caSettleTime } =
    flags;
  const reports = new ReportStreams({ open: openGrpcWatch, trustDomain, clock: systemClock, random, log, metrics });
  return new Operator(
    {
      env: {
        ...{ dmzImage, intranetImage, imagePullPolicy, imagePullSecrets },
        ...{ trustDomain, clusterDomain, caSettleMs: durationMs(caSettleTime), operatorNamespace },
      },
      watchNamespaces: flags.watchNamespaces.length === 0 ? undefined : flags.watchNamespaces,
      ...{ leaderElectionNamespace, instance },
      pod: hasPod ? { apiVersion: "v1", kind: "Pod", name: instance, uid } : undefined,
      ...{ metricsPort: flags.metricsPort, healthPort: flags.healthPort },
    },
    {
      connect: (signal) => new KubeApi({ connection, signal, random }),
      ...{ reports, clock: systemClock, random, log, metrics },
    },
  );
}
