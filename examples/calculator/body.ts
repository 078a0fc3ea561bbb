import type { IncomingMessage } from "node:http";

/** The most bytes of a SOAP message. */
export const bodyBytesMax = 4 * 1024 * 1024;
/** Of a message that is too large this much is read and dropped, so that its sender comes to read the answer. */
export const droppedBytesMax = 16 * bodyBytesMax;

/** The whole body, or why there is none. Throws when the sender breaks off. */
export async function readBody(
  request: IncomingMessage,
): Promise<{ readonly t: "read"; readonly body: Buffer } | { readonly t: "too-large" }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop early must not destroy the request: the answer needs its connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > droppedBytesMax) break;
    if (bytes <= bodyBytesMax) chunks.push(chunk);
    else chunks.length = 0;
  }
  return bytes > bodyBytesMax ? { t: "too-large" } : { t: "read", body: Buffer.concat(chunks) };
}
