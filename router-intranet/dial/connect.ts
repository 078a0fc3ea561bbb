import { isIP, type Socket } from "node:net";
import { buildConnector } from "undici";
import { type AllowAddress, addressRefused, guardedLookup } from "./address.ts";
import { keepReading } from "./early-answer.ts";

export interface ConnectOptions {
  readonly connectTimeoutMs: number;
  readonly allowAddress: AllowAddress;
  /** PEM of the CAs that destinations' certificates are checked against; left out: those of Node. */
  readonly trustedCas?: string;
}

export type Connect = buildConnector.connector;

/** What a connection reset is called here. */
export const resetCode = "DESTINATION_RESET";

/** Makes the connections of both diallers: address policy, connect timeout, TLS name, all in one place. */
export function createConnect(options: ConnectOptions): Connect {
  const connect = buildConnector({
    allowH2: false,
    timeout: options.connectTimeoutMs,
    lookup: guardedLookup(options.allowAddress),
    ...(options.trustedCas === undefined ? {} : { ca: options.trustedCas }),
  });
  return (target, callback) => {
    const literal = isIP(target.hostname) !== 0;
    if (literal && !options.allowAddress(target.hostname)) {
      queueMicrotask(() => callback(addressRefused(target.hostname), null));
      return;
    }
    // The route names the destination, so the certificate must name it too: never the client's Host header, which
    // undici would take. SNI carries no address.
    const servername = target.protocol === "https:" && !literal ? target.hostname : "";
    connect({ ...target, servername }, (...result) => {
      if (result[1]) prepare(result[1]);
      callback(...result);
    });
  };
}

function prepare(socket: Socket): void {
  keepReading(socket);
  // node:http writes a head that goes before its body in the socket's default encoding: each char is a byte.
  socket.setDefaultEncoding("latin1");
  socket.prependListener("error", markReset);
}

/**
 * undici takes ECONNRESET for the regular end of a response that is delimited by the connection's close, and so a part
 * for the whole. Under another code it is the error it is.
 */
function markReset(error: NodeJS.ErrnoException): void {
  if (error.code === "ECONNRESET") error.code = resetCode;
}
