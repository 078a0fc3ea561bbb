import { MIMEType } from "node:util";
import { emptyOpen } from "@sallyport/proto/frame";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mediaType, mediaTypeParameter } from "./content-type.ts";
import { envelopeForm } from "./envelope-form.ts";
import { soapActionOf } from "./soap-action.ts";
import { hasDotSegments, hostOf, parseTarget } from "./target.ts";

const byteText = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 20 });
const piece = fc.constantFrom(
  ...["multipart/related", "text/xml", "application/soap+xml", ";", " ", "=", '"', "\\", "action", "charset", "start"],
  ...["start-info", "boundary", "type", "utf-16", "<", ">", "\t", ",", "a"],
);
const contentType = fc.oneof(
  byteText,
  fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join("")),
);
const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,10}$/);

describe("whatever a Content-Type holds", () => {
  it("there is an action or none, and a form", () => {
    fc.assert(
      fc.property(fc.option(byteText, { nil: undefined }), contentType, (soapAction, each) => {
        expect(soapActionOf(soapAction, each)).not.toBe("");
        const headers = new Map([
          ["content-length", "1"],
          ["content-type", each],
        ]);
        const form = envelopeForm({ ...emptyOpen, method: "POST" }, (name) => headers.get(name));
        expect(["xml", "multipart", "absent"]).toContain(form.t);
      }),
      { numRuns: 3_000 },
    );
  });

  it("a parameter that was written is read, quoted or not", () => {
    fc.assert(
      fc.property(contentType, token, (quoted, plain) => {
        const escaped = quoted.replace(/["\\]/g, "\\$&");
        expect(mediaTypeParameter(`a/b; x="; action=no"; action="${escaped}"; action=no`, "action")).toBe(quoted);
        expect(mediaTypeParameter(`a/b;x=1;ACTION=${plain};y=2`, "action")).toBe(plain);
      }),
      { numRuns: 1_000 },
    );
  });

  it("it says what Node's reader of media types says", () => {
    const parameter = fc
      .tuple(fc.constantFrom("action", "charset", "x"), token)
      .map(([key, value]) => `; ${key}=${value}`);
    fc.assert(
      fc.property(token, token, fc.array(parameter, { maxLength: 4 }), (type, subtype, parameters) => {
        const each = `${type}/${subtype}${parameters.join("")}`;
        const mime = new MIMEType(each);
        expect(mediaType(each)).toBe(mime.essence);
        for (const key of ["action", "charset"])
          expect(mediaTypeParameter(each, key) ?? null).toBe(mime.params.get(key));
      }),
    );
  });
});

describe("whatever a target is", () => {
  const part = fc.constantFrom(
    "http://",
    "/",
    ".",
    "..",
    "%2e",
    "%2F",
    "\\",
    "@",
    ":",
    "?",
    "#",
    "a",
    "[::1]",
    "80",
    ";",
    "é",
  );
  const target = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(""));

  it("it has a path, and a host is a host or none", () => {
    fc.assert(
      fc.property(fc.oneof(target, byteText), fc.constantFrom("GET", "CONNECT"), (each, method) => {
        const { authority, path, query } = parseTarget(method, each);
        expect(hostOf(authority ?? each)).toMatch(/^(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]*)$/);
        expect(path).not.toContain("?");
        expect(`${path}${query}`).not.toContain("#");
      }),
      { numRuns: 3_000 },
    );
  });

  it("a path that a reader of URLs shortens has dot segments", () => {
    fc.assert(
      fc.property(target, (each) => {
        const { path } = parseTarget("GET", `/${each}`);
        if (!URL.canParse(`http://h${path}`)) return;
        const dots = (text: string) => text.split(/[/\\]/).length;
        if (dots(new URL(`http://h${path}`).pathname) < dots(path)) expect(hasDotSegments(path)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });
});
