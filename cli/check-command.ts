import { Command, InvalidArgumentError, Option } from "commander";
import type { CheckOptions } from "./check.ts";
import type { CheckCall, NameValue } from "./check-call.ts";
import { exitCodeText } from "./exit-code-text.ts";

export function checkCommand(check: (options: CheckOptions) => Promise<void>): Command {
  return new Command("check")
    .description("check documents, and say which route takes a call and why each other one does not; starts nothing")
    .usage("-f FILE... [the call]")
    .helpOption("-h, --help", "show this help")
    .requiredOption("-f, --file <file>", "documents, YAML or JSON; - is standard input; may be repeated", collectText)
    .option("--action <action>", "the SOAP action")
    .option("--header <name=value>", "an HTTP header; may be repeated", collectHeader)
    .option(
      "--soap-header <name=value>",
      "a block of the envelope's header; {namespace}name=value; may be repeated",
      collectSoapHeader,
    )
    .option("--path <path>", "path and query (default: /)", parsePath)
    .option("--via <uri>", "what a net.tcp client connects to, such as net.tcp://calc.example:808/calc", parseVia)
    .option("--host <host>", "the host that the client calls")
    .option("--method <method>", "the HTTP method (default: POST for SOAP, else GET)", parseMethod)
    .option("--listener <name>", "where the call comes in (default: the tunnel's only one)")
    .addOption(new Option("--message <file>", "a file with the body, whose envelope is read").conflicts("soapHeader"))
    .option("--tunnel <name>", "which one, if the documents have several")
    .option("--json", "print JSON")
    .option("--verbose", "show where an error came from")
    .allowExcessArguments(false)
    .addHelpText("after", `\n${examples}\n${exitCodes}`)
    .action(async (flags: CheckFlags) => {
      const { file, tunnel, json = false, verbose = false } = flags;
      await check({ files: file, tunnel, call: callOf(flags), json, verbose });
    });
}

interface CheckFlags {
  readonly file: readonly string[];
  readonly tunnel?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly action?: string;
  readonly header?: readonly NameValue[];
  readonly soapHeader?: readonly NameValue[];
  readonly path?: string;
  readonly via?: string;
  readonly host?: string;
  readonly method?: string;
  readonly listener?: string;
  readonly message?: string;
}

function callOf(flags: CheckFlags): CheckCall | undefined {
  const { action, header: headers = [], soapHeader: soapHeaders = [], path, via, host } = flags;
  const { method, listener, message } = flags;
  const told = [action, path, via, host, method, listener, message];
  if (headers.length + soapHeaders.length === 0 && told.every((each) => each === undefined)) return undefined;
  return { action, headers, soapHeaders, path, via, host, method, listener, message };
}

function collectText(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

function collectHeader(text: string, before: readonly NameValue[] = []): NameValue[] {
  // No name of a header has either sign, so "K: V" is understood too.
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[=:]\s*([^\r\n]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError("Give NAME=VALUE, such as X-Tenant=blue.");
  return [...before, { name, value }];
}

function collectSoapHeader(text: string, before: readonly NameValue[] = []): NameValue[] {
  const [, name, value] = /^((?:\{[^}]*\})?[^{}=\s]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError("Give NAME=VALUE or {NAMESPACE}NAME=VALUE, such as ClientRouteName=test.");
  }
  return [...before, { name, value }];
}

function parsePath(text: string): string {
  if (/^\/[^\s#]*$/.test(text)) return text;
  throw new InvalidArgumentError("Give what follows the host in a URL: it starts with '/'.");
}

function parseVia(text: string): string {
  if (/^net\.tcp:\/\/[^\s/?#]+[^\s]*$/.test(text)) return text;
  throw new InvalidArgumentError("Give the URI that the client connects to; it starts with net.tcp://.");
}

function parseMethod(text: string): string {
  if (/^[A-Z]{1,32}$/.test(text)) return text;
  throw new InvalidArgumentError("Give it in capital letters, such as POST.");
}

const examples = `Examples:
  sallyport check -f tunnel.yaml                                    are the documents fine?
  sallyport check -f tunnel.yaml --path '/orders?id=7' --host shop.example.com
  sallyport check -f tunnel.yaml --action urn:orders/IOrders/Add    a SOAP call
  sallyport check -f tunnel.yaml --soap-header ClientRouteName=test
  sallyport check -f tunnel.yaml --via net.tcp://calc.example:808/calc
  sallyport check -f tunnel.yaml --message request.xml --json       its envelope is read as a router would
`;

const exitCodes = exitCodeText({
  fine: "a route takes the call; without a call: the documents can be used",
  failed: "no route takes the call",
  usage: "wrong options or documents",
});
