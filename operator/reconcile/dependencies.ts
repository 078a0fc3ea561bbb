/** Which tunnels asked for what when they were last reconciled, so that a change of it brings them back. */
export class Dependencies {
  readonly #asked = new Map<string, ReadonlySet<string>>();
  readonly #askers = new Map<string, Set<string>>();

  /** What the tunnel depends on, whole. Empty: forgets it. */
  set(tunnel: string, things: ReadonlySet<string>): void {
    for (const thing of this.#asked.get(tunnel) ?? []) {
      if (!things.has(thing)) this.#drop(thing, tunnel);
    }
    for (const thing of things) {
      const askers = this.#askers.get(thing) ?? new Set<string>();
      askers.add(tunnel);
      this.#askers.set(thing, askers);
    }
    if (things.size === 0) this.#asked.delete(tunnel);
    else this.#asked.set(tunnel, things);
  }

  on(thing: string): readonly string[] {
    return [...(this.#askers.get(thing) ?? [])];
  }

  get size(): number {
    return this.#askers.size;
  }

  #drop(thing: string, tunnel: string): void {
    const askers = this.#askers.get(thing);
    askers?.delete(tunnel);
    if (askers?.size === 0) this.#askers.delete(thing);
  }
}

/** How things are named there. */
export const thing = {
  namespace: (name: string) => `Namespace ${name}`,
  service: (key: string) => `Service ${key}`,
  grantsIn: (namespace: string) => `ReferenceGrant ${namespace}`,
} as const;
