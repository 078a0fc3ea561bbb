import type { Condition } from "@sallyport/proto/resource-status";
import type { Finding } from "../facts.ts";

export interface StatusMoment {
  /** RFC 3339, in whole seconds: `metav1.Time`. */
  readonly now: string;
  readonly generation: number;
  readonly before: readonly Condition[];
}

/** "Unknown" stands for a question that nobody could answer. */
export interface Answer extends Omit<Finding, "holds"> {
  readonly holds: boolean | undefined;
}

/** The condition as it is now; the time of its last transition stays while its status does. */
export function condition(type: string, { holds, reason, message }: Answer, moment: StatusMoment): Condition {
  const status = holds === undefined ? "Unknown" : holds ? "True" : "False";
  const before = moment.before.find((one) => one.type === type);
  return {
    type,
    status,
    observedGeneration: moment.generation,
    lastTransitionTime: before?.status === status ? before.lastTransitionTime : moment.now,
    reason,
    message: message.slice(0, messageLengthMax),
  };
}

/** Kubernetes takes 32 KiB; nobody reads as much. */
const messageLengthMax = 4096;

/** The reason that matters most: that of the first condition that does not hold, else `otherwise`. */
export function tellingReason(conditions: readonly Condition[], otherwise: string): string {
  return conditions.find(({ status }) => status !== "True")?.reason ?? otherwise;
}
