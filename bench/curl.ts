import { execFile } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { programPath } from "./tools.ts";

const run = promisify(execFile);

export type Direction = "down" | "up";

/** Moves so many bytes in one call. Answers seconds. Throws unless all of them arrived. */
export async function moveBulk(
  url: string,
  { direction, bytes, scratch }: { readonly direction: Direction; readonly bytes: number; readonly scratch: string },
  signal: AbortSignal,
): Promise<number> {
  const common = ["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60"];
  const report = ["--write-out", "%{stderr}%{http_code} %{size_download} %{time_total}"];
  const transfer = direction === "down" ? [`${url}/bulk/${bytes}`] : upload(url, bytes, scratch);
  const args = [...common, ...report, "--output", direction === "down" ? "/dev/null" : "-", ...transfer];
  const { stdout, stderr } = await run(programPath("curl") ?? "curl", args, { signal });
  const [status = 0, downloaded = 0, seconds = 0] = stderr.split(" ").map(Number);
  const moved = direction === "down" ? downloaded : Number(stdout);
  if (status === 200 && moved === bytes && seconds > 0) return seconds;
  throw new Error(`${url}: status ${status}, ${moved} of ${bytes} bytes went ${direction}: ${stderr}`);
}

/** A file with a hole in it: as long as it is to be, and no bytes on the disk. */
function upload(url: string, bytes: number, scratch: string): string[] {
  const file = join(scratch, "upload");
  writeFileSync(file, "");
  truncateSync(file, bytes);
  return ["--header", "Expect:", "--upload-file", file, `${url}/upload`];
}
