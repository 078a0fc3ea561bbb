import { X509Certificate } from "node:crypto";
import type { Configuration, RouteState, UplinkStatus } from "@sallyport/proto/admin";
import { routeHash } from "@sallyport/proto/route-hash";
import type { ConfigOrigin, IntranetConfig } from "@sallyport/proto/router-config";
import { certificatesOf } from "@sallyport/tunnel/identity";
import type { RoutingTable } from "./match/routing-table.ts";
import { fingerprint } from "./uplink/peer-certificates.ts";
import type { Uplink } from "./uplink/uplink.ts";

/** What R2 tells the operator: docs/protocol.md, "The operator's stream". */

/** Every route that R2 was given, whatever became of it. */
export function routeStates({ routes, origin, tunnel }: IntranetConfig, table: RoutingTable): RouteState[] {
  const served = new Set(table.routes.map(({ document }) => document));
  const problems = new Map(table.problems.map(({ route, message }) => [route, message]));
  const given = routes.map((document): RouteState => {
    const { namespace, name } = document.metadata;
    const problem = problems.get(`${namespace}/${name}`) ?? "";
    if (served.has(document)) return { namespace, name, hash: routeHash(document), refused: "", problem };
    return { namespace, name, hash: "", refused: `no parentRef names this tunnel, ${tunnel}`, problem: "" };
  });
  const refused = origin.refused.map(
    ({ namespace, name, problem }): RouteState => ({ namespace, name, hash: "", refused: problem, problem: "" }),
  );
  return [...given, ...refused];
}

/** `name`: the R1's in the configuration. */
export function uplinkStatus(name: string, uplink: Uplink, peerCertificate: string): UplinkStatus {
  const links = [...uplink.links].filter(({ state }) => state === "open").length;
  return {
    ...{ name, state: uplink.state.t, links, peerCertificate },
    roundTripUs: Math.round(uplink.roundTripMs * 1_000),
    lastError: uplink.lastError?.message ?? "",
  };
}

/** `status`: of the configuration that was read last. */
export function configurationReport(
  { origin, identity }: IntranetConfig,
  status: { readonly error: string; readonly needsRestart: readonly string[] },
): Configuration {
  const leaf = new X509Certificate(identity.certificateChain);
  return {
    ...{ config: origin.config, configRefused: status.error, needsRestart: status.needsRestart },
    ...{ routes: origin.routes, routesWaiting: origin.waiting?.problem ?? "" },
    certificate: fingerprint(leaf.raw),
    certificateExpires: Math.floor(leaf.validToDate.getTime() / 1_000),
    trustedCas: certificatesOf(identity.trustedCas).map(({ raw }) => fingerprint(raw)),
  };
}

/** For the status page. */
export function routeSource({ routes, waiting, refused }: ConfigOrigin): object {
  const since = waiting && { problem: waiting.problem, since: new Date(waiting.sinceMs).toISOString() };
  return { generation: routes, waiting: since ?? null, refused };
}
