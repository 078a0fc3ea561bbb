import { shorten } from "./xml.ts";

/** The newest messages that are kept, and the most characters kept of each. */
export const messagesMax = 100;
export const messageCharactersMax = 4_096;

/** Is told each message, whole, with the newest ones so far, oldest first, this one included. */
export type KeepLog = (message: string, kept: readonly string[]) => void;

/** Keeps what the one-way operation Log is told. */
export function keepMessages(log: KeepLog | undefined): (message: string) => void {
  const kept: string[] = [];
  return (message) => {
    // By way of bytes: a slice of a string would keep the whole of it in memory.
    kept.push(Buffer.from(shorten(message, messageCharactersMax)).toString());
    if (kept.length > messagesMax) kept.shift();
    log?.(message, kept);
  };
}
