import { type Node, parse } from "acorn";

export interface Instrumented {
  /** On the same lines as before. */
  readonly source: string;
  /** Strings written in the code that an input may have to hold. */
  readonly tokens: readonly string[];
}

/** The name by which instrumented code finds its counters. */
export const countersKey = "sallyport.fuzz.counters";

/**
 * Puts a counter wherever the way through the code forks: functions, branches (an `else` that is not written too), loops,
 * cases, handlers, `&&`, `||`, `??` and `?:`. `next` gives each its number.
 */
export function instrument(source: string, sourceType: "module" | "script", next: () => number): Instrumented {
  const edits = new Edits(source);
  const tokens = new Set<string>();
  const count = () => `$fuzz[${next()}]++`;
  const tree = parse(source, {
    ecmaVersion: "latest",
    sourceType,
    allowHashBang: true,
    allowReturnOutsideFunction: true,
  });
  visit(tree as AnyNode, (node) => {
    if (node.type === "Literal") addToken(node.value, tokens);
    else editors[node.type]?.(node, edits, count);
  });
  const start = `const $fuzz = globalThis[Symbol.for("${countersKey}")];`;
  return { source: edits.apply(start), tokens: [...tokens] };
}

/** ESTree; acorn's types say nothing of the fields that only some nodes have. */
// biome-ignore lint/suspicious/noExplicitAny: see above
type AnyNode = Node & { readonly [field: string]: any };
type Count = () => string;
type Editor = (node: AnyNode, edits: Edits, count: Count) => void;

const editors: Readonly<Record<string, Editor>> = {
  FunctionDeclaration: intoBody,
  FunctionExpression: intoBody,
  ArrowFunctionExpression: (node, edits, count) => {
    if (node.expression === true) edits.expression(node.body, count());
    else intoBody(node, edits, count);
  },
  IfStatement: (node, edits, count) => {
    if (node.alternate === null) edits.close(node.end, ` else {${count()}}`);
    else edits.statement(node.alternate, count());
    edits.statement(node.consequent, count());
  },
  ForStatement: loop,
  ForInStatement: loop,
  ForOfStatement: loop,
  WhileStatement: loop,
  DoWhileStatement: loop,
  CatchClause: intoBody,
  SwitchCase: (node, edits, count) => {
    if (node.consequent.length > 0) edits.open(node.consequent[0].start, `${count()};`);
  },
  ConditionalExpression: (node, edits, count) => {
    edits.expression(node.consequent, count());
    edits.expression(node.alternate, count());
  },
  LogicalExpression: (node, edits, count) => edits.expression(node.right, count()),
};

function intoBody(node: AnyNode, edits: Edits, count: Count): void {
  const directives = node.body.body.filter((statement: AnyNode) => statement.directive !== undefined);
  edits.open(directives.at(-1)?.end ?? node.body.start + 1, `;${count()};`);
}

function loop(node: AnyNode, edits: Edits, count: Count): void {
  edits.statement(node.body, count());
}

/** Text to put in. Of several at one place the outer node, which is visited first, encloses the inner. */
class Edits {
  readonly #source: string;
  readonly #opening = new Map<number, string>();
  readonly #closing = new Map<number, string>();

  constructor(source: string) {
    this.#source = source;
  }

  open(at: number, text: string): void {
    this.#opening.set(at, (this.#opening.get(at) ?? "") + text);
  }

  close(at: number, text: string): void {
    this.#closing.set(at, text + (this.#closing.get(at) ?? ""));
  }

  expression(node: AnyNode, counted: string): void {
    this.open(node.start, `(${counted},`);
    this.close(node.end, ")");
  }

  statement(node: AnyNode, counted: string): void {
    if (node.type === "BlockStatement") {
      this.open(node.start + 1, `${counted};`);
      return;
    }
    this.open(node.start, `{${counted};`);
    this.close(node.end, "}");
  }

  apply(start: string): string {
    const places = [...new Set([...this.#opening.keys(), ...this.#closing.keys()])].sort((a, b) => a - b);
    let result = start;
    let from = 0;
    for (const at of places) {
      result += this.#source.slice(from, at) + (this.#closing.get(at) ?? "") + (this.#opening.get(at) ?? "");
      from = at;
    }
    return result + this.#source.slice(from);
  }
}

function visit(node: AnyNode, each: (node: AnyNode) => void): void {
  each(node);
  for (const value of Object.values(node)) {
    for (const inner of Array.isArray(value) ? value : [value]) {
      if (typeof inner?.type === "string") visit(inner as AnyNode, each);
    }
  }
}

function addToken(value: unknown, tokens: Set<string>): void {
  if (typeof value === "string" && tokenPattern.test(value)) tokens.add(value);
}

/** Messages for people are no tokens. */
const tokenPattern = /^\S{2,40}$/;
