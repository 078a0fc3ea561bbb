import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type DocumentFile, parseDocumentFiles } from "../proto/documents.ts";
import { ErrorCode } from "../proto/error.ts";

/** The documentation is held against the code and against itself. */

const repository = fileURLToPath(new URL("..", import.meta.url));
const notOurs = ["node_modules", ".git", ".cache", "dist", "coverage", "target"];

const files = globSync(["*", ".ci/*", "*/**/*", ".github/**/*"], {
  cwd: repository,
  exclude: (path) => notOurs.includes(basename(path)),
}).filter((path) => statSync(join(repository, path)).isFile());
const pages = files.filter((path) => path.endsWith(".md"));

describe("documents in the documentation", () => {
  const today = pages.map((page) => [page, yamlBlocks(page).filter(({ text }) => !isPlanned(text))] as const);

  it.each(today.filter(([, blocks]) => blocks.length > 0))("%s: can be used as they stand", (_page, blocks) => {
    expect(parseDocumentFiles(blocks).routes.length).toBeGreaterThan(0);
  });

  const planned = pages.flatMap((page) => yamlBlocks(page)).filter(({ text }) => isPlanned(text));

  it.each(planned)("$source: what is marked as planned is refused today", (block) => {
    expect(() => parseDocumentFiles([block])).toThrow();
  });

  const examples = files.filter((path) => /^examples\/(?!two-machines\/).*\.yaml$/.test(path));

  it.each(examples)("%s can be used as it stands", (path) => {
    expect(parseDocumentFiles([{ source: path, text: read(path) }]).tunnels.length).toBeGreaterThan(0);
  });
});

describe("links", () => {
  it.each(pages)("%s: each leads to a file and a heading that are there", (page) => {
    const broken = linksOf(page).filter((link) => !leadsSomewhere(page, link));
    expect(broken).toStrictEqual([]);
  });

  it("the index leads to every page of docs/", () => {
    const reached = new Set(["docs/README.md", "docs/adr/README.md"].flatMap((index) => [index, ...targetsOf(index)]));
    expect(pages.filter((page) => page.startsWith("docs/") && !reached.has(page))).toStrictEqual([]);
  });
});

describe("decisions", () => {
  const decisions = pages.filter((page) => /^docs\/adr\/\d/.test(page)).sort();

  it("are numbered from 1 without a gap", () => {
    const numbers = decisions.map((page) => Number(basename(page).slice(0, 4)));
    expect(numbers).toStrictEqual(decisions.map((_page, index) => index + 1));
  });

  it.each(decisions)("%s has its number, a status with a date, and the three sections", (page) => {
    const number = Number(basename(page).slice(0, 4));
    const status = "Status: (proposed|accepted|replaced by [\\d]+), \\d{4}-\\d{2}-\\d{2}";
    expect(read(page)).toMatch(new RegExp(`^# ${number}\\. .+\\n\\n${status}\\n`));
    expect(headingsOf(page).slice(1)).toStrictEqual(["context", "decision", "consequences"]);
  });
});

describe("commands", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

  it.each(pages)("%s: every npm script it names exists", (page) => {
    const named = [...read(page).matchAll(/\bnpm (?:run )?(start|test|lint|format|(?<=run )[\w:-]+)/g)];
    expect(named.map(([, name]) => name).filter((name) => !(String(name) in scripts))).toStrictEqual([]);
  });
});

describe("errors", () => {
  const delivery = statuses("docs/delivery.md", "## Reading an error");
  const protocol = statuses("docs/protocol.md", "## Errors");

  it("docs/delivery.md tells of every code that a client can see", () => {
    const { CANCELLED: _nobodyToAnswer, ...seen } = ErrorCode;
    expect([...delivery.keys()].sort()).toStrictEqual(Object.keys(seen).sort());
  });

  it("docs/delivery.md and docs/protocol.md give each code the same status", () => {
    for (const [code, status] of delivery) expect([code, status]).toStrictEqual([code, protocol.get(code)]);
  });
});

describe("what a repository must not name", () => {
  const text = files.filter((path) => !/\.(png|ico|jpg|gz)$/.test(path));
  const forbidden: [string, RegExp][] = [
    ["a path of someone's machine", /\/work\/(?:main|shared)|\/(?:home|Users)\/[a-z]\w*\/|\/root\/\.?\w|\/tmp\/\w/],
    ["a registry's host", /\bregistry\.[a-z]+\.(?:org|com|io)\b/],
    ["a page that is not in it", /\b(?:DESIGN|STYLE|E2E)\.md\b/],
  ];

  it.each(forbidden)("no file names %s", (_what, pattern) => {
    const found = text.flatMap((path) =>
      read(path)
        .split("\n")
        .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    );
    expect(found).toStrictEqual([]);
  });
});

function read(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}

/** The YAML blocks of a page that hold our documents, each padded so that a problem's line is the page's. */
function yamlBlocks(page: string): DocumentFile[] {
  const text = read(page);
  return [...text.matchAll(/^```ya?ml\n(.*?)^```$/gms)]
    .filter(([, block]) => block?.includes("sallyport.dev/"))
    .map(({ index, 1: block = "" }) => {
      const linesBefore = text.slice(0, index).split("\n").length;
      return { source: page, text: "\n".repeat(linesBefore) + block };
    });
}

function isPlanned(block: string): boolean {
  return block.trimStart().startsWith("# planned\n");
}

/** Relative links, without code blocks and code spans. */
function linksOf(page: string): string[] {
  const prose = read(page)
    .replace(/^```.*?^```$/gms, "")
    .replace(/`[^`\n]*`/g, "");
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? page : join(dirname(page), path);
  if (!existsSync(join(repository, target))) return false;
  return heading === undefined || headingsOf(target).includes(heading);
}

function targetsOf(page: string): string[] {
  const folder = join(repository, dirname(page));
  return linksOf(page).map((link) => relative(repository, join(folder, link.split("#")[0] ?? "")));
}

/** As GitHub makes them into anchors. */
function headingsOf(page: string): string[] {
  const headings = read(page)
    .replace(/^```.*?^```$/gms, "")
    .matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Code → status, from the first table after a heading. */
function statuses(page: string, heading: string): ReadonlyMap<string, string> {
  const table = read(page).split(`\n${heading}\n`)[1]?.split("\n\n|")[1]?.split("\n\n")[0] ?? "";
  const rows = table.split("\n").map((row) => row.split("|").map((cell) => cell.trim()));
  return new Map(
    rows.flatMap((cells) => {
      const [codes = "", status = ""] = cells[0] === "" ? cells.slice(1) : cells;
      return [...codes.matchAll(/`([A-Z_]+)`/g)].map(([, code = ""]) => [code, status] as const);
    }),
  );
}
