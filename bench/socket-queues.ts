import { readFileSync } from "node:fs";

/**
 * Bytes that the system holds on loopback connections of a port, both ways: written and not acknowledged, or arrived and
 * not read. What waits there goes before whatever is written next. Linux only.
 */
export function queuedOnPort(port: number): number {
  return sumQueues(readFileSync("/proc/net/tcp", "utf8"), port);
}

/** proc(5): after a line of titles, `sl local:port remote:port state tx_queue:rx_queue …`, all in hexadecimal. */
export function sumQueues(tcp: string, port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  let bytes = 0;
  for (const line of tcp.split("\n").slice(1)) {
    const [, local = "", remote = "", state, queues = ""] = line.trim().split(/\s+/);
    if (state !== established || !(local.endsWith(suffix) || remote.endsWith(suffix))) continue;
    for (const queue of queues.split(":")) bytes += Number.parseInt(queue, 16);
  }
  return bytes;
}

const established = "01";
