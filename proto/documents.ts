import { DocumentError, type DocumentProblem, type Origin, problemAt } from "./document-error.ts";
import { linkProblems } from "./document-links.ts";
import { printable, quoted } from "./printable.ts";
import { check } from "./problem.ts";
import { documentHeadSchema, type Kind, kinds, type ReverseTunnel, type TunnelRoute } from "./resource.ts";
import { readYaml, type TextDocument } from "./yaml-text.ts";

/** The most bytes of one file. */
export const fileBytesMax = 1024 * 1024;
/** The most documents of all files together. */
export const documentsMax = 2_500;

export interface Documents {
  readonly tunnels: ReverseTunnel[];
  readonly routes: TunnelRoute[];
}

export interface DocumentFile {
  readonly text: string;
  /** The file's name, for messages. */
  readonly source: string;
}

/** `parseDocumentFiles` of one file. */
export function parseDocuments(text: string, source: string): Documents {
  return parseDocumentFiles([{ text, source }]);
}

/**
 * The documents of YAML or JSON files, in their order, every default filled in. Where they include a tunnel, every
 * parentRef must name one of the tunnels and its sectionName one of its listeners; files of routes alone are taken
 * without: see `linkDocuments`. Throws DocumentError with the problems of all files.
 */
export function parseDocumentFiles(files: readonly DocumentFile[]): Documents {
  const reading: Reading = { entries: [], problems: [] };
  for (const file of files) readFile(file, reading);
  const { entries } = reading;
  const documents: Documents = {
    tunnels: entries.flatMap(({ resource }) => (resource?.kind === "ReverseTunnel" ? [resource] : [])),
    routes: entries.flatMap(({ resource }) => (resource?.kind === "TunnelRoute" ? [resource] : [])),
  };
  // What could not be read may be a tunnel, and every reference to it would look wrong.
  const mayLackTunnel = entries.some(({ identity, resource }) => !resource && identity?.kind !== "TunnelRoute");
  const isLinked = documents.tunnels.length > 0 && !mayLackTunnel;
  const problems = [...reading.problems, ...repeats(entries), ...(isLinked ? linkDocuments(documents) : [])];
  if (problems.length > 0) throw new DocumentError(inOrder(problems, files));
  return documents;
}

/** What `parentRefs` name that is not among the documents. Without any tunnel among them that is all of it. */
export function linkDocuments(documents: Documents): DocumentProblem[] {
  return linkProblems(documents.tunnels, documents.routes, originOf);
}

/** Where a resource that `parseDocuments` returned came from; any other one came from "", line 0. */
export function originOf(resource: ReverseTunnel | TunnelRoute): Origin {
  const { kind, metadata } = resource;
  return origins.get(resource) ?? { source: "", line: 0, document: labelOf({ kind, ...metadata }), lineOf: () => 0 };
}

const origins = new WeakMap<ReverseTunnel | TunnelRoute, Origin>();

interface Reading {
  readonly entries: Entry[];
  readonly problems: DocumentProblem[];
}

/** A document that was read, whether or not it can be used. */
interface Entry {
  readonly origin: Origin;
  readonly identity: Identity | undefined;
  readonly resource: ReverseTunnel | TunnelRoute | undefined;
}

interface Identity {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

function readFile({ text, source }: DocumentFile, reading: Reading): void {
  // Bytes are counted only where there can be too many: a UTF-16 unit is at least one of UTF-8.
  if (text.length > fileBytesMax || Buffer.byteLength(text) > fileBytesMax) {
    refuseFile(source, 0, `is longer than ${fileBytesMax} bytes; split it into several files`, reading);
    return;
  }
  let ordinal = 0;
  for (const document of readYaml(text)) {
    ordinal += 1;
    if (reading.entries.length >= documentsMax) {
      const message = `one document more than ${documentsMax}, the most of all files together; leave some out`;
      refuseFile(source, document.line, message, reading);
      return;
    }
    reading.entries.push(readDocument(document, source, ordinal, reading.problems));
  }
  if (ordinal > 0) return;
  refuseFile(
    source,
    0,
    "holds no document; write a ReverseTunnel and its TunnelRoutes, or leave the file out",
    reading,
  );
}

function refuseFile(source: string, line: number, message: string, reading: Reading): void {
  reading.problems.push({ source, line, column: 0, document: "", path: "", message });
  const origin: Origin = { source, line, document: "", lineOf: () => line };
  reading.entries.push({ origin, identity: undefined, resource: undefined });
}

function readDocument(document: TextDocument, source: string, ordinal: number, problems: DocumentProblem[]): Entry {
  const identity = identify(document.value);
  const label = identity === undefined ? `document ${ordinal}` : labelOf(identity);
  const origin: Origin = { source, line: document.line, document: label, lineOf: document.lineOf };
  for (const { line, column, path, message } of document.faults) {
    problems.push({ ...problemAt(origin, path, message), line, column });
  }
  if (document.faults.length > 0) return { origin, identity, resource: undefined };
  const kind = kindOf(document.value);
  const checked = check(kind === undefined ? documentHeadSchema : kinds[kind], document.value);
  if (checked.t === "bad") {
    problems.push(...checked.problems.map(({ path, message }) => problemAt(origin, path, message)));
    return { origin, identity, resource: undefined };
  }
  const resource = checked.value as ReverseTunnel | TunnelRoute;
  origins.set(resource, origin);
  return { origin, identity, resource };
}

function identify(value: unknown): Identity | undefined {
  const kind = kindOf(value);
  const metadata = (value as { readonly metadata?: unknown } | undefined)?.metadata;
  if (kind === undefined || typeof metadata !== "object" || metadata === null) return undefined;
  const { name, namespace = "default" } = metadata as { readonly name?: unknown; readonly namespace?: unknown };
  return typeof name === "string" && typeof namespace === "string" ? { kind, namespace, name } : undefined;
}

function kindOf(value: unknown): Kind | undefined {
  const kind = (value as { readonly kind?: unknown } | null | undefined)?.kind;
  return typeof kind === "string" && Object.hasOwn(kinds, kind) ? (kind as Kind) : undefined;
}

/** "TunnelRoute calc", with its namespace unless that is "default". */
function labelOf({ kind, namespace, name }: Identity): string {
  return printable(`${kind} ${namespace === "default" ? "" : `${namespace}/`}${name}`);
}

/** Documents that have the kind, namespace and name of an earlier one. */
function repeats(entries: readonly Entry[]): DocumentProblem[] {
  const first = new Map<string, Origin>();
  const problems: DocumentProblem[] = [];
  for (const { identity, origin } of entries) {
    if (identity === undefined) continue;
    const key = JSON.stringify([identity.kind, identity.namespace, identity.name]);
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, origin);
    else {
      const message = `is the name of the one at ${earlier.source}:${earlier.line} already; rename one or leave it out`;
      problems.push(problemAt(origin, ["metadata", "name"], `${quoted(identity.name)} ${message}`));
    }
  }
  return problems;
}

function inOrder(problems: readonly DocumentProblem[], files: readonly DocumentFile[]): DocumentProblem[] {
  const ranks = new Map(files.map(({ source }, index) => [source, index]));
  return problems.toSorted((a, b) => ranks.get(a.source)! - ranks.get(b.source)! || a.line - b.line);
}
