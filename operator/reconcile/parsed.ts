import { check, pathText } from "@sallyport/proto/problem";
import { kinds, type ReverseTunnel, type TunnelRoute } from "@sallyport/proto/resource";
import type { KubeObject } from "../kube-object.ts";

export type Parsed<Resource> =
  | { readonly t: "ok"; readonly resource: Resource }
  | { readonly t: "bad"; readonly message: string };

interface Resources {
  readonly ReverseTunnel: ReverseTunnel;
  readonly TunnelRoute: TunnelRoute;
}

/** Objects are never changed, only replaced: what came of one stays true as long as it lives. */
const known = new WeakMap<KubeObject, Parsed<ReverseTunnel | TunnelRoute>>();

/** The resource with every default filled in. Bad: the API server took what this operator does not know. */
export function parseResource<Kind extends keyof Resources>(kind: Kind, object: KubeObject): Parsed<Resources[Kind]> {
  const found = known.get(object) ?? parse(kind, object);
  known.set(object, found);
  return found as Parsed<Resources[Kind]>;
}

function parse(kind: keyof Resources, object: KubeObject): Parsed<ReverseTunnel | TunnelRoute> {
  const { name, namespace, creationTimestamp, annotations = {} } = object.metadata;
  const metadata = { name, namespace, annotations, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) };
  const checked = check(kinds[kind], { apiVersion: object.apiVersion, kind, metadata, spec: object.spec });
  if (checked.t === "ok") return { t: "ok", resource: checked.value as ReverseTunnel | TunnelRoute };
  const problems = checked.problems.map(({ path, message }) => `${pathText(path)}: ${message}`);
  const mend = "correct it, or install the CustomResourceDefinitions and the operator of one release";
  return { t: "bad", message: `${problems.slice(0, problemsMax).join("; ")}; ${mend}` };
}

const problemsMax = 8;
