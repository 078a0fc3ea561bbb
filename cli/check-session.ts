import { CallKind, emptyOpen, type Open } from "@sallyport/proto/frame";
import { preambleOf } from "@sallyport/proto/net-tcp/preamble";
import { addressingActionKey } from "@sallyport/router-intranet/match/envelope-header";
import type { CheckCall } from "./check-call.ts";
import { CliError, exitCodes } from "./cli-error.ts";

/** A session of a NetTCP listener, as WCF's NetTcpBinding begins one. Throws CliError. */
export function sessionOpenOf({ listener = "", via, ...call }: CheckCall): Open {
  const at = `listener ${listener} is NetTCP`;
  const isHttp = [call.path, call.host, call.method, call.message].some((value) => value !== undefined);
  if (isHttp || call.headers.length > 0)
    throw new CliError(exitCodes.usage, `${at}; its sessions have --via, --action and --soap-header, and nothing else`);
  if (via === undefined) throw new CliError(exitCodes.usage, `${at}; say by --via what the client connects to`);
  return { ...emptyOpen, kind: CallKind.raw, listener, protocol: "NetTCP", preamble: preambleOf(via) };
}

/** The action, which a session has in its envelope alone, as the block that it is there. */
export function withActionBlock(call: CheckCall): CheckCall {
  const { action, soapHeaders } = call;
  return action === undefined
    ? call
    : { ...call, soapHeaders: [...soapHeaders, { name: addressingActionKey, value: action }] };
}
