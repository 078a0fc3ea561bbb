import type { Report } from "@sallyport/tunnel/process";

/** Ports by purpose, as a process reported them: listener names, "health", "admin", "tunnel". */
export type Ports = Readonly<Record<string, number>>;

/**
 * What a process said over IPC, or undefined when it is no report. A process with one port may say `{ t: "listening", port }`:
 * its purpose is "http".
 */
export function readReport(message: unknown): Report | undefined {
  if (typeof message !== "object" || message === null || !("t" in message)) return undefined;
  const { t, ports, port, ready, message: text } = message as Readonly<Record<string, unknown>>;
  if (t === "listening" && isPorts(ports)) return { t, ports };
  if (t === "listening" && typeof port === "number") return { t, ports: { http: port } };
  if (t === "ready" && typeof ready === "boolean") return { t, ready };
  if (t === "failed" && typeof text === "string") return { t, message: text };
  return undefined;
}

function isPorts(value: unknown): value is Ports {
  return typeof value === "object" && value !== null && Object.values(value).every((port) => typeof port === "number");
}
