import type { Check, Verdict } from "./check.ts";
import { judge } from "./check.ts";
import { connectionChecks } from "./checks/connection.ts";
import { cveChecks } from "./checks/cve.ts";
import { interimChecks } from "./checks/interim.ts";
import { requestBodyChecks } from "./checks/request-body.ts";
import { requestHeaderChecks } from "./checks/request-headers.ts";
import { requestLineChecks } from "./checks/request-line.ts";
import { responseChecks } from "./checks/response.ts";
import { responseSplitChecks } from "./checks/response-split.ts";
import { smugglingBodyChecks } from "./checks/smuggling-body.ts";
import { smugglingHeadChecks } from "./checks/smuggling-head.ts";
import { smugglingLengthChecks } from "./checks/smuggling-length.ts";
import { streamChecks } from "./checks/stream.ts";
import { openWay, type Way, type WayName, wayNames } from "./way.ts";

export const allChecks: readonly Check[] = [
  ...requestLineChecks,
  ...requestHeaderChecks,
  ...requestBodyChecks,
  ...responseChecks,
  ...interimChecks,
  ...connectionChecks,
  ...streamChecks,
  ...smugglingLengthChecks,
  ...smugglingBodyChecks,
  ...smugglingHeadChecks,
  ...responseSplitChecks,
  ...cveChecks,
];

export interface Row {
  readonly check: Check;
  readonly verdicts: Readonly<Record<WayName, Verdict>>;
}

/** All checks, each in all ways. The three ways do not touch each other and go on side by side. */
export async function runSuite(checks: readonly Check[]): Promise<Row[]> {
  const opened = await Promise.allSettled(wayNames.map(openWay));
  const ways = opened.flatMap((way) => (way.status === "fulfilled" ? [way.value] : []));
  try {
    for (const way of opened) if (way.status === "rejected") throw way.reason;
    const verdicts = await Promise.all(ways.map((way) => judgeAll(checks, way)));
    return checks.map((check, at) => ({ check, verdicts: verdictsOf(verdicts.map((list) => list[at]!)) }));
  } finally {
    await Promise.all(ways.map((way) => way.close()));
  }
}

async function judgeAll(checks: readonly Check[], way: Way): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const check of checks) verdicts.push(await judge(check, way));
  return verdicts;
}

function verdictsOf([direct, tunnel, haproxy]: readonly Verdict[]): Row["verdicts"] {
  return { direct: direct!, tunnel: tunnel!, haproxy: haproxy! };
}

export function failedBeyondHaproxy(rows: readonly Row[]): string[] {
  const worse = rows.filter(({ verdicts }) => verdicts.tunnel.t === "failed" && verdicts.haproxy.t === "passed");
  return worse.map(({ check }) => `${check.group}: ${check.name}`);
}
