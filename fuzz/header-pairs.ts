/** Names and values as Node's parser of HTTP would hand them out: a name up to the colon, no blanks around a value. */
export function headerPairs(lines: readonly string[]): string[] {
  return lines.slice(0, linesMax).flatMap((line) => {
    const colon = line.indexOf(":");
    return colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")];
  });
}

const linesMax = 2_000;
