import { type ErrorName, TunnelError } from "@sallyport/proto/error";
import { emptyOpen } from "@sallyport/proto/frame";
import { Budget } from "@sallyport/tunnel/budget";
import type { Call, CallEvents } from "@sallyport/tunnel/call";
import { Recorder } from "@sallyport/tunnel/testing/link-pair";
import { describe, expect, it } from "vitest";
import { Repeater } from "./repeater.ts";
import type { CallStarter, StartWaiter } from "./starter.ts";

const ok = { status: 200, reason: "OK", headers: [] };

/** A pool that writes down what each attempt was sent. */
class FakeStarter implements CallStarter {
  readonly attempts: { sent: string[]; events: CallEvents; waiter: StartWaiter; cancelled: boolean }[] = [];
  /** Calls wait for `go` instead of starting at once. */
  waits = false;
  writable = true;

  start(_open: unknown, events: CallEvents, waiter: StartWaiter) {
    const attempt = { sent: [] as string[], events, waiter, cancelled: false };
    this.attempts.push(attempt);
    if (!this.waits) this.go();
    return {
      cancel: () => {
        attempt.cancelled = true;
      },
    };
  }

  go(): void {
    const { sent, waiter } = this.attempts.at(-1)!;
    const call: Call = {
      id: "a",
      head: () => {},
      taken: () => {},
      data: (bytes) => {
        sent.push(`data ${bytes.length}`);
        return this.writable;
      },
      fin: (trailers = []) => void sent.push(["fin", ...trailers].join(" ")),
      reset: (error) => void sent.push(`reset ${error.code}`),
      consumed: (bytes) => void sent.push(`consumed ${bytes}`),
    };
    waiter.started(call);
  }
}

function start(method = "POST", budget = new Budget(1024 * 1024)) {
  const starter = new FakeStarter();
  const repeater = new Repeater({ starter, budget });
  const events = new Recorder(false);
  const outcome: string[] = [];
  const ticket = repeater.start({ ...emptyOpen, id: "a", method }, events, {
    started: (call) => {
      events.call = call;
      outcome.push("started");
    },
    failed: (error) => outcome.push(error.code),
  });
  const end = (code: ErrorName, retryAfterMs = 0) =>
    starter.attempts.at(-1)?.events.onReset(new TunnelError(code, "x", undefined, retryAfterMs));
  return { starter, repeater, budget, events, outcome, ticket, end };
}

describe("T4: a call that R2 refused", () => {
  it("is sent again whole, on another link, and its client hears nothing of it", () => {
    const { starter, events, outcome, end, budget, repeater } = start();
    events.call?.data(Buffer.alloc(300));
    events.call?.data(Buffer.alloc(200));
    events.call?.fin(["X-Sum", "1"]);
    end("REFUSED");
    starter.attempts[1]?.events.onHead(ok);
    starter.attempts[1]?.events.onFin([]);
    const sent = ["data 300", "data 200", "fin X-Sum 1"];
    expect(starter.attempts.map((attempt) => attempt.sent)).toEqual([sent, sent]);
    expect([outcome, events.events, budget.usedBytes]).toEqual([["started"], ["head 200", "fin"], 0]);
    expect(repeater.counters).toEqual({ refused: 1, lost: 0 });
  });

  it("goes on with what comes later, where the source was stopped as well", () => {
    const { starter, events, end } = start();
    starter.writable = false;
    expect(events.call?.data(Buffer.alloc(300))).toBe(false);
    starter.writable = true;
    end("REFUSED");
    expect(events.events).toEqual(["writable"]);
    expect(events.call?.data(Buffer.alloc(10))).toBe(true);
    expect(starter.attempts[1]?.sent).toEqual(["data 300", "data 10"]);
  });

  it("keeps what comes while it waits for another link", () => {
    const { starter, events, end } = start();
    events.call?.data(Buffer.alloc(1));
    starter.waits = true;
    end("REFUSED");
    expect(events.call?.data(Buffer.alloc(2))).toBe(false);
    events.call?.fin();
    starter.go();
    expect([starter.attempts[1]?.sent, events.events]).toEqual([["data 1", "data 2", "fin"], ["writable"]]);
  });

  it("fails for good after three attempts", () => {
    const { starter, events, end, budget } = start();
    for (let i = 0; i < 3; i++) end("REFUSED");
    expect([starter.attempts.length, events.events, budget.usedBytes]).toEqual([3, ["reset REFUSED"], 0]);
  });

  it("fails when no other link is found", () => {
    const { starter, events, end, outcome } = start();
    starter.waits = true;
    end("REFUSED");
    starter.attempts[1]?.waiter.failed(new TunnelError("NO_LINK", "none"));
    expect([outcome, events.events]).toEqual([["started"], ["reset NO_LINK"]]);
  });

  it("fails, when no other link is found, with the time after which R2 said it may come again", () => {
    const { starter, events, end } = start();
    const errors: TunnelError[] = [];
    events.onReset = (error) => errors.push(error);
    starter.waits = true;
    end("REFUSED", 7_000);
    starter.attempts[1]?.waiter.failed(new TunnelError("NO_LINK", "none"));
    expect(errors.map(({ code, message, retryAfterMs }) => [code, message, retryAfterMs])).toEqual([
      ["NO_LINK", "none", 7_000],
    ]);
  });

  it.each([
    ["with more body than is kept", (events: Recorder) => events.call?.data(Buffer.alloc(70_000)), 1024 * 1024],
    ["with no memory to keep it", (events: Recorder) => events.call?.data(Buffer.alloc(300)), 100],
  ])("fails %s", (_, send, budgetBytes) => {
    const { starter, events, end, budget } = start("POST", new Budget(budgetBytes));
    send(events);
    end("REFUSED");
    expect([starter.attempts.length, events.events, budget.usedBytes]).toEqual([1, ["reset REFUSED"], 0]);
  });
});

describe("T4: a call whose link was lost", () => {
  it.each(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])("is repeated when it is idempotent: %s", (method) => {
    const { starter, events, end, repeater } = start(method);
    end("LINK_LOST");
    expect([starter.attempts.length, events.events, repeater.counters.lost]).toEqual([2, [], 1]);
  });

  it.each(["POST", "PATCH", "LOCK", "get"])("fails when it may not be repeated: %s", (method) => {
    const { starter, events, end } = start(method);
    end("LINK_LOST");
    expect([starter.attempts.length, events.events]).toEqual([1, ["reset LINK_LOST"]]);
  });

  it("is repeated when its route says that it may be", () => {
    const { starter, end } = start("POST");
    starter.attempts[0]?.events.onTaken?.(true);
    end("LINK_LOST");
    expect(starter.attempts.length).toBe(2);
  });

  it("is not repeated a second time on the first R2's word alone", () => {
    const { starter, events, end } = start("POST");
    starter.attempts[0]?.events.onTaken?.(true);
    end("LINK_LOST");
    end("LINK_LOST");
    expect([starter.attempts.length, events.events]).toEqual([2, ["reset LINK_LOST"]]);
  });

  it("keeps no copy of its body once R2 has handed it on and it may not be repeated", () => {
    const { events, starter, budget } = start("POST");
    events.call?.data(Buffer.alloc(300));
    expect(budget.usedBytes).toBe(300);
    starter.attempts[0]?.events.onTaken?.(false);
    expect(budget.usedBytes).toBe(0);
  });

  it("fails once an answer has begun, if only an interim one", () => {
    const { starter, events, end } = start("GET");
    starter.attempts[0]?.events.onHead({ status: 103, reason: "Early Hints", headers: [] });
    end("LINK_LOST");
    expect([starter.attempts.length, events.events]).toEqual([1, ["head 103", "reset LINK_LOST"]]);
  });
});

describe("a client that goes away", () => {
  it("before there was a link: its ticket is cancelled", () => {
    const starter = new FakeStarter();
    starter.waits = true;
    const ticket = new Repeater({ starter, budget: new Budget(1000) }).start(emptyOpen, new Recorder(), {
      started: () => {},
      failed: () => {},
    });
    ticket.cancel();
    expect(starter.attempts[0]?.cancelled).toBe(true);
  });

  it("between two links: neither is used", () => {
    const { starter, events, end, budget } = start();
    events.call?.data(Buffer.alloc(300));
    starter.waits = true;
    end("REFUSED");
    events.call?.reset(new TunnelError("CANCELLED", "gone"));
    expect([starter.attempts[1]?.cancelled, budget.usedBytes, events.events]).toEqual([true, 0, []]);
  });

  it("on a link: that call is reset and never repeated", () => {
    const { starter, events, end } = start("GET");
    events.call?.reset(new TunnelError("CANCELLED", "gone"));
    end("LINK_LOST");
    expect([starter.attempts.length, starter.attempts[0]?.sent, events.events]).toEqual([1, ["reset CANCELLED"], []]);
  });
});

describe("a raw call, whose answer has no head", () => {
  it("is sent elsewhere while nothing was answered, and never after", () => {
    const call = start("");
    call.events.call!.data(Buffer.from("abc"));
    call.end("REFUSED");
    expect(call.starter.attempts.map(({ sent }) => sent)).toEqual([["data 3"], ["data 3"]]);
    call.starter.attempts.at(-1)!.events.onData(Buffer.from("x"));
    call.end("REFUSED");
    expect(call.starter.attempts).toHaveLength(2);
  });
});
