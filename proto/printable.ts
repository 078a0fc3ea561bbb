const shownLengthMax = 80;

/** Controls, line separators and marks that reorder or hide text: they must not reach a terminal or a log as they are. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A value as messages show it: in quotes if text, cut at 80 characters, controls escaped, passwords of URLs masked. */
export function quoted(value: string | number | bigint | boolean): string {
  if (typeof value !== "string") return String(value);
  if (value.includes("-----BEGIN")) return '"(PEM, not shown)"';
  const masked = value.replace(/\/\/.*@/s, "//***@");
  const cut = masked.length > shownLengthMax ? `${masked.slice(0, shownLengthMax)}…` : masked;
  return escaped(JSON.stringify(cut));
}

/** Text of others (a library's message, a name) on one line, cut at `lengthMax` characters, controls escaped. */
export function printable(text: string, lengthMax = 200): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
  return escaped(cut.toWellFormed());
}

function escaped(text: string): string {
  return text.replaceAll(unsafe, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
