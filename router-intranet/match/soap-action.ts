import { mediaType, mediaTypeParameter } from "./content-type.ts";

/**
 * The SOAP action that a call's HTTP headers tell, `undefined` when they tell none. It is in the `SOAPAction` header
 * (SOAP 1.1, 6.1.1: perhaps quoted, `""` is none) or in the `action` parameter of the `Content-Type` (RFC 3902; for
 * `multipart/related`, its own parameter or else that of its `start-info`). Where both tell one, the parameter counts if the
 * message is SOAP 1.2, the header else.
 *
 * It is the weaker source: an envelope's `wsa:Action`, where one is read, is asked after it.
 */
export function soapActionOf(soapAction: string | undefined, contentType: string | undefined): string | undefined {
  const header = unquoted(soapAction);
  if (contentType === undefined) return header;
  const type = mediaType(contentType);
  if (type === "multipart/related") return ofMultipart(header, contentType);
  if (header !== undefined && !isSoap12(type)) return header;
  return given(mediaTypeParameter(contentType, "action")) ?? header;
}

function ofMultipart(header: string | undefined, contentType: string): string | undefined {
  // MTOM has the envelope's type in start-info, SOAP with Attachments in type.
  const startInfo = mediaTypeParameter(contentType, "start-info") ?? mediaTypeParameter(contentType, "type") ?? "";
  if (header !== undefined && !isSoap12(mediaType(startInfo))) return header;
  return given(mediaTypeParameter(contentType, "action")) ?? given(mediaTypeParameter(startInfo, "action")) ?? header;
}

/** "application/soap+xml", and WCF's binary "application/soap+msbin1". */
function isSoap12(type: string): boolean {
  return type.startsWith("application/soap+");
}

function unquoted(header: string | undefined): string | undefined {
  const value = header?.trim() ?? "";
  const quoted = value.length > 1 && value.startsWith('"') && value.endsWith('"');
  return given(quoted ? value.slice(1, -1) : value);
}

function given(action: string | undefined): string | undefined {
  return action === "" ? undefined : action;
}
