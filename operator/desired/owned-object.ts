import { type KindName, type KubeObject, keyOf, kinds } from "../kube-object.ts";
import { annotation, type LabelOptions, labelsOf, type TunnelKey } from "../names.ts";

export interface OwnedOptions extends LabelOptions {
  readonly namespace: string;
  readonly name: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** An object of the tunnel: found by its labels, never by an ownerReference, which no other namespace may hold. */
export function ownedObject(
  kind: KindName,
  tunnel: TunnelKey,
  { namespace, name, annotations, ...labels }: OwnedOptions,
  content: Readonly<Record<string, unknown>>,
): KubeObject {
  return {
    apiVersion: kinds[kind].apiVersion,
    kind,
    metadata: {
      namespace,
      name,
      labels: labelsOf(tunnel, labels),
      annotations: { ...annotations, [annotation.tunnel]: keyOf(tunnel) },
    },
    ...content,
  };
}
