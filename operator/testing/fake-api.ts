import { isDeepStrictEqual } from "node:util";
import type { ClusterApi, Listed, ListOptions, Preconditions, WatchOptions } from "../cluster-api.ts";
import { KubeError } from "../kube-error.ts";
import {
  type KindName,
  type KubeObject,
  kinds,
  type ObjectMeta,
  type ObjectRef,
  refOf,
  refText,
} from "../kube-object.ts";

type Verb = "get" | "list" | "watch" | "create" | "apply" | "update" | "patchMeta" | "patchStatus" | "delete";

interface Watcher {
  readonly kind: KindName;
  readonly options: WatchOptions;
  readonly end: (error?: Error) => void;
  isSilent: boolean;
}

/**
 * An API server in memory: versions, generations, finalizers, watches, preconditions. It knows no field managers: what is
 * applied replaces the fields that it names.
 */
export class FakeApi implements ClusterApi {
  readonly #objects = new Map<string, KubeObject>();
  readonly #watchers = new Set<Watcher>();
  readonly #failures: { readonly verb: Verb; readonly kind: KindName; readonly error: Error; times: number }[] = [];
  readonly #absent = new Set<KindName>();
  /** "apply Deployment dmz/x", in order; reads are not among them. */
  readonly writes: string[] = [];
  #version = 0;

  /** The next `times` requests of this sort fail. */
  fail(verb: Verb, kind: KindName, error: Error, times = 1): void {
    this.#failures.push({ verb, kind, error, times });
  }

  /** The cluster has no such kind. */
  leaveOut(kind: KindName): void {
    this.#absent.add(kind);
  }

  /** As a person would, by kubectl: makes the object, or replaces it. */
  put(object: KubeObject): KubeObject {
    const before = this.#objects.get(refText(refOf(object)));
    return this.#store(
      before === undefined ? object : { ...object, metadata: { ...before.metadata, ...object.metadata } },
    );
  }

  /** As a controller of the cluster would. */
  setStatus(ref: ObjectRef, status: object): void {
    const before = this.#objects.get(refText(ref));
    if (before !== undefined) this.#store({ ...before, status });
  }

  remove(ref: ObjectRef): void {
    const before = this.#objects.get(refText(ref));
    if (before !== undefined) this.#delete(before);
  }

  read(ref: ObjectRef): KubeObject | undefined {
    return this.#objects.get(refText(ref));
  }

  all(kind: KindName): KubeObject[] {
    return [...this.#objects.values()].filter((object) => object.kind === kind);
  }

  /** Ends all watches of a kind as a broken connection would. */
  breakWatches(kind: KindName, error: Error): void {
    for (const watcher of [...this.#watchers]) if (watcher.kind === kind) watcher.end(error);
  }

  /** The watches of a kind stay open and hear nothing any more, as behind a broken middlebox. */
  silence(kind: KindName): void {
    for (const watcher of this.#watchers) if (watcher.kind === kind) watcher.isSilent = true;
  }

  async get(ref: ObjectRef): Promise<KubeObject | undefined> {
    this.#check("get", ref.kind);
    return this.#objects.get(refText(ref));
  }

  async list(kind: KindName, options: ListOptions = {}): Promise<Listed> {
    this.#check("list", kind);
    return { items: this.all(kind).filter((one) => fits(one, options)), resourceVersion: String(this.#version) };
  }

  async watch(kind: KindName, options: WatchOptions): Promise<void> {
    this.#check("watch", kind);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = (error?: Error): void => {
      this.#watchers.delete(watcher);
      if (error === undefined) resolve();
      else reject(error);
    };
    const watcher: Watcher = { kind, options, end, isSilent: false };
    this.#watchers.add(watcher);
    options.signal.addEventListener("abort", () => end(options.signal.reason as Error));
    for (const object of this.all(kind)) {
      const isNews = Number(object.metadata.resourceVersion) > Number(options.resourceVersion);
      if (isNews && fits(object, options)) options.onEvent({ t: "changed", object });
    }
    return promise;
  }

  async create(object: KubeObject): Promise<KubeObject> {
    this.#check("create", object.kind as KindName);
    if (this.#objects.has(refText(refOf(object))))
      throw new KubeError("exists", { status: 409, reason: "AlreadyExists" });
    return this.#write("create", object);
  }

  async apply(object: KubeObject): Promise<KubeObject> {
    this.#check("apply", object.kind as KindName);
    const before = this.#objects.get(refText(refOf(object)));
    this.#checkVersion(before, object.metadata.resourceVersion);
    if (before === undefined) return this.#write("apply", object);
    const { resourceVersion: _, ...metadata } = object.metadata;
    const labels = { ...before.metadata.labels, ...metadata.labels };
    const annotations = { ...before.metadata.annotations, ...metadata.annotations };
    const after = { ...before, ...object, metadata: { ...before.metadata, ...metadata, labels, annotations } };
    return this.#write("apply", after);
  }

  async update(object: KubeObject): Promise<KubeObject> {
    this.#check("update", object.kind as KindName);
    this.#checkVersion(this.#objects.get(refText(refOf(object))), object.metadata.resourceVersion);
    return this.#write("update", object);
  }

  async patchMeta(ref: ObjectRef, patch: Partial<ObjectMeta>): Promise<KubeObject> {
    this.#check("patchMeta", ref.kind);
    const before = this.#existing(ref);
    this.#checkVersion(before, patch.resourceVersion);
    const annotations = { ...before.metadata.annotations, ...patch.annotations };
    const after = { ...before, metadata: { ...before.metadata, ...patch, annotations } };
    const written = this.#write("patchMeta", after);
    const { deletionTimestamp, finalizers = [] } = written.metadata;
    if (deletionTimestamp !== undefined && finalizers.length === 0) this.#delete(written);
    return written;
  }

  async patchStatus(ref: ObjectRef, status: object, resourceVersion: string | undefined): Promise<KubeObject> {
    this.#check("patchStatus", ref.kind);
    const before = this.#existing(ref);
    this.#checkVersion(before, resourceVersion);
    const merged = Object.entries({ ...(before.status as object), ...status }).filter(([, value]) => value !== null);
    return this.#write("patchStatus", { ...before, status: Object.fromEntries(merged) });
  }

  async delete(ref: ObjectRef, { uid }: Preconditions = {}): Promise<boolean> {
    this.#check("delete", ref.kind);
    const before = this.#objects.get(refText(ref));
    if (before === undefined) return false;
    if (uid !== undefined && before.metadata.uid !== uid) throw conflict();
    this.writes.push(`delete ${refText(ref)}`);
    this.#delete(before);
    return true;
  }

  #write(verb: Verb, object: KubeObject): KubeObject {
    this.writes.push(`${verb} ${refText(refOf(object))}`);
    return this.#store(object);
  }

  #store(object: KubeObject): KubeObject {
    const key = refText(refOf(object));
    const before = this.#objects.get(key);
    if (before !== undefined && isDeepStrictEqual(before, { ...before, ...object })) return before;
    this.#version += 1;
    const isSpecSame = before !== undefined && isDeepStrictEqual(before.spec, object.spec);
    const generation = (before?.metadata.generation ?? 0) + (isSpecSame ? 0 : 1);
    const metadata: ObjectMeta = {
      creationTimestamp: "2026-11-24T11:00:00Z",
      uid: `uid-${this.#version}`,
      ...object.metadata,
      ...(before?.metadata.uid === undefined ? {} : { uid: before.metadata.uid }),
      generation,
      resourceVersion: String(this.#version),
    };
    const stored = { ...object, metadata };
    this.#objects.set(key, stored);
    this.#tell(stored, "changed", before);
    return stored;
  }

  #delete(object: KubeObject): void {
    const { finalizers = [], deletionTimestamp } = object.metadata;
    if (finalizers.length > 0) {
      if (deletionTimestamp === undefined)
        this.#store({ ...object, metadata: { ...object.metadata, deletionTimestamp: "2026-11-24T12:00:00Z" } });
      return;
    }
    this.#version += 1;
    this.#objects.delete(refText(refOf(object)));
    this.#tell({ ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } }, "deleted");
  }

  /** What fits a watch no more is deleted to it. */
  #tell(object: KubeObject, t: "changed" | "deleted", before?: KubeObject): void {
    for (const { kind, options, isSilent } of this.#watchers) {
      if (kind !== object.kind || isSilent) continue;
      if (fits(object, options)) options.onEvent({ t, object });
      else if (before !== undefined && fits(before, options)) options.onEvent({ t: "deleted", object });
    }
  }

  #existing(ref: ObjectRef): KubeObject {
    const object = this.#objects.get(refText(ref));
    if (object === undefined) throw new KubeError(`${refText(ref)} not found`, { status: 404, reason: "NotFound" });
    return object;
  }

  #check(verb: Verb, kind: KindName): void {
    if (!(kind in kinds)) throw new Error(`no kind ${kind}`);
    if (this.#absent.has(kind)) throw new KubeError(`no kind ${kind}`, { status: 404, reason: "NotFound" });
    const failure = this.#failures.find((one) => one.verb === verb && one.kind === kind && one.times > 0);
    if (failure === undefined) return;
    failure.times -= 1;
    throw failure.error;
  }

  #checkVersion(before: KubeObject | undefined, resourceVersion: string | undefined): void {
    if (resourceVersion !== undefined && before?.metadata.resourceVersion !== resourceVersion) throw conflict();
  }
}

function conflict(): KubeError {
  return new KubeError("the object has been modified", { status: 409, reason: "Conflict" });
}

function fits({ metadata }: KubeObject, { namespace, labelSelector }: ListOptions): boolean {
  if (namespace !== undefined && metadata.namespace !== namespace) return false;
  const wanted = (labelSelector ?? "").split(",").filter((part) => part !== "");
  return wanted.every((part) => {
    const [key = "", value] = part.split("=");
    return metadata.labels?.[key] === value;
  });
}
