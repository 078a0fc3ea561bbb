import type { KindName, KubeObject, ObjectMeta, ObjectRef } from "./kube-object.ts";

export interface ListOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
}

export interface Listed {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
}

export type WatchEvent =
  | { readonly t: "changed"; readonly object: KubeObject }
  | { readonly t: "deleted"; readonly object: KubeObject }
  /** Nothing changed up to this version. */
  | { readonly t: "bookmark"; readonly resourceVersion: string };

export interface WatchOptions extends ListOptions {
  readonly resourceVersion: string;
  readonly signal: AbortSignal;
  readonly onEvent: (event: WatchEvent) => void;
}

export interface Preconditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/** One cluster's API server: `KubeApi` of kube/, or a fake in tests. Everything throws KubeError. */
export interface ClusterApi {
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  list(kind: KindName, options?: ListOptions): Promise<Listed>;
  /** Settles when the watch ended: resolved when the server ended it in time, rejected otherwise. */
  watch(kind: KindName, options: WatchOptions): Promise<void>;
  create(object: KubeObject): Promise<KubeObject>;
  /** Server-side apply by the one field manager, by force. */
  apply(object: KubeObject): Promise<KubeObject>;
  /** Only if it still has the resourceVersion of `object`. */
  update(object: KubeObject): Promise<KubeObject>;
  /** A merge patch of annotations and finalizers; with a resourceVersion only if the object still has it. */
  patchMeta(ref: ObjectRef, metadata: Partial<ObjectMeta>): Promise<KubeObject>;
  /** A merge patch of the subresource `status`, if the object still has this resourceVersion. */
  patchStatus(ref: ObjectRef, status: object, resourceVersion: string | undefined): Promise<KubeObject>;
  /** In the background. False when it was gone already. */
  delete(ref: ObjectRef, preconditions?: Preconditions): Promise<boolean>;
}
