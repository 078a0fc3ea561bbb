import type { BigIntStats } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { fileBytesMax } from "@sallyport/proto/documents";
import { CliError, exitCodes } from "./cli-error.ts";

export interface TextFile {
  readonly text: string;
  /** Permission bits, such as 0o600. */
  readonly mode: number;
}

/** Reads files and remembers what state each was in, so that a later change can be noticed. */
export class FileReader {
  readonly #seen = new Map<string, string>();

  /** State by name, of every file asked for, read or not. */
  get seen(): ReadonlyMap<string, string> {
    return this.#seen;
  }

  /** Throws CliError that says why it cannot be read. No more is read than shows that a file is too long. */
  async text(name: string): Promise<TextFile> {
    try {
      return await this.#read(name);
    } catch (error) {
      throw new CliError(exitCodes.usage, `${name}: ${readProblem(error)}`);
    }
  }

  /** The file's bytes; one more than `bytesMax` shows that it is too long. Undefined: it cannot be read. */
  async bytes(name: string, bytesMax: number): Promise<Buffer | undefined> {
    try {
      return (await this.#readBytes(name, bytesMax)).bytes;
    } catch {
      return undefined;
    }
  }

  async #read(name: string): Promise<TextFile> {
    const { bytes, mode } = await this.#readBytes(name, fileBytesMax);
    return { text: decode(bytes), mode };
  }

  async #readBytes(name: string, bytesMax: number): Promise<{ readonly bytes: Buffer; readonly mode: number }> {
    // Also of a file that cannot be opened: to mend its permissions is a change.
    this.#seen.set(name, await fileState(name));
    const file = await open(name);
    try {
      const stats = await file.stat({ bigint: true });
      this.#seen.set(name, stateOf(stats));
      const bytes = await readBounded(file.createReadStream({ autoClose: false }), bytesMax);
      return { bytes, mode: Number(stats.mode) & 0o777 };
    } finally {
      await file.close();
    }
  }
}

const missing = "missing";

/** The state that a file is in now; changes with its content, its name's target and its permissions. Throws nothing. */
export async function fileState(name: string): Promise<string> {
  try {
    // Follows symbolic links: Kubernetes swaps those when it updates a volume.
    return stateOf(await stat(name, { bigint: true }));
  } catch {
    return missing;
  }
}

function stateOf(stats: BigIntStats): string {
  // A pipe (`-f <(…)`) can be read once, whatever becomes of its times.
  if (!stats.isFile()) return "no regular file";
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
}

/** Reads little more than a file may have; its parser says that it is too long. */
export async function readBounded(stream: Readable, bytesMax = fileBytesMax): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const part = Buffer.from(chunk);
    chunks.push(part);
    bytes += part.length;
    if (bytes > bytesMax) break;
  }
  return Buffer.concat(chunks);
}

/** Throws when it is not UTF-8. A byte order mark is left out. */
export function decode(bytes: Buffer): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

/** Why a file could not be read, and the mend. */
export function readProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return "there is no such file";
    case "EISDIR":
      return "is a folder; name its files, each by itself";
    case "EACCES":
      return "may not be read by this user";
    case "ERR_ENCODING_INVALID_ENCODED_DATA":
      return "is not UTF-8; save it as UTF-8";
    default:
      return `cannot be read: ${message}`;
  }
}
