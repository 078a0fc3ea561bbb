import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { conformancePage } from "./page.ts";
import { allChecks, failedBeyondHaproxy, runSuite } from "./suite.ts";
import { haproxyVersion } from "./way.ts";

/**
 * `node e2e/http/table.ts` runs the suite and writes docs/http-conformance.md. With a word it runs the checks that have it
 * in their names, and writes nothing.
 */
const [word] = process.argv.slice(2);
const rows = await runSuite(allChecks.filter(({ group, name }) => `${group}: ${name}`.includes(word ?? "")));
for (const { check, verdicts } of rows) {
  for (const [way, verdict] of Object.entries(verdicts)) {
    if (word !== undefined || (verdict.t === "failed" && way !== "haproxy")) {
      const more = verdict.t === "failed" ? verdict.why : verdict.t === "passed" ? verdict.note : "";
      console.log(`${check.group}: ${check.name}: ${way} ${verdict.t} ${more}`);
    }
  }
}
if (word === undefined) {
  const page = new URL("../../docs/http-conformance.md", import.meta.url);
  await writeFile(page, conformancePage(rows, await haproxyVersion()));
  console.log(`${rows.length} checks; wrote ${fileURLToPath(page)}`);
}
if (failedBeyondHaproxy(rows).length > 0) process.exitCode = 1;
