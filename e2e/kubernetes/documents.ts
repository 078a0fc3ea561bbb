import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const page = readFileSync(fileURLToPath(new URL("../../docs/kubernetes.md", import.meta.url)), "utf8");

/** The two documents of docs/kubernetes.md, as a reader copies them. */
export function documents(): string {
  return documentsOf("kubernetes.md");
}

/** The call of docs/kubernetes.md, 2 + 3. */
export const addCall = {
  method: "POST",
  headers: {
    "content-type": "text/xml; charset=utf-8",
    soapaction: '"http://sallyport.dev/examples/calculator/ICalculator/Add"',
  },
  body: envelope(),
};

function envelope(): string {
  const [, text] = /^ {2}--data '(<s:Envelope.*?<\/s:Envelope>)'$/ms.exec(page) ?? [];
  if (text === undefined) throw new Error("the page has no call with a SOAP envelope");
  return text;
}

/** The YAML of a page in docs/ that holds a tunnel. */
export function documentsOf(page: string): string {
  const markdown = readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8");
  const blocks = [...markdown.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text ?? "");
  const [documents, ...more] = blocks.filter((text) => text.includes("kind: ReverseTunnel"));
  if (documents === undefined || more.length > 0)
    throw new Error(`docs/${page} has not one block with a ReverseTunnel`);
  return documents;
}
