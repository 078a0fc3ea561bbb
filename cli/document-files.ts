import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { type DocumentFile, fileBytesMax } from "@sallyport/proto/documents";
import { CliError, exitCodes } from "./cli-error.ts";

/** The name that stands for standard input. */
export const standardInput = "-";

/** Reads files of documents; "-" is `stdin`. Throws CliError with a line for each that cannot be read. */
export async function readDocumentFiles(names: readonly string[], stdin: Readable): Promise<DocumentFile[]> {
  const readings = await Promise.all(names.map((name, index) => readOne(name, names.indexOf(name) < index, stdin)));
  const problems = readings.flatMap((reading) => (reading.t === "bad" ? [reading.problem] : []));
  if (problems.length > 0) throw new CliError(exitCodes.usage, problems.join("\n"));
  return readings.flatMap((reading) => (reading.t === "ok" ? [reading.file] : []));
}

type Reading = { readonly t: "ok"; readonly file: DocumentFile } | { readonly t: "bad"; readonly problem: string };

async function readOne(name: string, isRepeated: boolean, stdin: Readable): Promise<Reading> {
  const source = name === standardInput ? "standard input" : name;
  if (isRepeated) return { t: "bad", problem: `${source}: is given twice; give it once` };
  try {
    const bytes = name === standardInput ? await readBounded(stdin) : await readFile(name);
    return { t: "ok", file: { source, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) } };
  } catch (error) {
    return { t: "bad", problem: `${source}: ${readProblem(error)}` };
  }
}

async function readFile(name: string): Promise<Buffer> {
  const file = await open(name);
  return readBounded(file.createReadStream());
}

/** Reads no more than shows that it is too much; the parser says so. */
async function readBounded(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const part = Buffer.from(chunk);
    chunks.push(part);
    bytes += part.length;
    if (bytes > fileBytesMax) break;
  }
  return Buffer.concat(chunks);
}

function readProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return "there is no such file";
    case "EISDIR":
      return "is a folder; name its files, each with -f";
    case "EACCES":
      return "may not be read by this user";
    case "ERR_ENCODING_INVALID_ENCODED_DATA":
      return "is not UTF-8; save it as UTF-8";
    default:
      return `cannot be read: ${message}`;
  }
}
