import { expect, it } from "vitest";
import { everyLevel, logLine, warnLevel } from "./log-line.ts";

const record = { level: 40, time: "2026-11-23T12:00:00.000Z", name: "r2", pid: 7, hostname: "here", msg: "link lost" };

it("shows a log line as level, message and what more it has", () => {
  expect(logLine(JSON.stringify({ ...record, dmz: "R1 0", error: "LINK_LOST" }), warnLevel)).toBe(
    'warn: link lost {"dmz":"R1 0","error":"LINK_LOST"}',
  );
  expect(logLine(JSON.stringify(record), warnLevel)).toBe("warn: link lost");
});

it("hides what is below the least level", () => {
  expect(logLine(JSON.stringify({ ...record, level: 30 }), warnLevel)).toBeUndefined();
  expect(logLine(JSON.stringify({ ...record, level: 30 }), everyLevel)).toBe("info: link lost");
  expect(logLine(JSON.stringify({ ...record, level: 35 }), everyLevel)).toBe("level 35: link lost");
});

it("shows what is no log line as it is", () => {
  for (const line of ["plain", "{ not json", '{"json":"but no level"}', "[1]"])
    expect(logLine(line, warnLevel)).toBe(line);
  expect(logLine("", everyLevel)).toBeUndefined();
});

it("lets no control character through to the terminal", () => {
  const shown = [
    logLine("red \u001b[31m and \u0007", warnLevel),
    logLine(JSON.stringify({ ...record, msg: "\u001b[2J", more: "\u009b" }), warnLevel),
  ].join();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for.
  expect(shown).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  expect(shown).toMatch(/red .*\[31m and .*warn: .*\[2J/);
});

it("cuts what is very long", () => {
  expect(logLine("x".repeat(10_000), warnLevel)).toBe(`${"x".repeat(2_000)}…`);
});
