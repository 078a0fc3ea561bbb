import { PatchStrategy } from "@kubernetes/client-node";
import type { ClusterApi, Listed, ListOptions, Preconditions, WatchEvent, WatchOptions } from "../cluster-api.ts";
import { isNotFound, KubeError } from "../kube-error.ts";
import { type KindName, type KubeObject, kinds, type ObjectMeta, type ObjectRef, refOf } from "../kube-object.ts";
import { fieldManager } from "../names.ts";
import type { ApiRequest, Connection } from "./connection.ts";

/** A request that is not a watch is given up after this long. */
const requestTimeoutMs = 30_000;
/** Objects of one page of a list. */
const pageSize = 500;
/** A watch ends after this long and half as long again at most, so that not all end together. */
const watchTimeoutSeconds = 240;

export interface KubeApiOptions {
  readonly connection: Connection;
  /** Ends everything that is under way. */
  readonly signal: AbortSignal;
  /** In [0, 1). */
  readonly random: () => number;
}

/** An API server. Patches name their strategy, always: a strategic merge is nobody's intent here. */
export class KubeApi implements ClusterApi {
  readonly #options: KubeApiOptions;

  constructor(options: KubeApiOptions) {
    this.#options = options;
  }

  async get(ref: ObjectRef): Promise<KubeObject | undefined> {
    try {
      return await this.#object({ method: "GET", path: pathOf(ref) });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async list(kind: KindName, { namespace, labelSelector }: ListOptions = {}): Promise<Listed> {
    const items: KubeObject[] = [];
    let next: string | undefined;
    for (;;) {
      const query = { limit: String(pageSize), labelSelector, continue: next };
      const answer = await this.#json({ method: "GET", path: collectionPath(kind, namespace), query });
      const page = answer as ListAnswer;
      // The entries of a list carry neither.
      for (const item of page.items ?? []) items.push({ ...item, apiVersion: kinds[kind].apiVersion, kind });
      next = page.metadata.continue;
      if (next === undefined || next === "") return { items, resourceVersion: page.metadata.resourceVersion ?? "" };
    }
  }

  async watch(
    kind: KindName,
    { namespace, labelSelector, resourceVersion, signal, onEvent }: WatchOptions,
  ): Promise<void> {
    const seconds = Math.round(watchTimeoutSeconds * (1 + this.#options.random() / 2));
    const query = {
      ...{ watch: "true", allowWatchBookmarks: "true", timeoutSeconds: String(seconds) },
      ...{ resourceVersion, labelSelector },
    };
    const ends = AbortSignal.any([signal, this.#options.signal]);
    const request: ApiRequest = { method: "GET", path: collectionPath(kind, namespace), query, signal: ends };
    await this.#options.connection.lines(request, (line) => onEvent(eventOf(kind, line)));
  }

  create(object: KubeObject): Promise<KubeObject> {
    const { kind, namespace } = refOf(object);
    return this.#object({
      ...{ method: "POST", path: collectionPath(kind, namespace), body: object },
      query: { fieldManager },
    });
  }

  apply(object: KubeObject): Promise<KubeObject> {
    return this.#object({
      ...{ method: "PATCH", path: pathOf(refOf(object)), body: object },
      contentType: PatchStrategy.ServerSideApply,
      query: { fieldManager, force: "true" },
    });
  }

  update(object: KubeObject): Promise<KubeObject> {
    return this.#object({ method: "PUT", path: pathOf(refOf(object)), body: object, query: { fieldManager } });
  }

  patchMeta(ref: ObjectRef, metadata: Partial<ObjectMeta>): Promise<KubeObject> {
    return this.#merge(pathOf(ref), { metadata });
  }

  patchStatus(ref: ObjectRef, status: object, resourceVersion: string | undefined): Promise<KubeObject> {
    const metadata = resourceVersion === undefined ? {} : { metadata: { resourceVersion } };
    return this.#merge(`${pathOf(ref)}/status`, { ...metadata, status });
  }

  async delete(ref: ObjectRef, preconditions: Preconditions = {}): Promise<boolean> {
    try {
      const body = { propagationPolicy: "Background", preconditions };
      await this.#json({ method: "DELETE", path: pathOf(ref), body });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  #merge(path: string, body: object): Promise<KubeObject> {
    return this.#object({
      ...{ method: "PATCH", path, body },
      contentType: PatchStrategy.MergePatch,
      query: { fieldManager },
    });
  }

  async #object(request: Omit<ApiRequest, "signal">): Promise<KubeObject> {
    return (await this.#json(request)) as KubeObject;
  }

  #json(request: Omit<ApiRequest, "signal">): Promise<unknown> {
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(requestTimeoutMs)]);
    return this.#options.connection.json({ ...request, signal });
  }
}

interface ListAnswer {
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubeObject[];
}

function collectionPath(kind: KindName, namespace: string | undefined): string {
  const { apiVersion, plural } = kinds[kind];
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return namespace === undefined
    ? `${group}/${plural}`
    : `${group}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

function pathOf({ kind, namespace, name }: ObjectRef): string {
  return `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`;
}

function eventOf(kind: KindName, line: unknown): WatchEvent {
  const { type, object } = line as { readonly type: string; readonly object: KubeObject };
  switch (type) {
    case "ADDED":
    case "MODIFIED":
      return { t: "changed", object };
    case "DELETED":
      return { t: "deleted", object };
    case "BOOKMARK":
      return { t: "bookmark", resourceVersion: object.metadata.resourceVersion ?? "" };
    default: {
      const { code = 0, reason = "", message = type } = object as { code?: number; reason?: string; message?: string };
      throw new KubeError(`watch of ${kind}: ${message}`, { status: code, reason });
    }
  }
}
