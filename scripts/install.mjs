#!/usr/bin/env node
// Installs the dependencies when they are not what package-lock.json says, and returns at once when they are. Every npm
// script of this repository starts with it. Needs nothing but Node 18 or newer and npm.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withInstallLock } from "./install-lock.mjs";
import {
  hasDeliveredPackage,
  linkDelivered,
  linkOfDelivered,
  nodeMajorMin,
  ownNodeMajor,
  requireNode,
} from "./install-node.mjs";
import { npmCi } from "./install-npm.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const modules = join(root, "node_modules");
const stampFile = join(modules, ".sallyport-install");
const platform = `${process.platform}-${process.arch}`;

try {
  if (whatIsWrong() !== undefined) await withInstallLock(join(root, ".cache/install.lock"), say, install);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function install() {
  // Another process may have installed while this one waited for the lock.
  const wrong = whatIsWrong();
  if (wrong === undefined) return;
  if (wrong.perhapsInstalled && isInstalledByNpm()) return finish();
  requireNode();
  const started = performance.now();
  say(`installing dependencies (${wrong.why}) …`);
  await npmCi(root);
  finish();
  say(`installed in ${Math.round((performance.now() - started) / 1000)} s`);
}

/** Why node_modules may not be what package-lock.json says; undefined when it is. */
function whatIsWrong() {
  if (!existsSync(modules)) return { why: "first run, about a minute", perhapsInstalled: false };
  if (ownNodeMajor < nodeMajorMin && !existsSync(linkOfDelivered(modules))) {
    return { why: `Node ${nodeMajorMin} is missing in node_modules`, perhapsInstalled: hasDeliveredPackage(modules) };
  }
  const stamp = readIfThere(stampFile)?.trim();
  if (stamp === expectedStamp()) return undefined;
  const madeOn = stamp?.split(" ")[1] ?? platform;
  if (madeOn !== platform) return { why: `node_modules was made on ${madeOn}`, perhapsInstalled: false };
  return { why: "node_modules does not match package-lock.json", perhapsInstalled: true };
}

function expectedStamp() {
  const lockfile = readIfThere(join(root, "package-lock.json"));
  if (lockfile === undefined)
    throw new Error("package-lock.json is missing; restore it: git checkout package-lock.json");
  return `${createHash("sha256").update(lockfile).digest("hex")} ${platform}`;
}

/** Someone ran npm himself: true when npm's own record in node_modules names every package that belongs here. */
function isInstalledByNpm() {
  const record = readIfThere(join(modules, ".package-lock.json"));
  if (record === undefined) return false;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(record).packages;
  return Object.entries(wanted).every(([path, want]) => {
    if (!path.startsWith("node_modules/")) return true;
    const got = installed[path];
    if (got === undefined) return want.optional === true && !isForThisPlatform(want);
    return got.version === want.version && got.integrity === want.integrity;
  });
}

function isForThisPlatform({ os, cpu, libc }) {
  return [os].flat().includes(process.platform) && [cpu].flat().includes(process.arch) && libc === undefined;
}

function finish() {
  const problem = linkDelivered(modules);
  if (problem !== undefined) say(problem);
  writeFileSync(stampFile, `${expectedStamp()}\n`);
}

function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function say(text) {
  process.stderr.write(`sallyport: ${text}\n`);
}
