import { readFileSync } from "node:fs";

/** The YAML of a page in docs/ that holds a tunnel. */
export function documentsOf(page: string): string {
  const markdown = readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8");
  const blocks = [...markdown.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text ?? "");
  const [documents, ...more] = blocks.filter((text) => text.includes("kind: ReverseTunnel"));
  if (documents === undefined || more.length > 0)
    throw new Error(`docs/${page} has not one block with a ReverseTunnel`);
  return documents;
}
