import { docker, ownerLabel } from "./docker.ts";
import { owner } from "./owner.ts";

/** A Docker network of a test's own. */
export interface Network extends AsyncDisposable {
  readonly name: string;
  /** Removes it; nothing may be in it any more. */
  stop(): Promise<void>;
}

/** Makes a bridge network, in a range of Docker's choice unless `subnet` (CIDR) says which. */
export async function createNetwork(name: string, subnet?: string): Promise<Network> {
  const range = subnet === undefined ? [] : ["--subnet", subnet];
  await docker(["network", "create", "--label", `${ownerLabel}=${owner()}`, ...range, name]);
  const stop = async () => {
    await docker(["network", "rm", name]);
  };
  return { name, stop, [Symbol.asyncDispose]: stop };
}
