import { expect, it } from "vitest";
import { readReport } from "./report.ts";

it("reads the reports of routers and of the sample", () => {
  expect(readReport({ t: "listening", ports: { http: 1, admin: 2 } })).toStrictEqual({
    t: "listening",
    ports: { http: 1, admin: 2 },
  });
  expect(readReport({ t: "listening", port: 9000 })).toStrictEqual({ t: "listening", ports: { http: 9000 } });
  expect(readReport({ t: "ready", ready: false })).toStrictEqual({ t: "ready", ready: false });
  expect(readReport({ t: "failed", message: "why" })).toStrictEqual({ t: "failed", message: "why" });
});

it("takes nothing else for a report", () => {
  const others = [undefined, null, 1, "ready", [], {}, { t: "other" }, { t: "ready", ready: "yes" }];
  for (const message of [...others, { t: "failed" }, { t: "listening" }, { t: "listening", ports: { http: "1" } }]) {
    expect(readReport(message)).toBeUndefined();
  }
});
