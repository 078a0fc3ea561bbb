import { describe, expect, it } from "vitest";
import { faultRecord } from "./framing-fault.ts";
import { parsePreamble } from "./preamble.ts";
import { SessionTrack } from "./session-track.ts";
import { ack, end, envelope, type PreambleWanted, preamble } from "./testing/records.ts";

function tracked(wanted?: PreambleWanted): SessionTrack {
  const bytes = preamble(wanted);
  return new SessionTrack(parsePreamble(bytes)!, bytes);
}

describe("a session", () => {
  it("T5: is over when both sides have said End, and what follows is the next one's", () => {
    const track = tracked();
    const last = Buffer.concat([envelope("x"), end]);
    expect(track.fromInitiator(Buffer.concat([last, preamble()]))).toBe(last.length);
    expect([track.state, track.initiatorEnded]).toEqual(["open", true]);
    expect(track.fromInitiator(preamble())).toBe(0);
    expect(track.fromReceiver(Buffer.concat([ack, envelope("y")]))).toBe(4);
    expect(track.state).toBe("open");
    expect(track.fromReceiver(Buffer.from([7, 7]))).toBe(1);
    expect(track.state).toBe("over");
  });

  it("is over in either order", () => {
    const track = tracked();
    expect(track.fromReceiver(Buffer.concat([ack, end]))).toBe(2);
    expect([track.state, track.initiatorEnded]).toEqual(["open", false]);
    expect(track.fromInitiator(end)).toBe(1);
    expect(track.state).toBe("over");
  });

  it.each([
    ["T2: upgraded", { upgrade: "application/negotiate" }, Buffer.from([0x0a])],
    ["simplex", { mode: 3 }, ack],
    ["with a fault", {}, faultRecord("http://example.com/fault")],
    ["with what is no record", {}, Buffer.from("HTTP/1.1 400")],
  ])("that is %s is never over", (_, wanted, answer) => {
    const track = tracked(wanted);
    expect(track.fromReceiver(Buffer.concat([answer, end, end]))).toBe(answer.length + 2);
    expect(track.fromInitiator(Buffer.concat([end, preamble()]))).toBe(1 + preamble().length);
    expect([track.state, track.answered]).toEqual(["untracked", true]);
  });
});
