import { type KubeObject, keyOf } from "../kube-object.ts";
import type { Store } from "../store.ts";

/** The routes that name each tunnel, whether or not it exists. */
export class RouteIndex {
  readonly #byTunnel = new Map<string, Set<string>>();
  readonly #store: Store;

  /** `onTouched`: a route that names the tunnel, or did, has changed. */
  constructor(store: Store, onTouched: (tunnel: string) => void) {
    this.#store = store;
    store.onChange(({ before, after }) => {
      const left = before === undefined ? [] : tunnelsNamedBy(before);
      const named = after === undefined ? [] : tunnelsNamedBy(after);
      const route = keyOf((after ?? before)!.metadata);
      for (const tunnel of left) this.#drop(tunnel, route);
      for (const tunnel of named) this.#add(tunnel, route);
      // What the operator itself wrote to the status needs nobody.
      if (before !== undefined && after !== undefined && isSameSpec(before, after)) return;
      for (const tunnel of new Set([...left, ...named])) onTouched(tunnel);
    });
  }

  /** In the order of their names, so that the same routes are always the same input. */
  of(tunnel: string): KubeObject[] {
    return [...(this.#byTunnel.get(tunnel) ?? [])].sort().flatMap((key) => {
      const [namespace, name = ""] = key.split("/");
      return this.#store.get(namespace, name) ?? [];
    });
  }

  tunnels(): readonly string[] {
    return [...this.#byTunnel.keys()];
  }

  #add(tunnel: string, route: string): void {
    const routes = this.#byTunnel.get(tunnel) ?? new Set<string>();
    routes.add(route);
    this.#byTunnel.set(tunnel, routes);
  }

  #drop(tunnel: string, route: string): void {
    const routes = this.#byTunnel.get(tunnel);
    routes?.delete(route);
    if (routes?.size === 0) this.#byTunnel.delete(tunnel);
  }
}

function isSameSpec(before: KubeObject, after: KubeObject): boolean {
  return before.metadata.uid === after.metadata.uid && before.metadata.generation === after.metadata.generation;
}

interface RawRef {
  readonly name?: unknown;
  readonly namespace?: unknown;
}

/** "namespace/name" of each tunnel that a route names, each once. */
export function tunnelsNamedBy(route: KubeObject): string[] {
  const { parentRefs = [] } = (route.spec ?? {}) as { readonly parentRefs?: readonly RawRef[] };
  return [...new Set(parentRefs.map((ref) => tunnelNamedBy(ref, route)))];
}

/** "namespace/name" of the tunnel that a parentRef of the route names. */
export function tunnelNamedBy({ name, namespace }: RawRef, route: KubeObject): string {
  return keyOf({ namespace: String(namespace ?? route.metadata.namespace), name: String(name) });
}
