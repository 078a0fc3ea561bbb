import { TunnelError } from "@sallyport/proto/error";

/**
 * Request targets that mean the same to R1, R2 and a destination. They go on untouched, so a form that might be read in
 * two ways is refused: RFC 9112, 3.2. Throws BAD_REQUEST.
 */
export function checkTarget(method: string, target: string, host: string): void {
  if (target.includes("#")) throw refused("has a fragment");
  if (target.startsWith("/")) return;
  if (target === "*") {
    if (method !== "OPTIONS") throw refused("'*' is for OPTIONS only");
    return;
  }
  const absolute = absoluteForm.exec(target);
  if (absolute === null) throw refused("is neither a path nor an http:// or https:// URL");
  const [, scheme = "", authority = ""] = absolute;
  if (withoutPort(authority, scheme) !== withoutPort(host, scheme)) throw refused("names another host than Host does");
}

const absoluteForm = /^(https?):\/\/([^/?]*)/i;

function withoutPort(authority: string, scheme: string): string {
  const ownPort = scheme.toLowerCase() === "https" ? ":443" : ":80";
  const lower = authority.toLowerCase();
  return lower.endsWith(ownPort) ? lower.slice(0, -ownPort.length) : lower;
}

function refused(why: string): TunnelError {
  return new TunnelError("BAD_REQUEST", `the request was refused: its target ${why}`);
}
