import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { parseDocumentFiles } from "@sallyport/proto/documents";
import type { TunnelRoute } from "@sallyport/proto/resource";
import {
  type ConfigOrigin,
  type DmzConfig,
  type IntranetConfig,
  markChecked,
  type RefusedRoute,
} from "@sallyport/proto/router-config";
import {
  type DmzConfigFile,
  type IdentityInFile,
  type IntranetConfigFile,
  parseDmzConfigFile,
  parseIntranetConfigFile,
} from "@sallyport/proto/router-config-file";
import type { Identity, Side } from "@sallyport/tunnel/identity";
import { CliError, exitCodes } from "./cli-error.ts";
import { readDocumentFiles } from "./document-files.ts";
import type { FileReader } from "./file-reader.ts";
import { checkIdentity } from "./identity-check.ts";
import { RouteShards, type TakenShards } from "./route-shards.ts";

/** A router's configuration with all that its files hold in it. */
export interface RouterConfig {
  /** What the router is started with. */
  readonly config: DmzConfig | IntranetConfig;
  /** The router's certificate is good until then. */
  readonly certificateUntil: Date;
  /** What can be used and is probably not meant, a line each. */
  readonly warnings: readonly string[];
}

/**
 * Reads R1's (`dmz`) or R2's (`intranet`) configuration file and the files it names, which are looked for in its folder.
 * Throws CliError and DocumentError with every problem of the first file that has any.
 */
export async function readRouterConfig(
  side: Side,
  name: string,
  reader: FileReader,
  now: Date,
  shards = new RouteShards(),
): Promise<RouterConfig> {
  const { text, mode } = await reader.text(name);
  const place: Place = { name, mode, reader, shards };
  if (side === "dmz") return readDmz(parseDmzConfigFile(text, name), place, now);
  return readIntranet(parseIntranetConfigFile(text, name), place, now, digestOf(text));
}

/** The configuration file. `shards`: as they were taken before. */
interface Place {
  readonly name: string;
  readonly mode: number;
  readonly reader: FileReader;
  readonly shards: RouteShards;
}

async function readDmz(file: DmzConfigFile, place: Place, now: Date): Promise<RouterConfig> {
  const { identity, until } = await readIdentity(file, "dmz", place, now);
  return { config: { ...file, identity }, certificateUntil: until, warnings: expiryWarnings(until, now) };
}

async function readIntranet(file: IntranetConfigFile, place: Place, now: Date, digest: string): Promise<RouterConfig> {
  const { identity, until } = await readIdentity(file, "intranet", place, now);
  if (Object.keys(file.tracing?.otlp.headers ?? {}).length > 0)
    refuseOpen(place.name, place.mode, "headers of tracing.otlp");
  const { routeFiles, routeShards, ...rest } = file;
  const written = [...(file.routes ?? []), ...(await readRoutes(routeFiles ?? [], place))];
  refuseRepeats(written, place.name);
  const warnings = [...expiryWarnings(until, now), ...strangerWarnings(written, file.tunnel)];
  const origin = { config: digest, routes: "", refused: [] };
  if (routeShards === undefined) {
    return { config: { ...rest, identity, routes: written, origin }, certificateUntil: until, warnings };
  }
  const taken = await place.shards.read(resolve(dirname(place.name), routeShards), place.reader, now);
  const { routes, refused } = together(written, taken);
  return {
    config: { ...rest, identity, routes, origin: { ...origin, ...originOf(taken), refused } },
    certificateUntil: until,
    warnings: [...warnings, ...shardWarnings(taken)],
  };
}

function originOf({ generation, waiting }: TakenShards): Pick<ConfigOrigin, "routes" | "waiting"> {
  return { routes: generation, ...(waiting === undefined ? {} : { waiting }) };
}

/** Those written by hand count first; the list of the shards alone stays the one it was. */
function together(written: TunnelRoute[], taken: TakenShards): { routes: TunnelRoute[]; refused: RefusedRoute[] } {
  const refused = [...taken.refused];
  if (written.length === 0) return { routes: taken.routes, refused };
  const routes = [...written];
  const names = new Set(written.map(nameOf));
  for (const route of taken.routes) {
    const { namespace, name } = route.metadata;
    if (!names.has(nameOf(route))) routes.push(route);
    else refused.push({ namespace, name, problem: "stands in the configuration's own routes already" });
  }
  return { routes: markChecked(routes), refused };
}

function shardWarnings({ waiting, refused }: TakenShards): string[] {
  const left = refused.slice(0, refusedShownMax).map(({ namespace, name, problem }) => {
    return `route ${namespace}/${name} is left out: ${problem}`;
  });
  const more = refused.length - left.length;
  return [
    ...(waiting === undefined ? [] : [`routes: ${waiting.problem}`]),
    ...left,
    ...(more > 0 ? [`${more} more routes are left out; /statusz has all`] : []),
  ];
}

const refusedShownMax = 20;

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function readRoutes(names: readonly string[], { name, reader }: Place): Promise<TunnelRoute[]> {
  if (names.length === 0) return [];
  const paths = names.map((each) => resolve(dirname(name), each));
  // None of them is "-", which stands for standard input.
  const files = await readDocumentFiles(paths, process.stdin, reader);
  return parseDocumentFiles(files).routes;
}

function nameOf({ metadata }: TunnelRoute): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Routes of the configuration itself and of its files; either alone was checked before. */
function refuseRepeats(routes: readonly TunnelRoute[], configName: string): void {
  const seen = new Set<string>();
  const repeated = routes.map(nameOf).find((name) => seen.size === seen.add(name).size);
  if (repeated === undefined) return;
  const what = `route ${repeated} stands both in routes and in a file of routeFiles; keep one`;
  throw new CliError(exitCodes.usage, `${configName}: ${what}`);
}

/** Routes of other tunnels are not served; where they are written by hand, that is a slip. */
function strangerWarnings(routes: readonly TunnelRoute[], tunnel: string): string[] {
  const isOurs = ({ metadata, spec }: TunnelRoute) =>
    spec.parentRefs.some((ref) => `${ref.namespace ?? metadata.namespace}/${ref.name}` === tunnel);
  return routes
    .filter((route) => !isOurs(route))
    .map(({ metadata }) => {
      const name = `${metadata.namespace}/${metadata.name}`;
      return `route ${name} takes nothing: no parentRef of it names this router's tunnel, ${tunnel}`;
    });
}

// ---------------------------------------------------------------------------------------------------- identity

const dayMs = 24 * 3_600_000;
/** Time enough to make new ones. */
const expiryNoticeMs = 14 * dayMs;

function expiryWarnings(until: Date, now: Date): string[] {
  if (until.getTime() - now.getTime() > expiryNoticeMs) return [];
  return [`the certificate expires on ${until.toISOString()}; make new ones with "sallyport identity --renew"`];
}

async function readIdentity(
  { identity: given, tunnel, trustDomain }: DmzConfigFile | IntranetConfigFile,
  side: Side,
  place: Place,
  now: Date,
): Promise<{ identity: Identity; until: Date }> {
  const identity: Identity = {
    certificateChain: await readPart(given.certificateChain, given.certificateChainFile, place),
    privateKey: await readKey(given, place),
    trustedCas: await readPart(given.trustedCas, given.trustedCasFile, place),
  };
  const checked = checkIdentity(identity, { side, tunnel, trustDomain }, now);
  if (checked.t === "ok") return { identity, until: checked.until };
  throw new CliError(exitCodes.usage, `${place.name}: identity: ${checked.problem}`);
}

/** The schema has seen to it that one of both is there. */
async function readPart(pem: string | undefined, file: string | undefined, place: Place): Promise<string> {
  if (file === undefined) return pem ?? "";
  return (await place.reader.text(resolve(dirname(place.name), file))).text;
}

async function readKey({ privateKey, privateKeyFile }: IdentityInFile, place: Place): Promise<string> {
  if (privateKeyFile === undefined) {
    refuseOpen(place.name, place.mode, "a private key");
    return privateKey ?? "";
  }
  const path = resolve(dirname(place.name), privateKeyFile);
  const { text, mode } = await place.reader.text(path);
  refuseOpen(path, mode, "a private key");
  return text;
}

/** Its group may read it: the service's user often is not the owner. */
const forbiddenModeBits = 0o026;

function refuseOpen(name: string, mode: number, secret: string): void {
  // Windows has no such bits, and shows every file as open to all.
  if (process.platform === "win32" || (mode & forbiddenModeBits) === 0) return;
  const what = `holds ${secret} and is open to others (mode ${mode.toString(8)})`;
  throw new CliError(exitCodes.usage, `${name}: ${what}; chmod 600 ${name}`);
}
