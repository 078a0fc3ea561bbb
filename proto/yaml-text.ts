import {
  Composer,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import { printable } from "./printable.ts";
import { pathText } from "./problem.ts";

/** The most keys and values of one document, those that aliases repeat included: an alias bomb ends here. */
export const valuesMax = 20_000;
/** The deepest nesting of lists and mappings. */
export const depthMax = 32;

/** A fault of the text itself. Lines and columns count from 1. */
export interface TextFault {
  readonly line: number;
  readonly column: number;
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** One document of a text. */
export interface TextDocument {
  /** Plain data, of use only without faults. */
  readonly value: unknown;
  readonly faults: readonly TextFault[];
  /** The line where the document's content starts. */
  readonly line: number;
  /** The line of the value at a path, or of what encloses it when it is not there. */
  lineOf(path: readonly PropertyKey[]): number;
}

/**
 * Documents of a YAML 1.2 text (JSON is one), read one by one, empty ones left out. Throws nothing: what the library
 * throws becomes a fault.
 */
export function* readYaml(text: string): Generator<TextDocument> {
  const lines = new LineCounter();
  // The library's own search for repeated keys takes seconds for 10,000 of them; `survey` has one.
  const composer = new Composer({
    schema: "core",
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  try {
    for (const document of composer.compose(new Parser(lines.addNewLine).parse(text))) {
      if (document.errors.length > 0 || !isEmpty(document)) yield readDocument(document, lines);
    }
  } catch (error) {
    yield unreadable([{ line: 1, column: 1, path: [], message: `cannot be read: ${printable(String(error))}` }]);
  }
}

function isEmpty(document: Document.Parsed): boolean {
  return document.contents === null || (isScalar(document.contents) && document.contents.value === null);
}

function readDocument(document: Document.Parsed, lines: LineCounter): TextDocument {
  const error = tellingError(document);
  if (error !== undefined)
    return unreadable([{ ...place(error.pos[0], lines), path: [], message: syntaxMessage(error) }]);
  const survey = new Survey(lines);
  survey.visit(document.contents, [], 0);
  if (survey.faults.length > 0) return unreadable(survey.faults);
  const { line } = place(document.contents?.range?.[0] ?? 0, lines);
  // `survey` has bounded what aliases repeat.
  return {
    value: document.toJS({ maxAliasCount: -1 }),
    faults: [],
    line,
    lineOf: (path) => survey.lineOf(path) ?? line,
  };
}

function unreadable(faults: readonly TextFault[]): TextDocument {
  const line = faults[0]?.line ?? 1;
  return { value: undefined, faults, line, lineOf: () => line };
}

/** Of a document's errors the first: the others mostly follow from it. */
function tellingError(document: Document.Parsed): YAMLError | undefined {
  return (
    document.errors.find((error) => error.code === "RESOURCE_EXHAUSTION") ??
    document.errors[0] ??
    document.warnings.find((warning) => warning.code === "TAG_RESOLVE_FAILED")
  );
}

function syntaxMessage(error: YAMLError): string {
  if (error.code === "RESOURCE_EXHAUSTION") return `is nested deeper than ${depthMax} levels`;
  const tag = /^Unresolved tag: (.*)/s.exec(error.message)?.[1];
  if (tag !== undefined) return `tag ${printable(tag)} is not known; leave it out`;
  return `is not YAML: ${printable(error.message)}`;
}

function place(offset: number, lines: LineCounter): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/** One walk over a document's nodes: where everything is, and what the library lets pass but should not be there. */
class Survey {
  readonly faults: TextFault[] = [];
  readonly #lines: LineCounter;
  readonly #lineByPath = new Map<string, number>();
  /** Values within each anchored node; undefined while the walk is in it. */
  readonly #sizes = new Map<string, number | undefined>();
  #size = 0;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  lineOf(path: readonly PropertyKey[]): number | undefined {
    for (let length = path.length; length > 0; length -= 1) {
      const line = this.#lineByPath.get(pathText(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return undefined;
  }

  visit(node: Node | null, path: readonly PropertyKey[], depth: number): void {
    if (node === null || this.#isOverSize(1, node, path)) return;
    if (depth > depthMax) this.#fault(node, path, `is nested deeper than ${depthMax} levels`);
    else if (isAlias(node)) this.#visitAlias(node, path);
    else this.#visitInner(node, path, depth);
  }

  #visitInner(node: Node, path: readonly PropertyKey[], depth: number): void {
    const anchor = isScalar(node) || isCollection(node) ? node.anchor : undefined;
    const sizeBefore = this.#size;
    if (anchor !== undefined) this.#sizes.set(anchor, undefined);
    if (isMap<Node, Node | null>(node)) this.#visitMap(node, path, depth);
    else if (isCollection(node)) this.#visitItems(node.items as (Node | null)[], path, depth);
    if (anchor !== undefined) this.#sizes.set(anchor, 1 + this.#size - sizeBefore);
  }

  #visitAlias(alias: Node & { readonly source: string }, path: readonly PropertyKey[]): void {
    const anchor = printable(alias.source, 80);
    const size = this.#sizes.get(alias.source);
    if (size !== undefined) this.#isOverSize(size, alias, path);
    else if (this.#sizes.has(alias.source)) this.#fault(alias, path, `alias *${anchor} stands within what it repeats`);
    else this.#fault(alias, path, `alias *${anchor} comes after no anchor &${anchor}; write the value out`);
  }

  #visitItems(items: readonly (Node | null)[], path: readonly PropertyKey[], depth: number): void {
    for (const [index, item] of items.entries()) {
      if (this.#size > valuesMax) return;
      const itemPath = [...path, index];
      this.#remember(itemPath, item);
      this.visit(item, itemPath, depth + 1);
    }
  }

  #visitMap(map: YAMLMap<Node, Node | null>, path: readonly PropertyKey[], depth: number): void {
    const lineByKey = new Map<string, number>();
    for (const pair of map.items) {
      if (this.#size > valuesMax) return;
      this.#visitPair(pair, lineByKey, path, depth);
    }
  }

  #visitPair(
    pair: Pair<Node, Node | null>,
    lineByKey: Map<string, number>,
    path: readonly PropertyKey[],
    depth: number,
  ): void {
    if (!isScalar(pair.key)) {
      this.#fault(pair.key, path, "has a key that is no plain text");
      return;
    }
    const key = String(pair.key.value ?? "");
    const keyPath = [...path, key];
    const earlier = lineByKey.get(key);
    if (earlier !== undefined) this.#fault(pair.key, keyPath, `is given twice, first in line ${earlier}; keep one`);
    else lineByKey.set(key, this.#remember(keyPath, pair.key));
    // A scalar key can be an anchor too.
    this.visit(pair.key, keyPath, depth);
    this.visit(pair.value, keyPath, depth + 1);
  }

  #remember(path: readonly PropertyKey[], node: Node | null): number {
    const { line } = place(node?.range?.[0] ?? 0, this.#lines);
    if (node !== null) this.#lineByPath.set(pathText(path), line);
    return line;
  }

  #isOverSize(size: number, node: Node, path: readonly PropertyKey[]): boolean {
    const wasOver = this.#size > valuesMax;
    this.#size += size;
    if (this.#size <= valuesMax) return false;
    if (!wasOver)
      this.#fault(node, path, `holds more than ${valuesMax} keys and values, aliases written out, up to here`);
    return true;
  }

  #fault(node: Node, path: readonly PropertyKey[], message: string): void {
    this.faults.push({ ...place(node.range?.[0] ?? 0, this.#lines), path, message });
  }
}
