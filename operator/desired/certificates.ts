import type { ReverseTunnel } from "@sallyport/proto/resource";
import { type Env, namespacesOf } from "../facts.ts";
import { type KubeObject, keyOf } from "../kube-object.ts";
import { annotation, labelsOf, namesOf } from "../names.ts";
import { ownedObject } from "./owned-object.ts";

/** What cert-manager is asked for, where it signs: one leaf for each side and the operator's own. */
export function certificates(tunnel: ReverseTunnel, env: Env): KubeObject[] {
  const { issuerRef, certificate } = tunnel.spec.identity;
  if (issuerRef === undefined) return [];
  const { metadata } = tunnel;
  const names = namesOf(metadata).identity;
  const namespaces = namespacesOf(tunnel);
  return (["dmz", "intranet", "operator"] as const).map((side) => {
    const of = side === "operator" ? {} : { side };
    const namespace = side === "dmz" ? namespaces.dmz : namespaces.intranet;
    return ownedObject(
      "Certificate",
      metadata,
      { namespace, name: names[side], ...of },
      {
        spec: {
          secretName: names[side],
          // So that the watch, and at the end the cleanup, find it.
          secretTemplate: {
            labels: labelsOf(metadata, of),
            annotations: { [annotation.tunnel]: keyOf(metadata) },
          },
          issuerRef,
          duration: certificate.duration,
          ...(certificate.renewBefore === undefined ? {} : { renewBefore: certificate.renewBefore }),
          uris: [`spiffe://${env.trustDomain}/tunnel/${keyOf(metadata)}/${side}`],
          usages: ["digital signature", "server auth", "client auth"],
          privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" },
        },
      },
    );
  });
}
