import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { FileReader, fileState } from "./file-reader.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-files-"));
afterAll(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(folder, name);

it("reads text and permissions, and remembers the state the file was in", async () => {
  writeFileSync(path("a"), "ä", { mode: 0o640 });
  const reader = new FileReader();
  expect(await reader.text(path("a"))).toStrictEqual({ text: "ä", mode: 0o640 });
  expect(reader.seen).toStrictEqual(new Map([[path("a"), await fileState(path("a"))]]));
});

it("remembers a file that is not there, and a folder", async () => {
  const reader = new FileReader();
  await expect(reader.text(path("none"))).rejects.toThrow(`${path("none")}: there is no such file`);
  await expect(reader.text(folder)).rejects.toThrow(`${folder}: is a folder; name its files, each by itself`);
  expect(reader.seen).toStrictEqual(
    new Map([
      [path("none"), "missing"],
      [folder, await fileState(folder)],
    ]),
  );
});

it("a file's state changes with its content, its permissions, and the target of its name", async () => {
  writeFileSync(path("one"), "same");
  writeFileSync(path("two"), "same");
  symlinkSync("one", path("link"));
  const states = [await fileState(path("link"))];
  chmodSync(path("one"), 0o600);
  states.push(await fileState(path("link")));
  writeFileSync(path("one"), "four");
  states.push(await fileState(path("link")));
  // As Kubernetes updates a volume.
  symlinkSync("two", path("next"));
  renameSync(path("next"), path("link"));
  states.push(await fileState(path("link")));
  expect(new Set(states).size).toBe(4);
});
