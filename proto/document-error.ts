import { pathText, problemLines, problemsShownMax } from "./problem.ts";

export interface DocumentProblem {
  /** The file, as the caller named it; "" for a document that came from no text. */
  readonly source: string;
  /** From 1; 0 when it is the whole file's. */
  readonly line: number;
  /** From 1; 0 when only the line is known. */
  readonly column: number;
  /** "TunnelRoute calc"; "" when it is not one document's. */
  readonly document: string;
  /** "spec.backendRefs[0].url"; "" when it is the whole document's. */
  readonly path: string;
  readonly message: string;
}

/** Documents that cannot be used: their problems in the order of the files, one per line of the message. */
export class DocumentError extends Error {
  /** The first 50. */
  readonly problems: readonly DocumentProblem[];
  readonly problemsTotal: number;

  constructor(problems: readonly DocumentProblem[]) {
    super(problemLines(problems.map(formatProblem)));
    this.name = "DocumentError";
    this.problems = problems.slice(0, problemsShownMax);
    this.problemsTotal = problems.length;
  }
}

/** `file.yaml:12: TunnelRoute calc: spec.backendRefs[0].url: "ftp://x" is not an http://, https://, tcp:// or tls:// URL` */
export function formatProblem({ source, line, column, document, path, message }: DocumentProblem): string {
  const place = [source, ...(line > 0 ? [line] : []), ...(column > 0 ? [column] : [])].join(":");
  return [
    ...(source === "" ? [] : [place]),
    ...(document === "" ? [] : [document]),
    ...(path === "" ? [] : [path]),
    message,
  ].join(": ");
}

/** Where a document came from. */
export interface Origin {
  readonly source: string;
  readonly line: number;
  /** "TunnelRoute calc", with its namespace unless that is "default". */
  readonly document: string;
  /** The line of the value at a path, or of what encloses it when it is not there. */
  lineOf(path: readonly PropertyKey[]): number;
}

export function problemAt(origin: Origin, path: readonly PropertyKey[], message: string): DocumentProblem {
  const { source, document } = origin;
  return { source, line: origin.lineOf(path), column: 0, document, path: pathText(path), message };
}
