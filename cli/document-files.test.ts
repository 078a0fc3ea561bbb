import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileBytesMax } from "@sallyport/proto/documents";
import { afterAll, expect, it } from "vitest";
import { CliError } from "./cli-error.ts";
import { readDocumentFiles } from "./document-files.ts";
import { FileReader } from "./file-reader.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-documents-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const noInput = () => Readable.from([]);
const reader = () => new FileReader();

it("reads files and standard input in the order given", async () => {
  const one = file("one.yaml", "a: ä");
  expect(
    await readDocumentFiles([one, "-"], Readable.from([Buffer.from("b: "), Buffer.from("2")]), reader()),
  ).toStrictEqual([
    { source: one, text: "a: ä" },
    { source: "standard input", text: "b: 2" },
  ]);
});

it("leaves a byte order mark out", async () => {
  const marked = file("marked.yaml", "\ufeffa: 1");
  expect(await readDocumentFiles([marked], noInput(), reader())).toStrictEqual([{ source: marked, text: "a: 1" }]);
});

it("tells of every file that cannot be read, each with its mend", async () => {
  const missing = join(folder, "missing.yaml");
  const latin1 = file("latin1.yaml", Buffer.from([0x61, 0xe4]));
  const twice = file("twice.yaml", "a: 1");
  await expect(readDocumentFiles([missing, folder, latin1, twice, twice], noInput(), reader())).rejects.toStrictEqual(
    new CliError(
      2,
      [
        `${missing}: there is no such file`,
        `${folder}: is a folder; name its files, each by itself`,
        `${latin1}: is not UTF-8; save it as UTF-8`,
        `${twice}: is given twice; give it once`,
      ].join("\n"),
    ),
  );
});

it("reads little more of an endless input than a file may have", async () => {
  let given = 0;
  const endless = new Readable({
    read(size) {
      given += size;
      this.push(Buffer.alloc(size, "#"));
    },
  });
  const [{ text } = { text: "" }] = await readDocumentFiles(["-"], endless, reader());
  expect(text.length).toBeGreaterThan(fileBytesMax);
  expect(given).toBeLessThan(2 * fileBytesMax);
});
