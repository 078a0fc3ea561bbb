import type { Readable } from "node:stream";
import { DocumentError } from "@sallyport/proto/document-error";
import { type Documents, parseDocumentFiles } from "@sallyport/proto/documents";
import type { Open } from "@sallyport/proto/frame";
import { type ListenerProtocol, protocolTraits } from "@sallyport/proto/listener-protocol";
import type { Listener } from "@sallyport/proto/resource";
import { compileRoutes } from "@sallyport/router-intranet/match/compile";
import { type Explanation, explain, formatExplanation } from "@sallyport/router-intranet/match/explain";
import type { RoutingTable } from "@sallyport/router-intranet/match/routing-table";
import { type CheckCall, envelopeOf, openOf, rawOpenOf, readMessage } from "./check-call.ts";
import { sessionOpenOf, withActionBlock } from "./check-session.ts";
import { documentsWarnings, tableWarnings } from "./check-warnings.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import { readDocumentFiles } from "./document-files.ts";
import { FileReader } from "./file-reader.ts";

/** What `sallyport check` is asked for. */
export interface CheckOptions {
  readonly files: readonly string[];
  /** "namespace/name" or a name alone; needed when the documents have several. */
  readonly tunnel: string | undefined;
  /** Undefined: the documents alone are checked. */
  readonly call: CheckCall | undefined;
  readonly json: boolean;
  readonly verbose: boolean;
}

/**
 * Says what documents would do, without starting anything. Answers the exit code: 0 they can be used and a route takes the
 * call, 1 none does, 2 they cannot be used. Throws CliError and DocumentError.
 */
export async function check(options: CheckOptions, stdin: Readable, out: (text: string) => void): Promise<number> {
  try {
    const documents = parseDocumentFiles(await readDocumentFiles(options.files, stdin, new FileReader()));
    return options.call === undefined
      ? checkDocuments(documents, options, out)
      : await checkCall(documents, options.call, options, out);
  } catch (error) {
    if (!options.json || !(error instanceof DocumentError)) throw error;
    out(json({ problems: error.problems, problemsTotal: error.problemsTotal }));
    return exitCodes.usage;
  }
}

// --------------------------------------------------------------------------------------------------- documents

function checkDocuments(documents: Documents, options: CheckOptions, out: (text: string) => void): number {
  const tunnels = tunnelNames(documents);
  const ofTables = tunnels.flatMap((tunnel) => {
    const table = tableOf(documents, tunnel);
    return [...table.problems.map(({ route, message }) => `route ${route}: ${message}`), ...tableWarnings(table)];
  });
  const warnings = [...ofTables, ...documentsWarnings(documents)];
  const counts = { tunnels: documents.tunnels.length, routes: documents.routes.length };
  if (options.json) out(json({ ...counts, warnings: unique(warnings) }));
  else
    out(
      [`fine: ${counted(counts.tunnels, "tunnel")}, ${counted(counts.routes, "route")}`, ...asLines(warnings), ""].join(
        "\n",
      ),
    );
  return exitCodes.fine;
}

function tableOf({ routes }: Documents, tunnel: string): RoutingTable {
  const [namespace = "", name = ""] = tunnel.split("/");
  return compileRoutes(routes, { namespace, name });
}

/** Those of the documents; of routes alone those that they name as parents. */
function tunnelNames({ tunnels, routes }: Documents): string[] {
  if (tunnels.length > 0) return tunnels.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  const parents = routes.flatMap(({ metadata, spec }) =>
    spec.parentRefs.map((ref) => `${ref.namespace ?? metadata.namespace}/${ref.name}`),
  );
  return unique(parents);
}

// -------------------------------------------------------------------------------------------------------- call

async function checkCall(
  documents: Documents,
  call: CheckCall,
  options: CheckOptions,
  out: (text: string) => void,
): Promise<number> {
  const tunnel = chooseTunnel(tunnelNames(documents), options.tunnel);
  const table = tableOf(documents, tunnel);
  const message = await readMessage(call.message);
  const { name: listener, protocol } = listenerOf(documents, tunnel, call.listener);
  const asked = protocol === "NetTCP" ? withActionBlock({ ...call, listener }) : { ...call, listener };
  const open = openFor(asked, protocol, message);
  const envelope = envelopeOf(table, open, asked, message);
  const warnings = table.problems.map(({ route, message: text }) => `route ${route}: ${text}`);
  if (envelope.t === "refused") {
    const { why } = envelope;
    out(options.json ? json({ tunnel, refused: why, taken: null, warnings }) : `The call is refused: ${why}.\n`);
    return exitCodes.failed;
  }
  const explanation = explain(table, open, envelope.t === "known" ? envelope.facts : undefined);
  out(options.json ? jsonOf(tunnel, explanation, warnings) : textOf(explanation, warnings));
  return explanation.matches.some(({ outcome }) => outcome === "takes") ? exitCodes.fine : exitCodes.failed;
}

function openFor(call: CheckCall, protocol: ListenerProtocol, message: Buffer | undefined): Open {
  if (protocol === "NetTCP") return sessionOpenOf(call);
  if (call.via !== undefined) {
    const at = call.listener ? `listener ${call.listener} is ${protocol}` : "the tunnel has several listeners";
    throw new CliError(exitCodes.usage, `${at}; --via is for NetTCP listeners, give one by --listener`);
  }
  return protocolTraits(protocol).isRaw ? rawOpenOf(call, protocol) : openOf(call, message);
}

function textOf(explanation: Explanation, warnings: readonly string[]): string {
  return [formatExplanation(explanation), ...asLines(warnings), ""].join("\n");
}

function jsonOf(tunnel: string, { envelope, matches }: Explanation, warnings: readonly string[]): string {
  const taker = matches.find(({ outcome }) => outcome === "takes");
  const taken = taker === undefined ? null : { route: taker.route, matchIndex: taker.matchIndex };
  return json({ tunnel, taken, envelope: envelope ?? null, matches, warnings });
}

function chooseTunnel(names: readonly string[], asked: string | undefined): string {
  const fitting = asked === undefined ? names : names.filter((name) => name === asked || name.endsWith(`/${asked}`));
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  const known = names.length === 0 ? "the documents name none" : `there are ${names.join(", ")}`;
  if (asked === undefined) throw new CliError(exitCodes.usage, `--tunnel is needed: ${known}`);
  throw new CliError(
    exitCodes.usage,
    `--tunnel ${asked}: ${fitting.length === 0 ? "there is none" : "fits several"}; ${known}`,
  );
}

type AskedListener = Pick<Listener, "name" | "protocol">;

/** Left out: the tunnel's only one. Of routes alone nothing is known of it: HTTP. */
function listenerOf({ tunnels }: Documents, tunnel: string, asked: string | undefined): AskedListener {
  const document = tunnels.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === tunnel);
  const listeners = document?.spec.dmz.listeners ?? [];
  const [only] = listeners;
  if (asked === undefined) return only !== undefined && listeners.length === 1 ? only : { name: "", protocol: "HTTP" };
  const found = listeners.find(({ name }) => name === asked);
  if (found !== undefined) return found;
  if (document === undefined) return { name: asked, protocol: "HTTP" };
  const names = listeners.map(({ name }) => name).join(", ");
  throw new CliError(exitCodes.usage, `--listener ${asked}: tunnel ${tunnel} has ${names}`);
}

// -------------------------------------------------------------------------------------------------------- text

function asLines(warnings: readonly string[]): string[] {
  return unique(warnings).map((warning) => `warning: ${warning}`);
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
