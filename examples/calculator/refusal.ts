import type { XmlName } from "./xml.ts";

/** Why a call is refused. SOAP makes a fault of it, REST a problem document. */
export type RefusalCause =
  | { readonly t: "client" }
  | { readonly t: "divide-by-zero"; readonly a: number; readonly b: number }
  | { readonly t: "must-understand"; readonly headers: readonly XmlName[] }
  | { readonly t: "version-mismatch" }
  | { readonly t: "only-anonymous"; readonly header: string };

/** Thrown where a call cannot go on; caught once, where its answer is written. The message is for the caller. */
export class Refusal extends Error {
  readonly why: RefusalCause;

  constructor(why: RefusalCause, message: string) {
    super(message);
    this.name = "Refusal";
    this.why = why;
  }
}
