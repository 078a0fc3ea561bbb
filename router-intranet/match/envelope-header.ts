import type { RouteMatch } from "@sallyport/proto/resource";
import { patternInputMax } from "./pattern.ts";

/** Which header blocks routes ask for, and what an envelope has of them. */

/**
 * Names a header block: "ClientRouteName" in whatever namespace, "{urn:routes}ClientRouteName" in that one. No name of an
 * element holds a brace.
 */
export type HeaderKey = string;

/** Local name → the keys it is asked by. */
export type AskedHeaders = ReadonlyMap<string, ReadonlySet<HeaderKey>>;

/**
 * Key → text, without white space at its ends. Of several blocks the first counts. `undefined`: the block holds more than
 * text, or over `headerTextMax` characters.
 */
export type HeaderTexts = ReadonlyMap<HeaderKey, string | undefined>;

export type HeaderMatch = NonNullable<NonNullable<RouteMatch["soap"]>["header"]>;

/** The longest text of a header block that is kept, in characters. */
export const headerTextMax = patternInputMax;

export function headerKey(name: string, namespace: string | undefined): HeaderKey {
  return namespace === undefined ? name : `{${namespace}}${name}`;
}

/** The keys of these matches, and those of `wsa:Action`. */
export function askedHeaders(matches: readonly RouteMatch[]): AskedHeaders {
  const asked = new Map<string, Set<HeaderKey>>([["Action", new Set(actionKeys)]]);
  for (const { soap } of matches) {
    if (soap?.header === undefined) continue;
    const { name, namespace } = soap.header;
    const keys = asked.get(name) ?? new Set();
    asked.set(name, keys.add(headerKey(name, namespace)));
  }
  return asked;
}

/** What `wsa:Action` says, `undefined` when there is none. */
export function addressingAction(texts: HeaderTexts): string | undefined {
  for (const key of actionKeys) {
    const action = texts.get(key);
    if (action !== undefined && action !== "") return action;
  }
  return undefined;
}

/** WS-Addressing 1.0, and the submission of August 2004 that .NET 3 and WSE use. */
const addressingNamespaces = [
  "http://www.w3.org/2005/08/addressing",
  "http://schemas.xmlsoap.org/ws/2004/08/addressing",
];
const actionKeys = addressingNamespaces.map((namespace) => headerKey("Action", namespace));
/** Of WS-Addressing 1.0. */
export const addressingActionKey = headerKey("Action", addressingNamespaces[0]);
