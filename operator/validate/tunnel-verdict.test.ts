import { describe, expect, it } from "vitest";
import type { Facts } from "../facts.ts";
import { type SampleTunnel, sampleFacts, sampleTunnel } from "../testing/sample.ts";
import { judgeTunnel } from "./tunnel-verdict.ts";

interface Case {
  readonly tunnel: SampleTunnel;
  readonly facts?: Partial<Facts>;
  readonly holds: boolean;
  readonly reason: string;
  readonly message: RegExp;
}

const placed = (dmz: string, intranet?: string): SampleTunnel => ({
  dmz: { namespace: dmz },
  ...(intranet === undefined ? {} : { spec: { intranet: { namespace: intranet } } }),
});

const acceptance: Record<string, Case> = {
  "a tunnel may place routers in its own namespace": {
    ...{ tunnel: placed("tunnels"), holds: true, reason: "Accepted", message: /in tunnels$/ },
  },
  "in another one that names the tunnel's namespace": {
    ...{ tunnel: placed("dmz"), holds: true, reason: "Accepted", message: /in dmz and tunnels$/ },
  },
  "in one that takes the tunnels of all": {
    ...{ tunnel: placed("open", "open"), holds: true, reason: "Accepted", message: /in open$/ },
  },
  "not in one that has not said so": {
    ...{ tunnel: placed("shut"), holds: false, reason: "NamespaceNotAllowed" },
    message: /kubectl label namespace shut sallyport.dev\/tunnels-from=tunnels$/,
  },
  "not in one that names another namespace than the tunnel's": {
    tunnel: { namespace: "apps", dmz: { namespace: "dmz" } },
    ...{ holds: false, reason: "NamespaceNotAllowed", message: /spec.dmz.namespace: dmz takes no tunnels of apps/ },
  },
  "nor its R2s, which are asked for as well": {
    ...{ tunnel: placed("dmz", "shut"), holds: false, reason: "NamespaceNotAllowed" },
    message: /^spec.intranet.namespace: shut/,
  },
  "never in kube-system, whatever its labels say": {
    ...{ tunnel: placed("kube-system"), holds: false, reason: "NamespaceClosed", message: /choose another one$/ },
  },
  "never in kube-system, even for a tunnel that is there": {
    tunnel: { namespace: "kube-system", dmz: { namespace: "kube-system" } },
    ...{ holds: false, reason: "NamespaceClosed", message: /kube-system/ },
  },
  "not in one that does not exist": {
    ...{ tunnel: placed("nowhere"), holds: false, reason: "NamespaceNotFound", message: /does not exist; create it/ },
  },
  "not in one that the operator does not watch": {
    ...{ tunnel: placed("open"), facts: { watchedNamespaces: new Set(["tunnels"]) } },
    ...{ holds: false, reason: "NamespaceNotWatched", message: /--watch-namespaces/ },
  },
};

const issuerRef = { spec: { identity: { issuerRef: { name: "corp" } } } };

const resolution: Record<string, Case> = {
  "a tunnel whose certificates the operator makes needs nothing": {
    ...{ tunnel: {}, holds: true, reason: "ResolvedRefs", message: /is there$/ },
  },
  "an issuer needs cert-manager": {
    ...{ tunnel: issuerRef, holds: false, reason: "CertManagerMissing", message: /install it, or leave issuerRef out/ },
  },
  "and is fine with it": {
    ...{ tunnel: issuerRef, facts: { hasCertManager: true }, holds: true, reason: "ResolvedRefs", message: /./ },
  },
  "Secrets of one's own are told as they were found": {
    tunnel: {},
    facts: { identityProblem: { holds: false, reason: "CertificateExpired", message: "renew it" } },
    ...{ holds: false, reason: "CertificateExpired", message: /^renew it$/ },
  },
};

describe("who may place routers where", () => {
  it.each(Object.entries(acceptance))("%s", (_, { tunnel, facts, message, ...expected }) => {
    const { accepted } = judgeTunnel(sampleTunnel(tunnel), sampleFacts(facts));
    expect(accepted).toEqual({ ...expected, message: expect.stringMatching(message) });
  });
});

describe("what a tunnel names", () => {
  it.each(Object.entries(resolution))("%s", (_, { tunnel, facts, message, ...expected }) => {
    const { resolvedRefs } = judgeTunnel(sampleTunnel(tunnel), sampleFacts(facts));
    expect(resolvedRefs).toEqual({ ...expected, message: expect.stringMatching(message) });
  });
});
