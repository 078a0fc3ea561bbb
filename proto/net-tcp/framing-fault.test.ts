import { expect, it } from "vitest";
import { ErrorCode, type ErrorName } from "../error.ts";
import { faultRecord, framingFault, framingFaults } from "./framing-fault.ts";

it("each error of the tunnel is a fault that WCF knows, or says itself what to mend", () => {
  const known = new Set<string>(Object.values(framingFaults));
  const inWords = (Object.keys(ErrorCode) as ErrorName[]).filter(
    (code) => !known.has(framingFault({ code, message: "why" })),
  );
  expect(inWords).toEqual(["POLICY", "BAD_REQUEST", "REQUEST_TIMEOUT", "PAYLOAD_TOO_LARGE"]);
  const told = (["NO_ROUTE", "DESTINATION_UNREACHABLE", "OVERLOADED", "LINK_LOST"] as const).map((code) =>
    framingFault({ code, message: "" }),
  );
  const { endpointNotFound, endpointUnavailable, serverTooBusy, connectionDispatchFailed } = framingFaults;
  expect(told).toEqual([endpointNotFound, endpointUnavailable, serverTooBusy, connectionDispatchFailed]);
});

it("a fault record has its text, cut between characters to the 256 bytes that a client reads", () => {
  expect(faultRecord("abc")).toEqual(Buffer.from([8, 3, 0x61, 0x62, 0x63]));
  expect(faultRecord("é".repeat(200))).toEqual(
    Buffer.concat([Buffer.from([8, 0x80, 2]), Buffer.from("é".repeat(128))]),
  );
  expect(faultRecord(`x${"é".repeat(200)}`)).toEqual(
    Buffer.concat([Buffer.from([8, 0xff, 1]), Buffer.from(`x${"é".repeat(127)}`)]),
  );
});
