import type { JavaProgram } from "./java-program.ts";

/** A message as one side sent or received it: the body's length and digest as on the wire. */
interface Body {
  readonly bytes: number;
  readonly sha256: string;
}

interface Arrived extends Body {
  /** "POST /plain HTTP/1.1": a request at the service. */
  readonly request?: string;
  /** A response at the client. */
  readonly status?: number;
  readonly headers: readonly (readonly [string, string])[];
  /** At the service: the port that the request's connection came from. */
  readonly connection?: number;
}

interface Testimony {
  readonly sent: readonly Body[];
  readonly received: readonly Arrived[];
}

export interface Played {
  /** What the application got, the caller's address replaced by "BASE". */
  readonly result: unknown;
  /** Requests as they reached the service, without what belongs to one hop. */
  readonly requests: readonly unknown[];
  readonly responses: readonly unknown[];
  /** Bodies that came with other bytes than they were sent with, or came and were not sent, or the reverse. */
  readonly changed: readonly Body[];
  /** How many connections the service saw. */
  readonly connections: number;
  /** Names of all headers that reached the service, in lower case. */
  readonly headerNames: readonly string[];
}

/** Lets the client play a scenario against the service at `base`, and hears both. */
export async function play(
  client: JavaProgram,
  service: JavaProgram,
  scenario: { readonly conduit: string; readonly name: string; readonly base: string },
): Promise<Played> {
  await service.ask("tell");
  const { conduit, name, base } = scenario;
  const played = (await client.ask(`${conduit} ${base} ${name}`)) as Testimony & { readonly result: unknown };
  const served = (await service.ask("tell")) as Testimony;
  return {
    result: JSON.parse(JSON.stringify(played.result).replaceAll(base, "BASE")),
    requests: served.received.map(normal).sort(byText),
    responses: played.received.map(normal).sort(byText),
    changed: [
      ...without(posted(served.received), played.sent),
      ...without(played.sent, posted(served.received)),
      ...without(played.received.filter(isAnswer), served.sent),
    ],
    connections: new Set(served.received.map(({ connection }) => connection)).size,
    headerNames: served.received.flatMap(({ headers }) => headers.map(([header]) => header.toLowerCase())),
  };
}

/** A fetch of the WSDL is no message of the client's proxy. */
function posted(requests: readonly Arrived[]): readonly Arrived[] {
  return requests.filter(({ request }) => request?.startsWith("POST "));
}

/** A one-way call gets an empty one. */
function isAnswer(message: Arrived): boolean {
  return message.bytes > 0;
}

/** Those of `some` that are not among `others`, each counted. */
function without(some: readonly Body[], others: readonly Body[]): Body[] {
  const left = new Map<string, number>();
  for (const { sha256 } of others) left.set(sha256, (left.get(sha256) ?? 0) + 1);
  return some.filter(({ sha256 }) => {
    const count = left.get(sha256) ?? 0;
    left.set(sha256, count - 1);
    return count <= 0;
  });
}

/**
 * Of one hop: the framing too, for a chunked request that R2 has whole when it dials goes on with its length. `Host`
 * and `Date` differ from call to call; the rest is what R1 says of its client.
 */
const ofThisHop =
  /^(host|date|connection|keep-alive|upgrade|http2-settings|content-length|transfer-encoding|forwarded|x-forwarded-.*)$/i;
const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

function normal({ request, status, headers, bytes }: Arrived): unknown {
  const kept = headers.filter(([name]) => !ofThisHop.test(name));
  return { first: request ?? status, headers: kept.map(([name, value]) => [name, value.replace(uuid, "uuid")]), bytes };
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
