import { isIP } from "node:net";
import { check } from "@sallyport/proto/problem";
import { documentLimits } from "@sallyport/proto/resource";
import { intranetTracing } from "@sallyport/proto/tracing-config";
import { InvalidArgumentError } from "commander";
import { loopback, type RunSettings } from "./router-start.ts";

/** What `sallyport dev` is asked for. */
export interface DevOptions extends RunSettings {
  /** None: the sample. "-": standard input. */
  readonly files: readonly string[];
  /** Instead of documents: one tunnel whose every call goes to this service. */
  readonly to: { readonly url: string; readonly port: number } | undefined;
  /** Undefined: as the documents say. */
  readonly pairs: number | undefined;
  /** R1 0's of the first tunnel; 0: any free one. */
  readonly healthPort: number;
}

/** Each parses an option's text; throws commander's InvalidArgumentError, whose message says what is allowed. */

export function parsePairs(text: string): number {
  return wholeNumber(text, 1, documentLimits.pairsMax);
}

export function parsePort(text: string): number {
  return wholeNumber(text, 0, 65535);
}

export function parseListenPort(text: string): number {
  return wholeNumber(text, 1, 65535);
}

export function parseAddress(text: string): string {
  if (text === "localhost") return loopback;
  if (isIP(text) === 0) {
    throw new InvalidArgumentError("Give an IP address: 127.0.0.1 for this machine only, 0.0.0.0 for the network.");
  }
  return text;
}

export function parseOtlp(text: string): string {
  if (check(intranetTracing, { otlp: { url: text } }).t === "ok") return text;
  throw new InvalidArgumentError("Give a collector's OTLP/HTTP address, such as http://localhost:4318.");
}

/** A whole number in the range; throws what is allowed. */
export function wholeNumber(text: string, least: number, most: number): number {
  const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new InvalidArgumentError(`Give a number from ${least} to ${most}.`);
}
