import { TunnelError } from "@sallyport/proto/error";
import type { DmzConfig } from "@sallyport/proto/router-config";

/** One of R1's doors for clients, whatever it speaks. */
export interface ClientListener {
  /** Its name. */
  readonly listener: string;
  readonly stats: ListenerStats;
  /** Resolves with the address and port bound. Throws INTERNAL that names listener, address, port and the mend. */
  listen(): Promise<{ readonly address: string; readonly port: number }>;
  /** Clients are told, where the protocol has words for it, that the connection will close. */
  announceDrain(): void;
  /** Stops to accept. Resolves when the last connection has ended. */
  finish(): Promise<void>;
  /** Stops to accept and breaks off what still runs. */
  close(): Promise<void>;
}

/** Counts since the start, but for `connections`, which is now. */
export interface ListenerStats {
  readonly connections: number;
  /** Calls begun. */
  readonly exchanges: number;
  /** What was no request, no preamble; floods of pipelined requests. */
  readonly refused: number;
  /** Connections over `connectionsMax`, and those that the system could not give us. */
  readonly dropped: number;
}

/** Connections that wait to be accepted; the system's own limit may be lower. */
export const backlog = 4096;

export type ListenerConfig = DmzConfig["listeners"][number];

export function bindError(
  listener: Pick<ListenerConfig, "name" | "address" | "port">,
  error: NodeJS.ErrnoException,
): TunnelError {
  const at = `listener "${listener.name}" cannot listen on ${listener.address} port ${listener.port}`;
  return new TunnelError("INTERNAL", `${at}: ${mends[error.code ?? ""] ?? error.message}`, error);
}

const mends: Record<string, string> = {
  EADDRINUSE: "another process does; stop it, or give the listener another port",
  EACCES: "this process may not; ports under 1024 need privileges, so give the listener a higher port",
  EADDRNOTAVAIL: "this machine does not have the address; give the listener one it has, or 0.0.0.0 for all of them",
};
