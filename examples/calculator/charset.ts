import { Refusal } from "./refusal.ts";

/**
 * The text of an XML document. In this order a byte order mark, the charset of the Content-Type and the XML declaration
 * say how to read it (RFC 7303, section 3); without any of them it is UTF-8.
 * Throws a Refusal for an encoding other than UTF-8 and UTF-16, and for bytes that are wrong in their encoding.
 */
export function decodeXml(body: Buffer, charset: string | undefined): string {
  const encoding = byteOrderMark(body) ?? named(charset ?? declared(body), body);
  try {
    // Drops the byte order mark.
    return new TextDecoder(encoding, { fatal: true }).decode(body);
  } catch {
    throw new Refusal({ t: "client" }, `The message holds bytes that are not ${encoding.toUpperCase()}.`);
  }
}

type Encoding = "utf-8" | "utf-16le" | "utf-16be";

function byteOrderMark(body: Buffer): Encoding | undefined {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return "utf-8";
  if (body[0] === 0xff && body[1] === 0xfe) return "utf-16le";
  return body[0] === 0xfe && body[1] === 0xff ? "utf-16be" : undefined;
}

function named(name: string, body: Buffer): Encoding {
  switch (name.toLowerCase()) {
    case "utf-8":
    case "utf8":
    case "us-ascii":
      return "utf-8";
    case "utf-16le":
      return "utf-16le";
    case "utf-16be":
      return "utf-16be";
    case "utf-16":
      // No mark: Windows sends little-endian, RFC 2781 says big-endian. The first "<" or white space tells.
      return body[1] === 0 ? "utf-16le" : "utf-16be";
    default:
      throw new Refusal({ t: "client" }, `The encoding "${name}" cannot be read here; send UTF-8 or UTF-16.`);
  }
}

/** What the document says of itself; UTF-16 without a mark shows by the zero beside its first "<". */
function declared(body: Buffer): string {
  if (body[0] === 0 || body[1] === 0) return "utf-16";
  const declaration = /^<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/.exec(
    body.toString("latin1", 0, 200),
  );
  return declaration?.[1] ?? "utf-8";
}
