// node scripts/ci-count.mjs REPORT STATUS: prints "passed failed skipped" of one run of vitest, from the file its JSON
// reporter wrote and its exit status. A run without a report did not run, and counts as one failure.
import { readFileSync } from "node:fs";

const [file, status] = process.argv.slice(2);
const { passed, failed, skipped } = count(readReport());
// Unhandled errors fail a run though each of its tests has passed.
process.stdout.write(`${passed} ${failed === 0 && status !== "0" ? 1 : failed} ${skipped}\n`);

function readReport() {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    process.stderr.write(`no report of this stage: ${error.message}\n`);
    return undefined;
  }
}

function count(report) {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.testResults.filter(failedAsAWhole).length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** A file that could not be read, or whose set-up failed: none of its tests is a failure, and none was run. */
function failedAsAWhole({ status, assertionResults }) {
  return status === "failed" && assertionResults.every((test) => test.status !== "failed");
}
