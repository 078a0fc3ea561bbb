import { randomUUID } from "node:crypto";
import { access, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AuthorityFiles, OpenedAuthority } from "@sallyport/operator/identity/authority";
import type { Identity } from "@sallyport/tunnel/identity";
import { CliError, exitCodes } from "./cli-error.ts";
import { readProblem } from "./file-reader.ts";
import { createAuthorityFiles, openAuthority } from "./identity.ts";
import { trustDomain as defaultTrustDomain } from "./router-start.ts";

/** What `sallyport identity` is asked for. */
export interface IdentityOptions {
  /** The folder. */
  readonly out: string;
  /** "namespace/name"; with `renew` it may be left out, and must be the kept CA's if it is there. */
  readonly tunnel: string | undefined;
  /** Undefined: "sallyport", and with `renew` the kept CA's. */
  readonly trustDomain: string | undefined;
  /** How long the routers' certificates are valid. */
  readonly days: number;
  /** New certificates from the CA that is there. */
  readonly renew: boolean;
  /** Everything new, whatever is there. */
  readonly force: boolean;
  readonly verbose: boolean;
}

/** Its end is the end of every certificate of the tunnel: it outlives them by far. */
const caDays = 3_650;

const names = { certificate: "certificate.pem", key: "private-key.pem", cas: "trusted-cas.pem" };

interface FileToWrite {
  /** Within the folder. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/**
 * Makes the certificates of a tunnel's two routers, and the CA unless it is kept. Answers lines that say what was made.
 * Throws CliError; it has written nothing then, unless the disk failed.
 */
export async function makeIdentities(options: IdentityOptions, now: Date): Promise<string[]> {
  const kept = options.renew ? await readAuthority(options.out) : undefined;
  const files = kept ?? (await createFiles(options, now));
  const authority = await open(files, options, now);
  refuseOther(authority, options);
  const [dmz, intranet] = await Promise.all([authority.issue("dmz"), authority.issue("intranet")]);
  const ca = kept === undefined ? authorityFiles(files) : [];
  await writeAll(options, [...ca, ...identityFiles("r1", dmz), ...identityFiles("r2", intranet)]);
  return listing(authority, kept !== undefined, options, now);
}

async function createFiles({ tunnel, trustDomain, days }: IdentityOptions, now: Date): Promise<AuthorityFiles> {
  if (tunnel === undefined) throw new CliError(exitCodes.usage, "--tunnel is missing; give namespace/name");
  return createAuthorityFiles(trustDomain ?? defaultTrustDomain, tunnel, Math.max(caDays, days), now);
}

async function readAuthority(out: string): Promise<AuthorityFiles> {
  const read = async (name: string) => {
    const path = join(out, "ca", name);
    try {
      return await readFile(path, "utf8");
    } catch (error) {
      const what = `${path}: ${readProblem(error)}; --renew takes the CA that was made before`;
      throw new CliError(exitCodes.usage, what);
    }
  };
  return { certificate: await read(names.certificate), privateKey: await read(names.key) };
}

async function open(files: AuthorityFiles, { out, days }: IdentityOptions, now: Date): Promise<OpenedAuthority> {
  try {
    return await openAuthority(files, days, now);
  } catch (error) {
    throw new CliError(
      exitCodes.usage,
      `${join(out, "ca")}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function refuseOther(authority: OpenedAuthority, { out, tunnel, trustDomain }: IdentityOptions): void {
  const asked = { tunnel: tunnel ?? authority.tunnel, trustDomain: trustDomain ?? authority.trustDomain };
  if (asked.tunnel === authority.tunnel && asked.trustDomain === authority.trustDomain) return;
  const what = `${join(out, "ca")} is of tunnel ${authority.tunnel}, trust domain ${authority.trustDomain}`;
  throw new CliError(exitCodes.usage, `${what}; leave the options out, or take another folder`);
}

// ------------------------------------------------------------------------------------------------------- files

const publicMode = 0o644;
const secretMode = 0o600;

function authorityFiles({ certificate, privateKey }: AuthorityFiles): FileToWrite[] {
  return [
    { path: join("ca", names.certificate), text: certificate, mode: publicMode },
    { path: join("ca", names.key), text: privateKey, mode: secretMode },
  ];
}

function identityFiles(folder: "r1" | "r2", identity: Identity): FileToWrite[] {
  return [
    { path: join(folder, names.certificate), text: identity.certificateChain, mode: publicMode },
    { path: join(folder, names.key), text: identity.privateKey, mode: secretMode },
    { path: join(folder, names.cas), text: identity.trustedCas, mode: publicMode },
  ];
}

async function writeAll({ out, renew, force }: IdentityOptions, files: readonly FileToWrite[]): Promise<void> {
  if (!renew && !force) await refuseOverwriting(out, files);
  try {
    await mkdir(join(out, "ca"), { recursive: true, mode: 0o700 });
    for (const file of files) await writeWhole(out, file);
  } catch (error) {
    const { message } = error as Error;
    throw new CliError(exitCodes.failed, `${out}: cannot be written: ${message}`);
  }
}

async function refuseOverwriting(out: string, files: readonly FileToWrite[]): Promise<void> {
  for (const { path } of files) {
    const isThere = await access(join(out, path)).then(
      () => true,
      () => false,
    );
    if (!isThere) continue;
    const mend = "--renew makes new certificates from its CA, --force everything anew, another --out keeps it";
    throw new CliError(exitCodes.usage, `${join(out, path)} is there already; ${mend}`);
  }
}

/** A router that reads meanwhile sees the old file or the new one. A key is never open, not for a moment. */
async function writeWhole(out: string, { path, text, mode }: FileToWrite): Promise<void> {
  const target = join(out, path);
  await mkdir(dirname(target), { recursive: true });
  const draft = `${target}.${randomUUID()}`;
  await writeFile(draft, text, { mode, flag: "wx" });
  await rename(draft, target);
}

// ----------------------------------------------------------------------------------------------------- listing

function listing(authority: OpenedAuthority, isKept: boolean, { out, days }: IdentityOptions, now: Date): string[] {
  const asked = new Date(now.getTime() + days * 24 * 3_600_000);
  const until = day(asked < authority.validUntil ? asked : authority.validUntil);
  const { tunnel, trustDomain } = authority;
  const ca = isKept ? "kept" : "made";
  return [
    `${ca}  ${join(out, "ca")}  the CA of tunnel ${tunnel} (trust domain ${trustDomain}), valid until ${day(authority.validUntil)}`,
    `made  ${join(out, "r1")}  for the machine in the DMZ, valid until ${until}`,
    `made  ${join(out, "r2")}  for the machine in the intranet, valid until ${until}`,
    ...(isKept
      ? []
      : [`Keep ${join(out, "ca")} in the intranet, on no router: whoever has its key can be either router.`]),
  ];
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
