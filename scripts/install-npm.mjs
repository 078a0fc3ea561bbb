// Runs `npm ci`, quietly unless it fails.
import { spawn } from "node:child_process";

/** Whatever the environment or an .npmrc says, the whole tree is needed: tools are devDependencies, Node is optional. */
const npmArguments = [
  "ci",
  "--include=dev",
  "--include=optional",
  "--include=peer",
  // No package of ours needs one, and none should run unasked.
  "--ignore-scripts",
  // Packages that want Node 24 are installed by an older one.
  "--no-engine-strict",
  "--no-dry-run",
  "--no-global",
  "--no-audit",
  "--no-fund",
  "--no-update-notifier",
  "--no-progress",
  "--loglevel=warn",
];
const overruled =
  /^(NODE_ENV|npm_config_(also|dry_run|global|include|location|omit|only|package_lock|package_lock_only|production|workspace|workspaces))$/i;

/** The end of what npm said is enough to see why it failed. */
const outputCharsMax = 64 * 1024;

const mends = [
  [
    /\bEUSAGE\b|can only install packages when your package\.json/,
    "package.json and package-lock.json differ. Run npm install and commit package-lock.json.",
  ],
  [
    /\bEINTEGRITY\b/,
    "a package is not the one that package-lock.json names. Run npm cache verify, then this command again.",
  ],
  [/\bENOSPC\b/, "the disk is full. Make room, then run this command again."],
  [
    /\b(EACCES|EPERM|EROFS)\b/,
    "npm may not write here or in its cache. Give this user the folder, then run this command again.",
  ],
  [
    /CERT|certificate/,
    "the registry's certificate is not trusted. Set npm's cafile or NODE_EXTRA_CA_CERTS to your proxy's CA.",
  ],
  [
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR)\b/,
    "npm did not reach its registry. Check the network, the proxy (npm config get https-proxy) and the registry (npm config get registry), then run this command again.",
  ],
  [
    /\b(E401|E403)\b/,
    "the registry refused this user. Check npm config get registry and its login, then run this command again.",
  ],
  [/\bE404\b/, "the registry lacks a package. Check npm config get registry, then run this command again."],
];

/** Resolves once node_modules is whole. Rejects with npm's own words printed and an Error that says what to mend. */
export function npmCi(root) {
  const { command, args, shell } = npmCommand();
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !overruled.test(name)));
  return new Promise((resolve, reject) => {
    const npm = spawn(command, [...args, ...npmArguments], {
      cwd: root,
      env,
      shell,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [npm.stdout, npm.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output = (output + text).slice(-outputCharsMax);
      });
    }
    const stop = forwardSignals(npm);
    npm.on("error", (error) => {
      stop();
      reject(notStarted(error));
    });
    npm.on("close", (code, signal) => {
      stop();
      if (code === 0) return resolve();
      process.stderr.write(withoutUsage(output));
      reject(new Error(`npm ci failed (${signal ?? `exit code ${code}`}): ${mend(output)}`));
    });
  });
}

/** The npm that runs this script, else the one on the PATH. */
function npmCommand() {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  if (cli !== undefined && /npm-cli\.c?js$/.test(cli))
    return { command: node ?? process.execPath, args: [cli], shell: false };
  return { command: "npm", args: [], shell: process.platform === "win32" };
}

/** A stopped installation must not leave an npm behind that goes on writing after the lock is free. */
function forwardSignals(npm) {
  const forward = (signal) => npm.kill(signal);
  process.on("SIGINT", forward).on("SIGTERM", forward);
  return () => process.off("SIGINT", forward).off("SIGTERM", forward);
}

function notStarted(error) {
  if (error.code === "ENOENT")
    return new Error("npm was not found. Install npm 10 or newer (it comes with Node), then run this command again.");
  return new Error(`npm could not be started: ${error.message}`);
}

/** npm explains the command `ci` at length when the lockfile is wrong. */
function withoutUsage(output) {
  const usage = output.indexOf("npm error Clean install a project");
  return usage < 0 ? output : output.slice(0, usage);
}

function mend(output) {
  return mends.find(([pattern]) => pattern.test(output))?.[1] ?? "its output is above.";
}
