import type { ErrorName } from "@sallyport/proto/error";
import { jsonText } from "@sallyport/tunnel/access-log";

/** What one call of a client leaves in R1's access log. */
export interface AccessEntry {
  readonly id: string;
  readonly listener: string;
  readonly connection: number;
  /** The client's IP address. */
  readonly client: string;
  /** "": the call is no HTTP exchange. */
  readonly method: string;
  readonly target: string;
  /** What TLS calls the server. Left out or "": nothing is known of it. */
  readonly serverName?: string;
  /** Of the final head; 0 when none was sent. */
  readonly status: number;
  /** Why it failed, or "". A fault has a status too. */
  readonly error: ErrorName | "";
  /** Of the bodies, without chunk framing: read from the client, given to it. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
}

/** What R1's lines have beyond both routers' fields. */
export function moreOf({ listener, connection, client, target, serverName = "" }: AccessEntry): string {
  // The query may hold what is not for logs.
  const query = target.indexOf("?");
  const path = (query === -1 ? target : target.slice(0, query)).slice(0, 1024);
  const name = serverName === "" ? "" : `,"serverName":${jsonText(serverName)}`;
  return `,"listener":"${listener}","connection":${connection},"client":"${client}","target":${jsonText(path)}${name}`;
}
