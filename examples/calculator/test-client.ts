import { request } from "node:http";
import { namespace } from "./contract.ts";

/** What the tests call the service with: real HTTP, whole answers. */

export const soap11Namespace = "http://schemas.xmlsoap.org/soap/envelope/";
export const soap12Namespace = "http://www.w3.org/2003/05/soap-envelope";
export const soap11Type = "text/xml; charset=utf-8";
export const soap12Type = "application/soap+xml; charset=utf-8";

export interface Reply {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
}

export interface Call {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One request on a connection of its own. */
export async function call(port: number, options: Call): Promise<Reply> {
  const { status, headers, body } = await callWhole(port, options);
  return { status, type: headers["content-type"], body };
}

export function callWhole(
  port: number,
  { method = "GET", path, headers = {}, body }: Call,
): Promise<{ status: number; headers: Record<string, string | undefined>; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: "127.0.0.1", method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const named = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(named), body: text });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

export function post11(port: number, body: string | Buffer, contentType = soap11Type): Promise<Reply> {
  return call(port, { method: "POST", path: "/calculator", headers: { "content-type": contentType }, body });
}

export function post12(port: number, body: string | Buffer, contentType = soap12Type): Promise<Reply> {
  return post11(port, body, contentType);
}

export function envelope11(body: string, header = ""): string {
  return envelope(soap11Namespace, body, header);
}

export function envelope12(body: string, header = ""): string {
  return envelope(soap12Namespace, body, header);
}

export function operation(name: string, a: unknown, b: unknown): string {
  return `<${name} xmlns="${namespace}"><a>${a}</a><b>${b}</b></${name}>`;
}

export function log(message: string): string {
  return `<Log xmlns="${namespace}"><message>${message}</message></Log>`;
}

/** The service's own writing of an answer in SOAP 1.1. */
export function answer11(body: string): Reply {
  return { status: 200, type: soap11Type, body: written(soap11Namespace, body) };
}

export function answer12(body: string): Reply {
  return { status: 200, type: soap12Type, body: written(soap12Namespace, body) };
}

/** A fault without detail that blames the caller. */
export function fault11(reason: string, code = "soap:Client"): Reply {
  const fault = `<soap:Fault><faultcode>${code}</faultcode><faultstring>${reason}</faultstring></soap:Fault>`;
  return { ...answer11(fault), status: 500 };
}

export function fault12(reason: string): Reply {
  const code = "<soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code>";
  const text = `<soap:Reason><soap:Text xml:lang="en">${reason}</soap:Text></soap:Reason>`;
  return { ...answer12(`<soap:Fault>${code}${text}</soap:Fault>`), status: 400 };
}

function envelope(soap: string, body: string, header: string): string {
  return `<s:Envelope xmlns:s="${soap}"><s:Header>${header}</s:Header><s:Body>${body}</s:Body></s:Envelope>`;
}

function written(soap: string, body: string): string {
  return `<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="${soap}"><soap:Body>${body}</soap:Body></soap:Envelope>`;
}
