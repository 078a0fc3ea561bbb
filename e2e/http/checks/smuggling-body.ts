import { type Check, group } from "../check.ts";
import { refused } from "../refused-check.ts";
import { chunked, post, smuggled } from "./smuggling-length.ts";

function chunks(name: string, wire: string): Omit<Check, "group"> {
  return refused(name, { bytes: post([chunked], wire), headIsRight: true });
}

/** RFC 9110, 6.5.1: it may be dropped, too. */
function framing(name: string, trailer: string): Omit<Check, "group"> {
  return refused(name, {
    bytes: post([chunked], `5\r\nhello\r\n0\r\n${trailer}\r\n\r\n`),
    headIsRight: true,
    orReadAs: { target: "/attack", body: "hello", trailers: [] },
    tunnelReads: true,
  });
}

const end = `0\r\n\r\n${smuggled}`;

export const smugglingBodyChecks: readonly Check[] = [
  ...group("Smuggling: chunks", [
    chunks("a size that is no number", `z\r\nhello\r\n${end}`),
    chunks("an empty size", `\r\nhello\r\n${end}`),
    chunks("a plus sign", `+5\r\nhello\r\n${end}`),
    chunks("a minus sign", `-5\r\nhello\r\n${end}`),
    chunks("0x before the size", `0x5\r\nhello\r\n${end}`),
    chunks("an underscore in the size", `0_5\r\nhello\r\n${end}`),
    chunks("a space before the size", ` 5\r\nhello\r\n${end}`),
    chunks("a NUL after the size", `5\0\r\nhello\r\n${end}`),
    chunks("a size over 64 bits", `10000000000000005\r\nhello\r\n${end}`),
    chunks("a size that is 0 in 64 bits", `10000000000000000\r\n\r\n${smuggled}`),
    chunks("a size that is 5 in 32 bits", `100000005\r\nhello\r\n${end}`),
    chunks("a size of all ones", `ffffffffffffffff\r\nhello\r\n${end}`),
    chunks("a chunk longer than its size", `4\r\nhello\r\n${end}`),
    chunks("a chunk shorter than its size", `6\r\nhello\r\n${end}`),
    chunks("a bare LF after the size", `5\nhello\r\n${end}`),
    chunks("a bare CR after the size", `5\rhello\r\n${end}`),
    chunks("a bare LF after the data", `5\r\nhello\n${end}`),
    chunks("a bare CR after the data", `5\r\nhello\r${end}`),
    chunks("two bytes in place of the CRLF after the data", `5\r\nhelloXX${end}`),
    chunks("no CRLF after the data", `5\r\nhello${end}`),
    chunks("a bare LF in an extension (TERM.EXT)", `5;a\nhello\r\n${end}`),
    chunks("a bare CR in an extension", `5;a\rb\r\nhello\r\n${end}`),
    chunks("a NUL in an extension", `5;a\0\r\nhello\r\n${end}`),
    chunks("a bare LF after the last size", `0\n\r\n${smuggled}`),
    chunks("a bare LF after the last chunk", `0\r\n\n${smuggled}`),
    chunks("no end", "5\r\nhello\r\n"),
    chunks("ten thousand zeros and then no digit", `${"0".repeat(10_000)}z\r\nhello\r\n${end}`),
  ]),
  ...group("Smuggling: trailers", [
    chunks("a bare LF between two", `5\r\nhello\r\n0\r\nX: 1\nY: 2\r\n\r\n${smuggled}`),
    chunks("a line without a colon", `5\r\nhello\r\n0\r\nnonsense\r\n\r\n${smuggled}`),
    chunks("a space before the colon", `5\r\nhello\r\n0\r\nX : 1\r\n\r\n${smuggled}`),
    chunks("a folded line", `5\r\nhello\r\n0\r\nX: 1\r\n Y: 2\r\n\r\n${smuggled}`),
    chunks("an empty name", `5\r\nhello\r\n0\r\n: 1\r\n\r\n${smuggled}`),
    chunks("a NUL", `5\r\nhello\r\n0\r\nX: \0\r\n\r\n${smuggled}`),
    chunks("a request line", `5\r\nhello\r\n0\r\n${smuggled}`),
    framing("a Content-Length", "Content-Length: 3"),
    framing("a Transfer-Encoding", "Transfer-Encoding: chunked"),
  ]),
];
