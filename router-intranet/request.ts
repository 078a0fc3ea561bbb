import { TunnelError } from "@sallyport/proto/error";
import { CallKind, type Open } from "@sallyport/proto/frame";
import { type ExchangeRequest, unknownLength } from "./dial/destination.ts";
import { forwardRequest } from "./dial/headers.ts";

/** A call's request, before it is dialled: what its head and the body so far allow. */

/** Why a call is not carried at all. */
export function refuse(open: Open): TunnelError | undefined {
  if (open.kind !== CallKind.raw && open.method !== "CONNECT") return undefined;
  const what = open.kind === CallKind.raw ? "plain byte streams as HTTP" : "CONNECT";
  return new TunnelError(
    "POLICY",
    `the intranet router does not carry ${what}; send an HTTP request of another method`,
  );
}

/** What is sent to a destination, or why it is not. */
export function planRequest(
  open: Open,
  { origin, route }: { readonly origin: string; readonly route: string },
  came: { readonly bytes: number; readonly ended: boolean },
): ExchangeRequest | TunnelError {
  const forwarded = forwardRequest(open.headers, origin);
  if (forwarded.t === "malformed") return forwarded.error;
  const { headers, bodyBytes } = forwarded;
  const tooShort = came.ended && came.bytes < bodyBytes;
  if (bodyBytes !== unknownLength && (tooShort || came.bytes > bodyBytes)) return wrongLength(came.bytes, bodyBytes);
  const request = { origin, route, method: open.method, target: open.target, headers, bodyBytes };
  return open.kind === CallKind.upgrade ? { ...request, upgrade: open.upgradeProtocol } : request;
}

/** The client may keep its body back until it is asked for it (RFC 9110, 10.1.1). */
export function expectsContinue({ httpVersion, headers }: Open): boolean {
  if (httpVersion === "1.0") return false;
  return headers.some(
    (name, i) => i % 2 === 0 && name.toLowerCase() === "expect" && headers[i + 1]?.toLowerCase() === "100-continue",
  );
}

export function wrongLength(bytes: number, saidBytes: number): TunnelError {
  const more = bytes > saidBytes ? "more" : "only";
  return new TunnelError("BAD_REQUEST", `the request's Content-Length says ${saidBytes}, ${more} ${bytes} bytes came`);
}
