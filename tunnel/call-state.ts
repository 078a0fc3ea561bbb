/** A call at one side: which directions are still open. docs/protocol.md, "Frames". */
export type CallState = "open" | "localEnded" | "remoteEnded" | "closed";
export type CallEvent = "localFin" | "remoteFin" | "reset";

const table: Record<CallState, Record<CallEvent, CallState | "illegal">> = {
  open: { localFin: "localEnded", remoteFin: "remoteEnded", reset: "closed" },
  localEnded: { localFin: "illegal", remoteFin: "closed", reset: "closed" },
  remoteEnded: { localFin: "closed", remoteFin: "illegal", reset: "closed" },
  closed: { localFin: "illegal", remoteFin: "illegal", reset: "closed" },
};

export function nextCallState(state: CallState, event: CallEvent): CallState | "illegal" {
  return table[state][event];
}

export const mayReceive = (state: CallState): boolean => state === "open" || state === "localEnded";
export const maySend = (state: CallState): boolean => state === "open" || state === "remoteEnded";
