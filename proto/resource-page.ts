import { resourceReference } from "./resource-reference.ts";

const begin = "<!-- npm run crds writes the rest of this page -->\n";

/** docs/resources.md with its tables anew. Throws when the line after which they stand is gone. */
export function withReference(page: string): string {
  const at = page.indexOf(begin);
  if (at === -1) throw new Error(`docs/resources.md lacks the line ${begin.trim()}`);
  return `${page.slice(0, at)}${begin}\n${resourceReference()}`;
}
