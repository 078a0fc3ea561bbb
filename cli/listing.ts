import { isIPv6 } from "node:net";
import type { ListenerProtocol } from "@sallyport/proto/listener-protocol";
import type { Ports } from "./report.ts";
import { loopback } from "./router-start.ts";
import type { TunnelPlan } from "./tunnel-plan.ts";

/** The lines that tell what a router listens on. */

/** Of R1 `name`: one per listener, its health and its admin port. */
export function dmzListing(plan: TunnelPlan, name: string, address: string, ports: Ports): string[] {
  const listeners = plan.listeners.flatMap((listener) => {
    const port = ports[listener.name];
    return port === undefined
      ? []
      : [line("listening", url(address, port, schemes[listener.protocol]), plan, name, `listener ${listener.name}`)];
  });
  return [
    ...listeners,
    ...(ports.health === undefined ? [] : [line("health", `${url(address, ports.health)}/healthcheck`, plan, name)]),
    ...adminListing(plan, name, ports),
  ];
}

/** Of any router: its admin port. */
export function adminListing(plan: TunnelPlan, name: string, ports: Ports): string[] {
  return ports.admin === undefined ? [] : [line("admin", `${url(loopback, ports.admin)}/statusz`, plan, name)];
}

/** What to try with the sample; `ports` are R1 0's. */
export function sampleListing(plan: TunnelPlan, address: string, ports: Ports): string[] {
  const listener = plan.listeners.find(({ name, protocol }) => protocol === "HTTP" && ports[name] !== undefined);
  if (listener === undefined) return [];
  const service = `${url(address, ports[listener.name]!)}/calculator`;
  const namespace = "http://sallyport.dev/examples/calculator";
  const add = `<Add xmlns="${namespace}"><a>2</a><b>3</b></Add>`;
  const envelope = `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body>${add}</Body></Envelope>`;
  return [
    `try: curl '${service}/add?a=2&b=3'`,
    `try: curl -H 'Content-Type: text/xml; charset=utf-8' -H 'SOAPAction: "${namespace}/ICalculator/Add"' -d '${envelope}' ${service}`,
    `try: curl '${service}?wsdl'`,
    ...(ports.health === undefined ? [] : [`try: curl ${url(address, ports.health)}/healthcheck`]),
  ];
}

function line(what: string, where: string, plan: TunnelPlan, name: string, detail?: string): string {
  const notes = [`tunnel ${plan.label}`, ...(detail === undefined ? [] : [detail]), name];
  return `${what.padEnd(9)}  ${where}  (${notes.join(", ")})`;
}

/** What a listener's clients speak, as a URL has it. */
const schemes = { HTTP: "http", TCP: "tcp", TLS: "tls", NetTCP: "net.tcp" } as const satisfies Record<
  ListenerProtocol,
  string
>;

/** As a client on this machine writes it. */
export function url(address: string, port: number, scheme = "http"): string {
  const isHere = address === loopback || address === "0.0.0.0" || address === "::";
  const host = isHere ? "localhost" : address;
  return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
