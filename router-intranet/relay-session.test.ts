import { TunnelError } from "@sallyport/proto/error";
import { CallKind, emptyOpen } from "@sallyport/proto/frame";
import { faultRecord, framingFaults } from "@sallyport/proto/net-tcp/framing-fault";
import { ack, end, envelope, preamble } from "@sallyport/proto/net-tcp/testing/records";
import type { Call } from "@sallyport/tunnel/call";
import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import { describe, expect, test } from "vitest";
import type { CallDone } from "./call-done.ts";
import type { Stream, StreamEvents } from "./dial/stream.ts";
import { envelopeTimeoutMs } from "./envelope-wait.ts";
import type { EnvelopeOutcome } from "./match/envelope-outcome.ts";
import { acceptRaw, type FoundStream } from "./relay-raw.ts";
import { faultedMs } from "./relay-session.ts";

/** A net.tcp session whose first envelope decides: it has it when `x` came. */

describe("a session that goes by its first envelope", () => {
  test("T9: is acknowledged, then replayed to its destination, whose own acknowledgement is swallowed", () => {
    const { call, events, dialled } = begin();
    expect(call.sent).toEqual([ack]);
    events.onData(envelope("a"));
    events.onData(envelope("x"));
    expect([dialled.origin, call.returned]).toEqual(["net.tcp://calc:808", 0]);
    dialled.events?.onStreamOpen();
    expect(Buffer.concat(dialled.written)).toEqual(Buffer.concat([preamble(), envelope("a"), envelope("x")]));
    dialled.events?.onStreamData(Buffer.concat([ack, envelope("y")]));
    dialled.events?.onStreamData(ack);
    expect(call.sent.slice(1)).toEqual([envelope("y"), ack]);
    expect(call.returned).toBe(6);
  });

  test("passes on the destination's fault", () => {
    const { call, events, dialled } = begin();
    events.onData(envelope("x"));
    dialled.events?.onStreamOpen();
    dialled.events?.onStreamData(faultRecord("no"));
    expect(call.sent).toEqual([ack, faultRecord("no")]);
  });

  test.each<[string, string, FoundStream]>([
    ["no route takes", framingFaults.endpointNotFound, { t: "fail", error: new TunnelError("NO_ROUTE", "none") }],
    ["a full route takes", framingFaults.serverTooBusy, { t: "fail", error: new TunnelError("OVERLOADED", "full") }],
  ])("that %s gets a fault, and time to close", (_, fault, found) => {
    const { call, events, done, clock } = begin(found);
    events.onData(envelope("x"));
    expect([call.sent, call.ended, done.length]).toEqual([[ack, faultRecord(fault)], true, 1]);
    events.onData(Buffer.from("more"));
    expect(call.returned).toBe(7);
    events.onFin([]);
    expect([done.length, call.resetBy, clock.pending]).toEqual([1, undefined, 0]);
  });

  test("whose client does not close after a fault is reset", () => {
    const { call, events, done, clock } = begin({ t: "fail", error: new TunnelError("NO_ROUTE", "none") });
    events.onData(envelope("x"));
    clock.advance(faultedMs);
    expect([call.resetBy?.code, done[0]?.error?.code]).toEqual(["NO_ROUTE", "NO_ROUTE"]);
  });

  test("whose destination is not there gets a fault; one that fails after an answer is reset", () => {
    const gone = begin();
    gone.events.onData(envelope("x"));
    gone.dialled.events?.onStreamFailed(new TunnelError("DESTINATION_UNREACHABLE", "gone"));
    expect(gone.call.sent[1]).toEqual(faultRecord(framingFaults.endpointUnavailable));
    const broken = begin();
    broken.events.onData(envelope("x"));
    broken.dialled.events?.onStreamOpen();
    broken.dialled.events?.onStreamData(ack);
    broken.dialled.events?.onStreamFailed(new TunnelError("DESTINATION_FAILED", "broken"));
    expect([broken.call.sent, broken.call.resetBy?.code]).toEqual([[ack], "DESTINATION_FAILED"]);
  });

  test("M5: that sends no envelope in time gets a fault that says so, and nothing is dialled", () => {
    const { call, events, done, clock, dialled } = begin();
    events.onData(envelope("a"));
    clock.advance(envelopeTimeoutMs);
    expect(call.sent[1]?.toString()).toContain("did not arrive in 10000 ms");
    expect(dialled.origin).toBe("");
    events.onFin([]);
    expect(done).toMatchObject([{ envelope: "timeout" }]);
  });

  test("that ends without an envelope goes where such sessions go", () => {
    const { events, dialled } = begin();
    events.onData(end);
    events.onFin([]);
    dialled.events?.onStreamOpen();
    expect([dialled.written, dialled.ended]).toEqual([[preamble(), end], true]);
  });

  test("whose client leaves first is over, with nothing left behind", () => {
    const { events, done, clock } = begin();
    events.onReset(new TunnelError("CANCELLED", "gone"));
    expect([done.length, clock.pending]).toEqual([1, 0]);
  });
});

const admission = { release: () => {} };
const toCalc: FoundStream = {
  ...{ t: "destination", origin: "net.tcp://calc:808", route: "default/calc", proxyProtocol: false, admission },
};

function begin(found = toCalc) {
  const call = new FakeCall();
  const clock = new FakeClock();
  const done: CallDone[] = [];
  const dialled = new FakeStream();
  const events = acceptRaw(
    call,
    { ...emptyOpen, kind: CallKind.raw, protocol: "NetTCP", preamble: preamble() },
    {
      find: () => ({ t: "needEnvelope", scanner: new UntilX(), decide: () => found }),
      streams: { dial: (target, told) => dialled.dialledBy(target.origin, told) },
      clock,
      onDone: (each) => done.push(each),
    },
  );
  return { call, clock, done, dialled, events };
}

class UntilX {
  push(bytes: Buffer): EnvelopeOutcome {
    return bytes.includes("x") ? { t: "found", headers: new Map() } : { t: "more" };
  }

  end(): EnvelopeOutcome {
    return { t: "notSoap", why: "the session has no message" };
  }
}

class FakeStream implements Stream {
  origin = "";
  events: StreamEvents | undefined;
  readonly written: Buffer[] = [];
  ended = false;

  dialledBy(origin: string, events: StreamEvents): Stream {
    this.origin = origin;
    this.events = events;
    return this;
  }

  write(bytes: Buffer): boolean {
    this.written.push(bytes);
    return true;
  }

  end(): void {
    this.ended = true;
  }

  abort(): void {}
  pause(): void {}
  resume(): void {}
}

class FakeCall implements Call {
  readonly id = "call-1";
  readonly sent: Buffer[] = [];
  ended = false;
  returned = 0;
  resetBy: TunnelError | undefined;

  head(): void {
    throw new Error("a raw call has no head");
  }

  data(bytes: Buffer): boolean {
    this.sent.push(bytes);
    return true;
  }

  fin(): void {
    this.ended = true;
  }

  reset(error: TunnelError): void {
    this.resetBy = error;
  }

  taken(): void {}

  consumed(bytes: number): void {
    this.returned += bytes;
  }
}
