import type { HeaderTexts } from "./envelope-header.ts";

/** How far the search for a header in a body's start has come. All but `more` are final. */
export type EnvelopeOutcome =
  | { readonly t: "more" }
  /** The header is read whole. */
  | { readonly t: "found"; readonly headers: HeaderTexts }
  /** The body is not SOAP, or not as the router reads it. */
  | { readonly t: "notSoap"; readonly why: string }
  /** The header does not end in the bytes that are looked at. */
  | { readonly t: "tooLong"; readonly why: string }
  /** Nobody should have to read such a thing: the call is refused. */
  | { readonly t: "malformed"; readonly why: string };
