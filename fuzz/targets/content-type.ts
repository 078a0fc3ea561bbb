import { MIMEType } from "node:util";
import { emptyOpen } from "@sallyport/proto/frame";
import { mediaType, mediaTypeParameter } from "@sallyport/router-intranet/match/content-type";
import { envelopeForm } from "@sallyport/router-intranet/match/envelope-form";
import { soapActionOf } from "@sallyport/router-intranet/match/soap-action";
import { latin1, type Target } from "../target.ts";

/**
 * A SOAPAction and a Content-Type, a line each. A value that is quoted as RFC 9110 has it is read as it was before; Node's
 * own reader of media types says the same where the input is written without oddities.
 */
export const target: Target = {
  summary: "SOAPAction and Content-Type: action, charset, boundary, start",
  seeds: [
    '"urn:header"\ntext/xml; charset=utf-8',
    '\napplication/soap+xml; charset=utf-8; action="urn:param"',
    '""\nmultipart/related; start-info="application/soap+xml; action=\\"urn:inner\\""; type="application/xop+xml"; boundary=b; start="<r@x>"',
  ].map((text) => Buffer.from(text, "latin1")),
  tokens: [
    "action=",
    "boundary=",
    "charset=",
    "start=",
    "start-info=",
    "type=",
    '"',
    '\\"',
    "; ",
    "multipart/related",
    "utf-16",
  ],
  inputBytesMax: 2048,
  bufferBytesMax: 1024 * 1024,
  run(input) {
    const [soapAction, ...lines] = latin1(input).split("\n");
    const contentType = lines.join("\n");
    if (soapActionOf(soapAction, contentType) === "") throw new Error("an empty action is none");
    checkForm(contentType);
    for (const name of ["action", "charset", "start-info"]) checkParameter(contentType, name);
    checkQuoted(contentType);
  },
};

function checkForm(contentType: string): void {
  const headers = new Map([
    ["content-length", "1"],
    ["content-type", contentType],
  ]);
  const form = envelopeForm({ ...emptyOpen, method: "POST" }, (name) => headers.get(name));
  if (form.t === "multipart" && (form.boundary.length > 70 || /[^ -~]/.test(form.boundary))) {
    throw new Error("a boundary that RFC 2046 does not allow was taken");
  }
}

function checkParameter(contentType: string, name: string): void {
  const value = mediaTypeParameter(contentType, name);
  if (!plainPattern.test(contentType)) return;
  const mime = new MIMEType(contentType);
  if (mime.essence !== mediaType(contentType)) throw new Error(`the type is ${mime.essence} for Node`);
  const theirs = mime.params.get(name) ?? undefined;
  if (value !== theirs) throw new Error(`${name} is ${JSON.stringify(value)}, for Node ${JSON.stringify(theirs)}`);
}

/** Tokens, quoted strings, single spaces: nothing that readers see differently. */
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const plainPattern = new RegExp(`^${token}/${token}(?:; ${token}=(?:${token}|"(?:[ !#-[\\]-~]|\\\\[ -~])+"))*$`);

function checkQuoted(value: string): void {
  const quoted = `a/b; x="; action=no"; action="${value.replace(/["\\]/g, "\\$&")}"; action=no`;
  const read = mediaTypeParameter(quoted, "action");
  if (read !== value) throw new Error(`${JSON.stringify(quoted)} reads as ${JSON.stringify(read)}`);
}
