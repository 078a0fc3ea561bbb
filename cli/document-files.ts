import type { Readable } from "node:stream";
import type { DocumentFile } from "@sallyport/proto/documents";
import { CliError, exitCodes } from "./cli-error.ts";
import { decode, type FileReader, readBounded, readProblem } from "./file-reader.ts";

/** The name that stands for standard input. */
export const standardInput = "-";

/** Reads files of documents; "-" is `stdin`. Throws CliError with a line for each that cannot be read. */
export async function readDocumentFiles(
  names: readonly string[],
  stdin: Readable,
  reader: FileReader,
): Promise<DocumentFile[]> {
  const readings = await Promise.allSettled(
    names.map((name, index) => readOne(name, names.indexOf(name) < index, stdin, reader)),
  );
  const problems = readings.flatMap((reading) => (reading.status === "rejected" ? [messageOf(reading.reason)] : []));
  if (problems.length > 0) throw new CliError(exitCodes.usage, problems.join("\n"));
  return readings.flatMap((reading) => (reading.status === "fulfilled" ? [reading.value] : []));
}

async function readOne(name: string, isRepeated: boolean, stdin: Readable, reader: FileReader): Promise<DocumentFile> {
  const source = name === standardInput ? "standard input" : name;
  if (isRepeated) throw new CliError(exitCodes.usage, `${source}: is given twice; give it once`);
  if (name !== standardInput) return { source, text: (await reader.text(name)).text };
  try {
    return { source, text: decode(await readBounded(stdin)) };
  } catch (error) {
    throw new CliError(exitCodes.usage, `${source}: ${readProblem(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
