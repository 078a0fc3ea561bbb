import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Documents, parseDocuments } from "@sallyport/proto/documents";
import type { TunnelRoute } from "@sallyport/proto/resource";
import type { Spawn } from "./child.ts";
import type { Supervised } from "./supervisor.ts";

/** The sample service and its documents: what `sallyport dev` runs without -f. */
export interface Sample {
  /** tunnel.yaml. */
  readonly documents: URL;
  readonly spawn: Spawn;
}

export async function sampleDocuments(sample: Sample): Promise<Documents> {
  return parseDocuments(await readFile(sample.documents, "utf8"), fileURLToPath(sample.documents));
}

/** The service as a process; a restarted one comes back on its port, since R2s know it. */
export function sampleService(sample: Sample): Supervised {
  return {
    name: "calculator",
    spawn: sample.spawn,
    args: (ports) => ["--port", String(ports.http ?? 0)],
    // It takes no orders.
    drain: (child) => child.kill("SIGTERM"),
  };
}

/** The routes with every url of theirs replaced by the service's. */
export function withSamplePort(routes: readonly TunnelRoute[], port: number): TunnelRoute[] {
  const url = `http://127.0.0.1:${port}`;
  return routes.map((route) => {
    const backendRefs = route.spec.backendRefs.map((ref) => ("url" in ref ? { ...ref, url } : ref));
    return { ...route, spec: { ...route.spec, backendRefs } };
  });
}
