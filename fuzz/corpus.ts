import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A folder of inputs, each in a file that is named after its content. */

/** In the order of their names, so that a run with the same seed is the same run. A folder that is missing is empty. */
export function readCorpus(folder: string): Buffer[] {
  return namesIn(folder).map((name) => readFileSync(join(folder, name)));
}

/** Afterwards the folder holds these inputs, and those that people gave names of their own: what failed once. */
export function writeCorpus(folder: string, inputs: readonly Buffer[]): void {
  const kept = new Map(inputs.map((input) => [corpusName(input), input]));
  for (const name of namesIn(folder)) if (!kept.has(name) && ownName.test(name)) rmSync(join(folder, name));
  for (const input of kept.values()) writeInput(folder, input);
}

/** Where it is now. `prefix`: for the file's name. */
export function writeInput(folder: string, input: Buffer, prefix = ""): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, prefix + corpusName(input));
  writeFileSync(file, input);
  return file;
}

export function corpusName(input: Buffer): string {
  return createHash("sha256").update(input).digest("hex").slice(0, 16);
}

/** As `corpusName` gives them. */
const ownName = /^[0-9a-f]{16}$/;

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
