import type { ErrorName } from "../error.ts";
import { RecordType, recordLimits } from "./record.ts";

const faults = "http://schemas.microsoft.com/ws/2006/05/framing/faults/";

/** The faults that WCF's clients know ([MC-NMF], 2.2.5), each an exception of its own there. */
export const framingFaults = {
  contentTypeInvalid: `${faults}ContentTypeInvalid`,
  contentTypeTooLong: `${faults}ContentTypeTooLong`,
  connectionDispatchFailed: `${faults}ConnectionDispatchFailed`,
  endpointNotFound: `${faults}EndpointNotFound`,
  endpointUnavailable: `${faults}EndpointUnavailable`,
  maxMessageSizeExceeded: `${faults}MaxMessageSizeExceededFault`,
  serverTooBusy: `${faults}ServerTooBusy`,
  unsupportedMode: `${faults}UnsupportedMode`,
  unsupportedVersion: `${faults}UnsupportedVersion`,
  upgradeInvalid: `${faults}UpgradeInvalid`,
  viaTooLong: `${faults}ViaTooLong`,
} as const;

/** What a net.tcp client is told of the tunnel's error; what no fault stands for, in the error's own words. */
export function framingFault({ code, message }: { readonly code: ErrorName; readonly message: string }): string {
  const { endpointNotFound, endpointUnavailable, serverTooBusy, connectionDispatchFailed } = framingFaults;
  switch (code) {
    case "NO_ROUTE":
      return endpointNotFound;
    case "DESTINATION_UNREACHABLE":
      return endpointUnavailable;
    case "REFUSED":
    case "HOLD_TIMEOUT":
    case "OVERLOADED":
    case "QUOTA_EXCEEDED":
    case "DRAINING":
    case "NO_LINK":
      return serverTooBusy;
    case "BAD_REQUEST":
    case "POLICY":
    case "PAYLOAD_TOO_LARGE":
    case "REQUEST_TIMEOUT":
      return message;
    default:
      return connectionDispatchFailed;
  }
}

/** A fault record. What is longer than a client reads is cut, between characters. */
export function faultRecord(fault: string): Buffer {
  let text = Buffer.from(fault);
  if (text.length > recordLimits.faultBytes) {
    let end = recordLimits.faultBytes;
    while ((text[end]! & 0xc0) === 0x80) end -= 1;
    text = text.subarray(0, end);
  }
  return Buffer.concat([Buffer.from([RecordType.fault, ...sizeBytes(text.length)]), text]);
}

/** A number as records write it: seven bits a byte, the low ones first ([MC-NMF], 2.2.2.1). */
export function sizeBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

export const preambleAck = Buffer.from([RecordType.preambleAck]);
