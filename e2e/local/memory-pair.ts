import { TunnelError } from "@sallyport/proto/error";
import { emptyOpen } from "@sallyport/proto/frame";
import { Pool } from "@sallyport/router-dmz/pool/pool";
import { Registry } from "@sallyport/router-dmz/pool/registry";
import { Uplink, type UplinkOptions } from "@sallyport/router-intranet/uplink/uplink";
import { Budget } from "@sallyport/tunnel/budget";
import type { Call } from "@sallyport/tunnel/call";
import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { limits, Recorder } from "@sallyport/tunnel/testing/link-pair";
import { MemoryTransport } from "@sallyport/tunnel/testing/memory-transport";
import type { LinkTransport } from "@sallyport/tunnel/transport";

/** For tests: an R1's pool and an R2's uplink, without sockets and with a clock to turn. */

export const ok = { status: 200, reason: "OK", headers: [] };
export const common = { tunnel: "default/sample", workerId: "0", software: "test", limits, heartbeatMs: 1_000 };

export const noSpans = { takesSpans: false, onSpans: () => {} };

export interface Dmz {
  registry: Registry;
  pool: Pool;
  connections: MemoryTransport[];
}

/** An R1 without sockets. */
export function startDmz(clock: FakeClock, instanceId = "dmz-1", linksMin = 2): Dmz {
  const refresh = (): void => pool.refresh();
  const registry = new Registry({
    ...common,
    ...{ instanceId, clock, budget: new Budget(limits.memoryBudgetBytes), registrationsMax: 4, linksMax: 32 },
    onRegistration: refresh,
    onLink: refresh,
    onLinkClosed: () => {},
    onBytes: () => {},
    onRoom: () => pool.serveWaiting(),
  });
  const size = { min: linksMin, max: Math.max(4, linksMin), callsPerLink: 8 };
  const pool = new Pool({ source: registry, size, surplusMs: 30_000, waitingCallsMax: 2, waitingMs: 5_000, clock });
  return { registry, pool, connections: [] };
}

/** What stands for the network: whom R2 reaches, if anyone. */
export interface Network {
  dmz: Dmz | undefined;
  dialled: string[];
  /** What happens before R1 hears of a connection. */
  beforeAccept?: (method: "manage" | "carry") => void;
}

export function startIntranet(
  clock: FakeClock,
  network: Network,
  tunnel = common.tunnel,
  changes: Partial<UplinkOptions> = {},
) {
  const states: string[] = [];
  const accepted: Call[] = [];
  const uplink = new Uplink({
    ...common,
    ...noSpans,
    ...{ tunnel, name: "R1 0", instanceId: "intranet-1", clock, budget: new Budget(limits.memoryBudgetBytes) },
    random: () => 0.5,
    dial: (method) => dial(network, method),
    accept: (call) => {
      accepted.push(call);
      return new Recorder();
    },
    routes: () => [{ namespace: "default", name: "calculator", hash: "abc" }],
    onState: (state, error) => states.push(error ? `${state.t}: ${error.message}` : state.t),
    onBytes: () => {},
    onLink: () => {},
    ...changes,
  });
  return { uplink, states, accepted };
}

export function dial(network: Network, method: "manage" | "carry"): LinkTransport {
  network.dialled.push(method);
  const [near, far] = MemoryTransport.pair();
  setImmediate(() => {
    const { dmz } = network;
    if (!dmz) return near.close(new TunnelError("LINK_LOST", "connection refused"));
    dmz.connections.push(far, near);
    network.beforeAccept?.(method);
    if (method === "manage") dmz.registry.acceptManage(far, "peer");
    else dmz.registry.acceptCarry(far, "peer");
    near.events?.onReady?.();
  });
  return near;
}

export function start(linksMin = 2) {
  const clock = new FakeClock();
  const dmz = startDmz(clock, "dmz-1", linksMin);
  const network: Network = { dmz, dialled: [] };
  const intranet = startIntranet(clock, network);
  intranet.uplink.start();
  return { clock, dmz, network, ...intranet };
}

export const openOn = ({ pool }: Dmz, id: string): { events: Recorder; outcome: string[]; cancel: () => void } => {
  const events = new Recorder();
  const outcome: string[] = [];
  const ticket = pool.start({ ...emptyOpen, id }, events, {
    started: (call) => {
      events.call = call;
      outcome.push("started");
    },
    failed: (error) => outcome.push(error.code),
  });
  return { events, outcome, cancel: ticket.cancel };
};
