import { exitCodes } from "./cli-error.ts";

type Texts = Readonly<Partial<Record<keyof typeof exitCodes, string>>>;

/** Of a command that runs until it is stopped. */
export const runTexts = {
  fine: "ended as asked, by Ctrl-C or a signal, after a drain",
  failed: "something failed while it ran or started",
  usage: "wrong options, documents or configuration",
  interrupted: "ended at once by a second Ctrl-C (by another signal: 128 and its number)",
} satisfies Texts;

/** For --help: what each exit code of a command means. */
export function exitCodeText(texts: Texts): string {
  const lines = Object.entries(exitCodes).flatMap(([name, code]) => {
    const text = texts[name as keyof Texts];
    return text === undefined ? [] : [`  ${String(code).padEnd(3)}  ${text}`];
  });
  return ["Exit codes:", ...lines].join("\n");
}
