import type { Open } from "@sallyport/proto/frame";
import { mediaType, mediaTypeParameter } from "./content-type.ts";
import { isReadable } from "./envelope-encoding.ts";

/** Where a call's SOAP envelope is, as far as its HTTP head tells. */
export type EnvelopeForm =
  /** The body is one. `charset`: what the Content-Type says of it. */
  | { readonly t: "xml"; readonly charset: string | undefined }
  /** It is a part of the body: MTOM, SOAP with Attachments. `start`: the part's Content-ID, `undefined`: the first part. */
  | { readonly t: "multipart"; readonly boundary: string; readonly start: string | undefined }
  /** The body is one in WCF's binary XML; `session`: it begins with strings of the session. */
  | { readonly t: "binary"; readonly session: boolean }
  /** None, or none that is read. `why` is for people and begins like "the call has no body". */
  | { readonly t: "absent"; readonly why: string };

/** `header` answers by lower-case name. Never throws. */
export function envelopeForm(open: Open, header: (lowerName: string) => string | undefined): EnvelopeForm {
  if (bodiless.has(open.method)) return absent(`a ${open.method} carries no envelope`);
  const lengths = header("content-length");
  if (header("transfer-encoding") === undefined && Number(lengths ?? 0) === 0) return absent("the call has no body");
  const coding = header("content-encoding")?.trim().toLowerCase() ?? "";
  if (coding !== "" && coding !== "identity") return absent("the body is compressed (Content-Encoding)");
  return formOf(header("content-type") ?? "");
}

/** Types of a body, or of a part of it, that are an envelope in text. */
export function isSoapType(type: string): boolean {
  return type === "text/xml" || type === "application/soap+xml";
}

function formOf(contentType: string): EnvelopeForm {
  const type = mediaType(contentType);
  if (type === "multipart/related") return multipartForm(contentType);
  const session = binaryTypes.get(type);
  if (session !== undefined) return { t: "binary", session };
  if (!isSoapType(type)) return absent("the Content-Type is not that of a SOAP message");
  const charset = mediaTypeParameter(contentType, "charset");
  return isReadable(charset) ? { t: "xml", charset } : absent("the body is in a charset that the router does not read");
}

function multipartForm(contentType: string): EnvelopeForm {
  const boundary = mediaTypeParameter(contentType, "boundary") ?? "";
  if (!boundaryPattern.test(boundary)) return absent("the multipart body has no usable boundary");
  const rootType = mediaTypeParameter(contentType, "type");
  const isSoap = rootType === undefined || isSoapType(mediaType(rootType)) || mediaType(rootType) === xopType;
  if (!isSoap) return absent("the multipart body's type is not that of a SOAP message");
  const start = mediaTypeParameter(contentType, "start");
  return { t: "multipart", boundary, start: start === undefined ? undefined : contentId(start) };
}

/** A Content-ID without the angle brackets that not everyone writes. */
export function contentId(value: string): string {
  const id = value.trim();
  return id.startsWith("<") && id.endsWith(">") ? id.slice(1, -1) : id;
}

function absent(why: string): EnvelopeForm {
  return { t: "absent", why };
}

/** WCF's netHttpBinding: [MC-NBFS] and, of a session, [MC-NBFSE]. */
const binaryTypes = new Map([
  ["application/soap+msbin1", false],
  ["application/soap+msbinsession1", true],
]);

/** The root part of MTOM (XOP, 4.1). */
export const xopType = "application/xop+xml";

const bodiless = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "CONNECT"]);
/** RFC 2046, 5.1.1, and what else is printed in the wild. */
const boundaryPattern = /^[!-~]([ -~]{0,68}[!-~])?$/;
