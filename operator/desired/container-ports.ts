import { port } from "../names.ts";

const unprivilegedMin = 1024;
const portMax = 65_535;
const shift = 10_000;

/**
 * The container's port of each listener, by its name: a container that is not root cannot bind ports under 1024, and some are
 * the router's own. docs/adr/0011, "Ports of the containers".
 */
export function containerPorts(
  listeners: readonly { readonly name: string; readonly port: number }[],
): ReadonlyMap<string, number> {
  const taken = new Set<number>(Object.values(port));
  const ports = new Map<string, number>();
  const isOwnFree = (own: number): boolean => own >= unprivilegedMin && !Object.values<number>(port).includes(own);
  // Those that keep their port come first, or one that moves might take it.
  for (const listener of listeners.filter((one) => isOwnFree(one.port))) {
    ports.set(listener.name, listener.port);
    taken.add(listener.port);
  }
  for (const listener of listeners.filter((one) => !isOwnFree(one.port))) {
    const free = nextFree(listener.port + shift, taken);
    ports.set(listener.name, free);
    taken.add(free);
  }
  return ports;
}

function nextFree(wanted: number, taken: ReadonlySet<number>): number {
  let candidate = wanted > portMax ? unprivilegedMin : wanted;
  while (taken.has(candidate)) candidate = candidate === portMax ? unprivilegedMin : candidate + 1;
  return candidate;
}
