import { describe, expect, it } from "vitest";
import {
  type Ending,
  endingText,
  idle,
  next,
  restart,
  type SupervisorEvent,
  type SupervisorState,
  startLimitMs,
} from "./supervisor-state.ts";

const nowMs = 50_000;
const killed: SupervisorEvent = { t: "exited", ending: { t: "signal", signal: "SIGKILL" } };
const crashed: SupervisorEvent = { t: "exited", ending: { t: "code", code: 1 } };
const firstStart: SupervisorState = { t: "starting", wasUp: false, deaths: 0, fault: undefined };
const laterStart: SupervisorState = { t: "starting", wasUp: true, deaths: 3, fault: undefined };
const up: SupervisorState = { t: "up", deaths: 2, sinceMs: nowMs - 1_000 };
const waiting: SupervisorState = { t: "waiting", wasUp: true, deaths: 1 };
const draining: SupervisorState = { t: "draining", limitMs: 7_000 };
const ended: SupervisorState = { t: "ended" };
const drain: SupervisorEvent = { t: "drain", limitMs: 7_000 };
const start = [{ t: "spawn" }, { t: "timer", ms: startLimitMs }];

const cases: Record<string, [SupervisorState, SupervisorEvent, { state: SupervisorState; effects: unknown[] }]> = {
  "idle, told to start: starts the process, for a limited time": [
    idle,
    { t: "start" },
    { state: firstStart, effects: start },
  ],
  "starting, and it listens: is up": [
    laterStart,
    { t: "listening" },
    { state: { t: "up", deaths: 3, sinceMs: nowMs }, effects: [{ t: "up" }] },
  ],
  "starting, and it says that it cannot: is killed to be sure, and its word kept": [
    firstStart,
    { t: "failed", message: "port in use" },
    { state: { ...firstStart, fault: "port in use" }, effects: [{ t: "kill" }] },
  ],
  "first start failed with a word: gives up": [
    { ...firstStart, fault: "port in use" },
    killed,
    { state: ended, effects: [{ t: "gaveUp", reason: "could not start: port in use" }, { t: "ended" }] },
  ],
  "first start ended by itself without a word: gives up": [
    firstStart,
    crashed,
    { state: ended, effects: [{ t: "gaveUp", reason: "ended with exit code 1 before it was up" }, { t: "ended" }] },
  ],
  "first start impossible for the system: gives up": [
    firstStart,
    { t: "exited", ending: { t: "unborn", message: "EAGAIN" } },
    { state: ended, effects: [{ t: "gaveUp", reason: "could not be started: EAGAIN" }, { t: "ended" }] },
  ],
  "first start ended by somebody's signal: is tried again": [
    firstStart,
    killed,
    {
      state: { t: "waiting", wasUp: false, deaths: 1 },
      effects: [
        { t: "restarting", reason: "ended by SIGKILL", inMs: 100 },
        { t: "timer", ms: 100 },
      ],
    },
  ],
  "a later start failed with a word: is tried again": [
    { ...laterStart, fault: "port in use" },
    killed,
    {
      state: { t: "waiting", wasUp: true, deaths: 4 },
      effects: [
        { t: "restarting", reason: "could not start: port in use", inMs: 800 },
        { t: "timer", ms: 800 },
      ],
    },
  ],
  "starting for too long: counts as failed": [
    firstStart,
    { t: "timer" },
    { state: { ...firstStart, fault: "it did not listen within 30 s" }, effects: [{ t: "kill" }] },
  ],
  "listens after it was found to have failed: is not up": [
    { ...firstStart, fault: "it did not listen within 30 s" },
    { t: "listening" },
    { state: { ...firstStart, fault: "it did not listen within 30 s" }, effects: [] },
  ],
  "up and killed soon: is started again after a longer wait": [
    up,
    killed,
    {
      state: { t: "waiting", wasUp: true, deaths: 3 },
      effects: [
        { t: "restarting", reason: "ended by SIGKILL", inMs: 400 },
        { t: "timer", ms: 400 },
      ],
    },
  ],
  "up for 10 s and killed: the wait starts over": [
    { ...up, deaths: 9, sinceMs: nowMs - restart.calmMs },
    killed,
    {
      state: { t: "waiting", wasUp: true, deaths: 1 },
      effects: [
        { t: "restarting", reason: "ended by SIGKILL", inMs: 100 },
        { t: "timer", ms: 100 },
      ],
    },
  ],
  "waiting, and the time is over: starts again": [
    waiting,
    { t: "timer" },
    { state: { t: "starting", wasUp: true, deaths: 1, fault: undefined }, effects: start },
  ],
  "idle, told to drain: is done": [idle, drain, { state: ended, effects: [{ t: "ended" }] }],
  "waiting, told to drain: is done": [waiting, drain, { state: ended, effects: [{ t: "ended" }] }],
  "starting, told to drain: drains": [
    firstStart,
    drain,
    { state: draining, effects: [{ t: "drain" }, { t: "timer", ms: 7_000 }] },
  ],
  "up, told to drain: drains": [up, drain, { state: draining, effects: [{ t: "drain" }, { t: "timer", ms: 7_000 }] }],
  "draining, told again: goes on": [draining, drain, { state: draining, effects: [] }],
  "draining for too long: is killed": [
    draining,
    { t: "timer" },
    { state: draining, effects: [{ t: "overdue", limitMs: 7_000 }, { t: "kill" }] },
  ],
  "draining, and it ends: is done": [draining, crashed, { state: ended, effects: [{ t: "ended" }] }],
  "up, to be killed: is killed and not started again": [
    up,
    { t: "kill" },
    { state: { t: "draining", limitMs: 0 }, effects: [{ t: "kill" }] },
  ],
  "starting, to be killed: is killed": [
    firstStart,
    { t: "kill" },
    { state: { t: "draining", limitMs: 0 }, effects: [{ t: "kill" }] },
  ],
  "draining, to be killed: is killed": [draining, { t: "kill" }, { state: draining, effects: [{ t: "kill" }] }],
  "waiting, to be killed: is done": [waiting, { t: "kill" }, { state: ended, effects: [{ t: "ended" }] }],
};

describe("the life of a supervised process", () => {
  it.each(Object.entries(cases))("%s", (_name, [state, event, step]) => {
    expect(next(state, event, nowMs)).toStrictEqual(step);
  });

  const late: Record<string, [SupervisorState, SupervisorEvent]> = {
    "a second start": [up, { t: "start" }],
    "a second listening": [up, { t: "listening" }],
    "listening while it drains": [draining, { t: "listening" }],
    "a fault once it is up": [up, { t: "failed", message: "x" }],
    "a timer once it is up": [up, { t: "timer" }],
    "an end without a process": [waiting, crashed],
    "anything after the end: a start": [ended, { t: "start" }],
    "anything after the end: an exit": [ended, crashed],
    "anything after the end: a drain": [ended, drain],
    "anything after the end: a kill": [ended, { t: "kill" }],
  };
  it.each(Object.entries(late))("late, changes nothing: %s", (_name, [state, event]) => {
    const step = next(state, event, nowMs);
    expect(step.state).toBe(state);
    expect(step.effects).toStrictEqual([]);
  });

  it("waits 100 ms before the first restart, then twice as long each time, 2 s at most", () => {
    const waits = [0, 1, 2, 3, 4, 5, 6, 500].map((deaths) => {
      const { effects } = next({ t: "up", deaths, sinceMs: nowMs }, killed, nowMs);
      return effects.find((effect) => effect.t === "timer")?.ms;
    });
    expect(waits).toStrictEqual([100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
  });

  it("names how a process ended", () => {
    const endings: Ending[] = [
      { t: "signal", signal: "SIGSEGV" },
      { t: "code", code: 0 },
      { t: "unborn", message: "spawn EAGAIN" },
    ];
    expect(endings.map(endingText)).toStrictEqual([
      "ended by SIGSEGV",
      "ended with exit code 0",
      "could not be started: spawn EAGAIN",
    ]);
  });
});
