import type { Verdict } from "./check.ts";
import type { Row } from "./suite.ts";
import { type WayName, wayNames } from "./way.ts";

/** docs/http-conformance.md: what was asked, and how it went in each way. */
export function conformancePage(rows: readonly Row[], haproxyVersion: string): string {
  const groups = [...Map.groupBy(rows, ({ check }) => check.group)];
  const sections = groups.map(([name, rows]) => `### ${name}\n\n${tableOf(rows)}`);
  return `${intro(rows.length, haproxyVersion)}\n${summary(rows)}\n\n## All checks\n\n${sections.join("\n\n")}\n`;
}

/** The name of a check as the page's tables have it. */
export function rowName(name: string): string {
  return escaped(name);
}

const titles: Record<WayName, string> = { direct: "direct", tunnel: "tunnel", haproxy: "HAProxy" };

function intro(checks: number, haproxyVersion: string): string {
  return `# HTTP conformance

Written by \`node e2e/http/table.ts\`; do not edit. A client that sends every byte as a check says, and a destination that
reads by the letter of RFC 9112 and records what arrives, run ${checks} checks in three ways: directly, through the tunnel
(\`sallyport dev\`), and through HAProxy ${haproxyVersion} with the settings Debian ships. \`bash e2e/run http\` runs them
again and fails if the tunnel fails any.

- **yes**: it holds. For a message that must not pass: the status of the refusal, or "closed" for a connection that was
  closed without one. "one reading": it was passed on as the one thing that RFC 9112 lets it mean. "broken off": the
  client saw that the response was not whole.
- **no**: it does not hold.
- –: the check says nothing about this way.

"Arrives" means as it was sent: method, target, names and values of headers in their order, body, trailers; once; and the
answer comes back. What a hop says for itself is left out of the comparison: framing, \`Connection\`, where the call came
from.

## What the tunnel changes

- The header lines \`Host\` and \`Content-Length\` of most requests are written in lower case, \`Host\` first,
  \`Content-Length\` last.
- A body that came in chunks, whole and at once, goes on with a \`Content-Length\`. A POST, PUT or PATCH with neither gets
  \`Content-Length: 0\`.
- Both hops speak HTTP/1.1, whatever the other side speaks. A response without a length gets chunks, or for an HTTP/1.0
  client the connection's end.
- A method that Node's parser does not know is refused with 400, where HAProxy lets any pass.
- Several spaces between the parts of a request line become one.
- A \`Content-Length\` before a \`Content-Disposition\` with bytes over 127 goes behind it.

## Summary
`;
}

function summary(rows: readonly Row[]): string {
  const count = (way: WayName, t: Verdict["t"]) => String(rows.filter(({ verdicts }) => verdicts[way].t === t).length);
  return table([
    ["", ...wayNames.map((way) => titles[way])],
    ["yes", ...wayNames.map((way) => count(way, "passed"))],
    ["no", ...wayNames.map((way) => count(way, "failed"))],
    ["–", ...wayNames.map((way) => count(way, "notAsked"))],
  ]);
}

function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ check, verdicts }) => [rowName(check.name), ...wayNames.map((way) => cell(verdicts[way]))]);
  return table([["check", ...wayNames.map((way) => titles[way])], ...lines]);
}

function cell(verdict: Verdict): string {
  if (verdict.t === "notAsked") return "–";
  if (verdict.t === "failed") return "**no**";
  return verdict.note === "" ? "yes" : `yes: ${verdict.note}`;
}

function table(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(3, ...lines.map((line) => [...line[column]!].length)));
  const row = (cells: readonly string[]) =>
    `| ${cells.map((text, column) => pad(text, widths[column]!)).join(" | ")} |`;
  const [head, ...rest] = lines;
  return [row(head!), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rest.map(row)].join("\n");
}

function pad(text: string, width: number): string {
  return text + " ".repeat(width - [...text].length);
}

/** What Markdown would take for its own. */
function escaped(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|~]/g, "\\$&");
}
