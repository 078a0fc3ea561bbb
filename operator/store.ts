import { type KubeObject, keyOf } from "./kube-object.ts";

export interface StoreChange {
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

export type StoreListener = (change: StoreChange) => void;

/** The objects of one kind as they were last told; kept up to date by a `Reflector`. Bounded by what the cluster has. */
export class Store {
  readonly #objects = new Map<string, KubeObject>();
  readonly #listeners: StoreListener[] = [];

  onChange(listener: StoreListener): void {
    this.#listeners.push(listener);
  }

  get(namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#objects.get(keyOf({ namespace, name }));
  }

  all(): IterableIterator<KubeObject> {
    return this.#objects.values();
  }

  get size(): number {
    return this.#objects.size;
  }

  put(object: KubeObject): void {
    const key = keyOf(object.metadata);
    const before = this.#objects.get(key);
    if (before !== undefined && isSameVersion(before, object)) return;
    this.#objects.set(key, object);
    this.#tell({ before, after: object });
  }

  remove(object: { readonly metadata: KubeObject["metadata"] }): void {
    const key = keyOf(object.metadata);
    const before = this.#objects.get(key);
    if (before === undefined) return;
    this.#objects.delete(key);
    this.#tell({ before, after: undefined });
  }

  /** All objects anew, or those of one namespace; what is not among them is gone. */
  replace(objects: readonly KubeObject[], namespace?: string): void {
    const keys = new Set(objects.map(({ metadata }) => keyOf(metadata)));
    for (const [key, object] of this.#objects) {
      const isInScope = namespace === undefined || object.metadata.namespace === namespace;
      if (isInScope && !keys.has(key)) this.remove(object);
    }
    for (const object of objects) this.put(object);
  }

  #tell(change: StoreChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function isSameVersion(before: KubeObject, after: KubeObject): boolean {
  const { uid, resourceVersion } = after.metadata;
  return (
    resourceVersion !== undefined && before.metadata.resourceVersion === resourceVersion && before.metadata.uid === uid
  );
}
