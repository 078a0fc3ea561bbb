/** The life of a supervised process, without the process: what happened → what to do. */

/** Restarts wait 100 ms, then twice as long each time, up to 2 s; the wait starts over after 10 s up. */
export const restart = { firstMs: 100, mostMs: 2_000, calmMs: 10_000 } as const;

/** A process that has not said that it listens by then is taken for stuck. */
export const startLimitMs = 30_000;

export type SupervisorState =
  | { readonly t: "idle" }
  /** The process runs and has not listened yet. `wasUp`: an earlier one had. */
  | { readonly t: "starting"; readonly wasUp: boolean; readonly deaths: number; readonly fault: string | undefined }
  | { readonly t: "up"; readonly deaths: number; readonly sinceMs: number }
  /** There is no process until the timer ends. */
  | { readonly t: "waiting"; readonly wasUp: boolean; readonly deaths: number }
  /** It was told to end. */
  | { readonly t: "draining"; readonly limitMs: number }
  | { readonly t: "ended" };

export type SupervisorEvent =
  | { readonly t: "start" }
  | { readonly t: "listening" }
  /** It said that it cannot start. */
  | { readonly t: "failed"; readonly message: string }
  /** There is no process any more. */
  | { readonly t: "exited"; readonly ending: Ending }
  | { readonly t: "timer" }
  | { readonly t: "drain"; readonly limitMs: number }
  | { readonly t: "kill" };

/** How a process ended. */
export type Ending =
  | { readonly t: "signal"; readonly signal: string }
  | { readonly t: "code"; readonly code: number }
  /** There was none: the system could not start it. */
  | { readonly t: "unborn"; readonly message: string };

export type SupervisorEffect =
  | { readonly t: "spawn" }
  | { readonly t: "drain" }
  | { readonly t: "kill" }
  /** The state's one timer; a new state drops the old one's. */
  | { readonly t: "timer"; readonly ms: number }
  | { readonly t: "up" }
  /** It died and will be started again. */
  | { readonly t: "restarting"; readonly reason: string; readonly inMs: number }
  /** It did not drain in time. */
  | { readonly t: "overdue"; readonly limitMs: number }
  /** Its first start failed: it is not tried again. */
  | { readonly t: "gaveUp"; readonly reason: string }
  | { readonly t: "ended" };

export interface Step {
  readonly state: SupervisorState;
  readonly effects: readonly SupervisorEffect[];
}

export const idle: SupervisorState = { t: "idle" };

/** An event that comes too late for the state changes nothing: effects are empty and the state is the same object. */
export function next(state: SupervisorState, event: SupervisorEvent, nowMs: number): Step {
  switch (event.t) {
    case "start":
      return state.t === "idle" ? starting(false, 0) : stay(state);
    case "listening":
      return state.t === "starting" && state.fault === undefined ? up(state.deaths, nowMs) : stay(state);
    case "failed":
      return state.t === "starting" ? faulty(state, event.message) : stay(state);
    case "exited":
      return exited(state, event.ending, nowMs);
    case "timer":
      return timer(state);
    case "drain":
      return drain(state, event.limitMs);
    case "kill":
      return kill(state);
  }
}

function stay(state: SupervisorState): Step {
  return { state, effects: [] };
}

function starting(wasUp: boolean, deaths: number): Step {
  return {
    state: { t: "starting", wasUp, deaths, fault: undefined },
    effects: [{ t: "spawn" }, { t: "timer", ms: startLimitMs }],
  };
}

function up(deaths: number, nowMs: number): Step {
  return { state: { t: "up", deaths, sinceMs: nowMs }, effects: [{ t: "up" }] };
}

/** It ends by itself now; killing it makes that sure. */
function faulty(state: SupervisorState & { t: "starting" }, message: string): Step {
  return { state: { ...state, fault: message }, effects: [{ t: "kill" }] };
}

function exited(state: SupervisorState, ending: Ending, nowMs: number): Step {
  switch (state.t) {
    case "starting":
      return startEnded(state, ending);
    case "up": {
      const deaths = nowMs - state.sinceMs >= restart.calmMs ? 0 : state.deaths;
      return waiting(true, deaths, endingText(ending));
    }
    case "draining":
      return { state: { t: "ended" }, effects: [{ t: "ended" }] };
    default:
      return stay(state);
  }
}

/** A start that failed of itself would fail again; one that a signal ended is no fault of the start. */
function startEnded(state: SupervisorState & { t: "starting" }, ending: Ending): Step {
  const reason = state.fault === undefined ? endingText(ending) : `could not start: ${state.fault}`;
  const isOwnFault = state.fault !== undefined || ending.t !== "signal";
  if (state.wasUp || !isOwnFault) return waiting(state.wasUp, state.deaths, reason);
  return {
    state: { t: "ended" },
    effects: [
      { t: "gaveUp", reason: ending.t === "code" && state.fault === undefined ? `${reason} before it was up` : reason },
      { t: "ended" },
    ],
  };
}

function waiting(wasUp: boolean, deaths: number, reason: string): Step {
  const inMs = Math.min(restart.firstMs * 2 ** deaths, restart.mostMs);
  return {
    state: { t: "waiting", wasUp, deaths: deaths + 1 },
    effects: [
      { t: "restarting", reason, inMs },
      { t: "timer", ms: inMs },
    ],
  };
}

function timer(state: SupervisorState): Step {
  switch (state.t) {
    case "waiting":
      return starting(state.wasUp, state.deaths);
    case "starting":
      return faulty(state, `it did not listen within ${startLimitMs / 1000} s`);
    case "draining":
      return { state, effects: [{ t: "overdue", limitMs: state.limitMs }, { t: "kill" }] };
    default:
      return stay(state);
  }
}

function drain(state: SupervisorState, limitMs: number): Step {
  switch (state.t) {
    case "idle":
    case "waiting":
      return { state: { t: "ended" }, effects: [{ t: "ended" }] };
    case "starting":
    case "up":
      return { state: { t: "draining", limitMs }, effects: [{ t: "drain" }, { t: "timer", ms: limitMs }] };
    default:
      return stay(state);
  }
}

function kill(state: SupervisorState): Step {
  switch (state.t) {
    case "starting":
    case "up":
      return { state: { t: "draining", limitMs: 0 }, effects: [{ t: "kill" }] };
    case "draining":
      return { state, effects: [{ t: "kill" }] };
    default:
      return drain(state, 0);
  }
}

export function endingText(ending: Ending): string {
  switch (ending.t) {
    case "signal":
      return `ended by ${ending.signal}`;
    case "code":
      return `ended with exit code ${ending.code}`;
    case "unborn":
      return `could not be started: ${ending.message}`;
  }
}
