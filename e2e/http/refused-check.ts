import { deepEqual } from "node:assert/strict";
import type { Check } from "./check.ts";
import { type Arrived, arrived, host } from "./request-check.ts";
import type { Way } from "./way.ts";

export interface AttackSpec {
  /** All bytes of the connection; the client closes its sending side after them. */
  readonly bytes: string;
  /** Requests before the bad one that are right, and get their answers. */
  readonly good?: number;
  /** The head is right and may have gone on before the rest turned out to be wrong; the request never becomes whole. */
  readonly headIsRight?: boolean;
  /**
   * The one reading that RFC 9112 allows besides a refusal. HAProxy may choose it; the tunnel refuses all the same, for
   * who is behind it may read otherwise.
   */
  readonly orReadAs?: Partial<Arrived> & Pick<Arrived, "target">;
  /** The tunnel reads it too: what goes on has one reading, whoever is behind. */
  readonly tunnelReads?: boolean;
}

/** Refused, and nothing of it is acted upon by the destination. */
export function refused(name: string, attack: AttackSpec): Omit<Check, "group"> {
  return {
    name,
    async run(way) {
      way.destination.begin();
      const client = await way.connect();
      client.send(attack.bytes);
      client.end();
      const answer = await client.bytes.rest();
      const bytes = way.destination.bytes;
      await settle(way);
      return verdict(way, attack, statuses(answer), bytes);
    },
  };
}

function verdict(way: Way, attack: AttackSpec, answered: readonly number[], bytes: number): string {
  const { good = 0 } = attack;
  const arrivals = way.destination.arrivals.filter(({ target }) => target !== probe);
  const whole = arrivals.filter(({ complete }) => complete);
  const [last] = answered.slice(good);
  const seen = { whole: whole.length, answered: answered.slice(0, good), refused: last === undefined || last >= 400 };
  const mayRead = attack.orReadAs !== undefined && (way.name !== "tunnel" || attack.tunnelReads === true);
  if (mayRead && whole.length > good) {
    const [read] = whole.map(arrived);
    deepEqual({ count: whole.length, read: { ...read, ...attack.orReadAs } }, { count: 1, read });
    deepEqual(malformedOf(way), []);
    return "one reading";
  }
  deepEqual(seen, { whole: good, answered: Array(good).fill(200), refused: true });
  deepEqual(answered.length <= good + 1, true, `one answer to the refused request, not ${answered.length - good}`);
  if (way.name !== "direct") {
    deepEqual(malformedOf(way), []);
    if (!attack.headIsRight) deepEqual(arrivals.length, good);
    if (!attack.headIsRight && good === 0) deepEqual(bytes, 0);
  }
  return last === undefined ? "closed" : String(last);
}

/** The destination reads by the letter and so refuses by itself what gets there. */
function malformedOf(way: Way): readonly string[] {
  return way.name === "direct" ? [] : way.destination.malformed;
}

function statuses(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.[01] ([2-5]\d\d) /g)].map(([, status]) => Number(status));
}

const probe = "/probe";

/** Once another call has gone all the way, what was sent before it has arrived too. */
async function settle(way: Way): Promise<void> {
  const client = await way.connect();
  client.send(`GET ${probe} HTTP/1.1\r\n${host}\r\n\r\n`);
  const { status, body } = await client.response();
  deepEqual({ status, body }, { status: 200, body: "ok" }, "another client's call is not touched");
}
