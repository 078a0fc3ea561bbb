import type { ReverseTunnel } from "@sallyport/proto/resource";
import { manifestFile } from "@sallyport/proto/route-shards";
import { type Env, namespacesOf } from "../facts.ts";
import type { KubeObject } from "../kube-object.ts";
import { namesOf, type Side, selectorOf } from "../names.ts";
import { certificates } from "./certificates.ts";
import { deployment } from "./deployment.ts";
import { dmzPolicy, intranetPolicy } from "./network-policies.ts";
import { ownedObject } from "./owned-object.ts";
import { type RouteShards, shardFile } from "./route-shards.ts";
import { configFile, dmzConfig, intranetConfig, type RouterConfig } from "./router-config.ts";
import { clientService, tunnelService } from "./services.ts";

/**
 * Every object of the tunnel but its identity's Secrets, in the order in which they are applied: docs/adr/0011. Same
 * input, same bytes. `dmzRouters`: how many R1s there are still, after a tunnel has got fewer pairs.
 */
export function desired(
  tunnel: ReverseTunnel,
  routes: RouteShards,
  env: Env,
  dmzRouters = tunnel.spec.pairs,
): KubeObject[] {
  const configs = { dmz: dmzConfig(tunnel, env), intranet: intranetConfig(tunnel, env, dmzRouters) };
  const pairs = Array.from({ length: tunnel.spec.pairs }, (_, pair) => pair);
  return [
    dmzPolicy(tunnel),
    intranetPolicy(tunnel, env),
    ...certificates(tunnel, env),
    configMap(tunnel, "dmz", configs.dmz),
    configMap(tunnel, "intranet", configs.intranet),
    ...routeMaps(tunnel, routes),
    clientService(tunnel),
    ...pairs.map((pair) => tunnelService(tunnel, pair)),
    ...(pairs.length > 1 ? [budget(tunnel, "dmz"), budget(tunnel, "intranet")] : []),
    ...pairs.flatMap((pair) =>
      (["dmz", "intranet"] as const).map((side) =>
        deployment({ tunnel, side, pair, restartHash: configs[side].restartHash, env }),
      ),
    ),
  ];
}

function configMap(tunnel: ReverseTunnel, side: Side, { text }: RouterConfig): KubeObject {
  const { metadata } = tunnel;
  return ownedObject(
    "ConfigMap",
    metadata,
    { namespace: namespacesOf(tunnel)[side], name: namesOf(metadata).config[side], side },
    { data: { [configFile[side]]: text } },
  );
}

/** The shards first: R2 waits for those that the manifest names. */
function routeMaps(tunnel: ReverseTunnel, { manifest, shards }: RouteShards): KubeObject[] {
  const { metadata } = tunnel;
  const names = namesOf(metadata);
  const make = (name: string, content: Record<string, unknown>): KubeObject =>
    ownedObject("ConfigMap", metadata, { namespace: namespacesOf(tunnel).intranet, name, side: "intranet" }, content);
  return [
    ...[...shards].map(([index, bytes]) =>
      make(names.shard(index), { binaryData: { [shardFile(index)]: bytes.toString("base64") } }),
    ),
    make(names.routes, { data: { [manifestFile]: `${JSON.stringify(manifest, undefined, 2)}\n` } }),
  ];
}

/** Nodes can be drained one after the other; a router that is not well does not stand in the way. */
function budget(tunnel: ReverseTunnel, side: Side): KubeObject {
  const { metadata } = tunnel;
  const names = namesOf(metadata);
  return ownedObject(
    "PodDisruptionBudget",
    metadata,
    { namespace: namespacesOf(tunnel)[side], name: names.budget[side], side },
    {
      spec: {
        maxUnavailable: 1,
        unhealthyPodEvictionPolicy: "AlwaysAllow",
        selector: { matchLabels: selectorOf(metadata, { side }) },
      },
    },
  );
}
