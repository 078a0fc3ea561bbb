import { createHash } from "node:crypto";
import type { ReverseTunnel } from "@sallyport/proto/resource";
import type { Clusters } from "../cluster.ts";
import { desired } from "../desired/desired.ts";
import { type RouteShards, shardRoutes } from "../desired/route-shards.ts";
import { configFile } from "../desired/router-config.ts";
import { type Env, type Finding, namespacesOf } from "../facts.ts";
import { KubeError, lacksRight } from "../kube-error.ts";
import { type KubeObject, keyOf, refOf } from "../kube-object.ts";
import { label, namesOf, type Side } from "../names.ts";
import type { PairState, ReportOf, RouterPods } from "../status/pair-state.ts";
import { reasons } from "../validate/reasons.ts";
import type { RouteVerdict } from "../validate/route-verdict.ts";
import type { Applier } from "./applier.ts";
import type { IdentityKeeper, KeptIdentity } from "./identity-keeper.ts";
import type { OwnedIndex } from "./owned-index.ts";
import type { Refresh, Refresher } from "./refresher.ts";
import { isSettled, type PairRollout, pairsToApply } from "./rollout.ts";

export interface Programmed {
  readonly finding: Finding;
  readonly identity: KeptIdentity | undefined;
  /** When to come back, in ms; undefined: when something changes. */
  readonly againMs: number | undefined;
  /** What made it fail: to be tried again. */
  readonly error: Error | undefined;
}

export interface ProgramInput {
  readonly tunnel: ReverseTunnel;
  readonly routes: readonly RouteVerdict[];
  readonly pairs: readonly PairState[];
  readonly pods: RouterPods;
  readonly reportOf: ReportOf;
  /** How many R1s there are, those that are on their way out among them. */
  readonly dmzRouters: number;
}

export interface ProgrammerOptions {
  readonly clusters: Clusters;
  readonly env: Env;
  readonly applier: Applier;
  readonly owned: OwnedIndex;
  readonly identities: IdentityKeeper;
  readonly refresher: Refresher;
}

/** Makes a tunnel's objects as they are wanted. */
export class Programmer {
  readonly #options: ProgrammerOptions;

  constructor(options: ProgrammerOptions) {
    this.#options = options;
  }

  async program(input: ProgramInput): Promise<Programmed> {
    const sharded = shardRoutes(input.routes.flatMap(({ served }) => served ?? []));
    if (sharded.t === "tooLarge") {
      const finding = { holds: false, reason: reasons.routesTooLarge, message: sharded.message };
      return { finding, identity: undefined, againMs: undefined, error: undefined };
    }
    let identity: KeptIdentity | undefined;
    try {
      identity = await this.#options.identities.keep(input.tunnel);
    } catch (error) {
      return failed(reasons.identityFailed, error as Error, identity);
    }
    try {
      return await this.#apply(input, sharded.routes, identity);
    } catch (error) {
      return failed(reasons.applyFailed, error as Error, identity);
    }
  }

  /** Takes away what a tunnel that may not be has, but for the identity it would come back with. Throws KubeError. */
  async withdraw(tunnel: ReverseTunnel): Promise<void> {
    const { applier, owned, identities } = this.#options;
    const { dmz } = namespacesOf(tunnel);
    const kept = identities.refs(tunnel).filter(({ namespace }) => namespace !== dmz);
    await applier.prune(owned.of(keyOf(tunnel.metadata)), kept);
  }

  async #apply(input: ProgramInput, routes: RouteShards, identity: KeptIdentity): Promise<Programmed> {
    const { applier, owned, identities, env } = this.#options;
    const { tunnel } = input;
    const objects = desired(tunnel, routes, env, input.dmzRouters);
    for (const object of objects) if (object.kind !== "Deployment") await applier.apply(object);
    const waiting = await this.#applyPairs(input, objects);
    await applier.prune(owned.of(keyOf(tunnel.metadata)), [...objects.map(refOf), ...identities.refs(tunnel)]);
    const refreshMs = await this.#refresh(input, objects, routes, identity);
    const againMs = [refreshMs, identity.againMs].filter((ms) => ms !== undefined);
    const finding =
      waiting.length === 0
        ? { holds: true, reason: reasons.programmed, message: `${objects.length} objects are as wanted` }
        : { holds: false, reason: reasons.rollingOut, message: rolling(waiting, input.pairs) };
    return { finding, identity, againMs: againMs.length === 0 ? undefined : Math.min(...againMs), error: undefined };
  }

  /** Answers the pairs that wait for their turn. Throws KubeError. */
  async #applyPairs({ tunnel, pairs }: ProgramInput, objects: readonly KubeObject[]): Promise<number[]> {
    const { applier } = this.#options;
    const deployments = objects.filter(({ kind }) => kind === "Deployment");
    const ofPair = (pair: number) =>
      deployments.filter(({ metadata }) => metadata.labels?.[label.pair] === String(pair));
    const rollouts = Array.from({ length: tunnel.spec.pairs }, (_, pair): PairRollout => {
      const live = ofPair(pair).map((deployment) => applier.live(deployment));
      return {
        pair,
        isNew: live.every((one) => one === undefined),
        differs: ofPair(pair).some((deployment) => applier.differs(deployment)),
        isSettled: live.every(isSettled),
        carriesCalls: pairs[pair]?.carriesCalls ?? false,
        mayCarryCalls: pairs[pair]?.mayCarryCalls ?? false,
      };
    });
    const now = new Set(pairsToApply(rollouts));
    for (const pair of now) for (const deployment of ofPair(pair)) await applier.apply(deployment);
    return rollouts.filter(({ pair, differs }) => differs && !now.has(pair)).map(({ pair }) => pair);
  }

  /** Throws KubeError. */
  async #refresh(
    { tunnel, pods, reportOf }: ProgramInput,
    objects: readonly KubeObject[],
    { manifest }: RouteShards,
    { leafDigests, marks }: KeptIdentity,
  ): Promise<number | undefined> {
    const { refresher, clusters } = this.#options;
    const configHash = (side: Side) => sha256(configText(tunnel, side, objects));
    const dmz = pods.dmz.map((pod): Refresh => {
      return { pod, content: `${configHash("dmz").slice(0, 12)}-${marks.dmz}`, hasIt: undefined };
    });
    const wantedConfig = configHash("intranet");
    const content = `${manifest.generation}-${wantedConfig.slice(0, 12)}-${marks.intranet}`;
    const intranet = pods.intranet.map((pod): Refresh => {
      const found = reportOf(pod.uid)?.configuration;
      const hasIt =
        found !== undefined &&
        found.routes === manifest.generation &&
        found.config === wantedConfig &&
        found.certificate === leafDigests.intranet;
      return { pod, content, hasIt };
    });
    const waits = [
      await refresher.refresh(clusters.dmz.api, dmz),
      await refresher.refresh(clusters.intranet.api, intranet),
    ].filter((ms) => ms !== undefined);
    return waits.length === 0 ? undefined : Math.min(...waits);
  }
}

function configText(tunnel: ReverseTunnel, side: Side, objects: readonly KubeObject[]): string {
  const name = namesOf(tunnel.metadata).config[side];
  const map = objects.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name === name);
  return (map?.data as Record<string, string> | undefined)?.[configFile[side]] ?? "";
}

function rolling(waiting: readonly number[], pairs: readonly PairState[]): string {
  const behind = pairs.filter(({ pair, carriesCalls }) => !carriesCalls && !waiting.includes(pair));
  const why = behind.map(({ pair, problem }) => `pair ${pair}: ${problem}`).join("; ");
  const who = waiting.length === 1 ? `pair ${waiting[0]} waits` : `pairs ${waiting.join(", ")} wait`;
  return `${who} until the others carry calls again${why === "" ? "" : ` (${why})`}`;
}

function failed(reason: string, error: Error, identity: KeptIdentity | undefined): Programmed {
  const finding = lacksRight(error)
    ? {
        holds: false,
        reason: reasons.forbidden,
        message: `${error.message}; give the operator the rights in docs/operator.md`,
      }
    : { holds: false, reason, message: error.message };
  // What is no answer of an API server is a mistake of ours, and loud.
  if (!(error instanceof KubeError) && reason !== reasons.identityFailed) throw error;
  return { finding, identity, againMs: undefined, error };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
