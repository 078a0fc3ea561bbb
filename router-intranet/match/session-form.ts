import type { Preamble } from "@sallyport/proto/net-tcp/preamble";
import { KnownEncoding } from "@sallyport/proto/net-tcp/record";
import type { EnvelopeForm } from "./envelope-form.ts";

/** How the envelopes of a net.tcp session are written, as far as its preamble tells. */
export function sessionForm({ encoding, upgrade }: Preamble): EnvelopeForm {
  if (upgrade !== "") return { t: "absent", why: `the session asks for ${upgrade}, so its messages cannot be seen` };
  switch (encoding) {
    case KnownEncoding.binarySession:
      return { t: "binary", session: true };
    case KnownEncoding.binary:
      return { t: "binary", session: false };
    case KnownEncoding.soap11Utf8:
    case KnownEncoding.soap12Utf8:
      return { t: "xml", charset: "utf-8" };
    case KnownEncoding.soap11Utf16:
    case KnownEncoding.soap12Utf16:
      return { t: "xml", charset: "utf-16" };
    case KnownEncoding.soap11Utf16Le:
    case KnownEncoding.soap12Utf16Le:
      return { t: "xml", charset: "utf-16le" };
    default:
      return { t: "absent", why: "the session's messages are in an encoding that the router does not read" };
  }
}
