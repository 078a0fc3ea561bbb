import { type Check, group } from "../check.ts";
import { type AttackSpec, refused } from "../refused-check.ts";
import { host } from "../request-check.ts";

/** What follows the ambiguous request: a request that nobody may ever take for one. */
export const smuggled = "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n";

export function post(headers: readonly string[], rest: string): string {
  return `POST /attack HTTP/1.1\r\n${host}\r\n${headers.join("\r\n")}\r\n\r\n${rest}`;
}

const attack = { target: "/attack" };
const inChunks = `0\r\n\r\n${smuggled}`;
/** RFC 9112, 6.3: Transfer-Encoding overrides, and the connection closes. */
const encodingWins = { orReadAs: { ...attack, body: "hello" } };
const encodingWinsEmpty = { orReadAs: { ...attack, body: "" } };
const hello = "5\r\nhello\r\n0\r\n\r\n";
export const chunked = "Transfer-Encoding: chunked";

function lengths(name: string, headers: string[], rest = `hello${smuggled}`, also: Partial<AttackSpec> = {}) {
  return refused(name, { bytes: post(headers, rest), ...also });
}

export const smugglingLengthChecks: readonly Check[] = [
  ...group("Smuggling: length and encoding", [
    lengths(
      "CL.TE: Content-Length, then Transfer-Encoding",
      ["Content-Length: 6", chunked],
      "0\r\n\r\nG",
      encodingWinsEmpty,
    ),
    lengths("CL.TE whose two readings end at the same byte", ["Content-Length: 15", chunked], hello, encodingWins),
    lengths(
      "TE.CL: Transfer-Encoding, then Content-Length",
      [chunked, "Content-Length: 4"],
      inChunks,
      encodingWinsEmpty,
    ),
    lengths("TE.CL whose two readings end at the same byte", [chunked, "Content-Length: 15"], hello, encodingWins),
    lengths("Transfer-Encoding and Content-Length: 0", [chunked, "Content-Length: 0"], hello, encodingWins),
    lengths("Transfer-Encoding and a Content-Length that is none", [chunked, "Content-Length: x"], hello),
    lengths("both in odd letters", ["CONTENT-length: 4", "tRANSFER-eNCODING: chunked"], inChunks, encodingWinsEmpty),
  ]),
  ...group("Smuggling: Content-Length", [
    lengths("two that differ", ["Content-Length: 5", "Content-Length: 6"]),
    lengths("two that differ, in odd letters", ["Content-Length: 5", "content-LENGTH: 45"]),
    lengths("two that are equal", ["Content-Length: 5", "Content-Length: 5"], "hello", {
      orReadAs: { ...attack, body: "hello" },
    }),
    lengths("a list of two that differ", ["Content-Length: 5, 6"]),
    lengths("a list of two that are equal", ["Content-Length: 5, 5"], "hello", {
      orReadAs: { ...attack, body: "hello" },
    }),
    lengths("a plus sign", ["Content-Length: +5"]),
    lengths("a minus sign", ["Content-Length: -5"]),
    lengths("hexadecimal", ["Content-Length: 0x5"]),
    lengths("a space within", ["Content-Length: 5 0"]),
    lengths("a letter at its end", ["Content-Length: 5a"]),
    lengths("a dot and digits", ["Content-Length: 5.0"]),
    lengths("an exponent", ["Content-Length: 5e0"]),
    lengths("an underscore between digits", ["Content-Length: 0_5"]),
    lengths("quoted", ['Content-Length: "5"']),
    lengths("a comma at its end", ["Content-Length: 5,"]),
    lengths("a comma at its start", ["Content-Length: ,5"]),
    lengths("a semicolon", ["Content-Length: 5;"]),
    lengths("a number over 64 bits", ["Content-Length: 18446744073709551621"]),
    lengths("a number over 63 bits", ["Content-Length: 9223372036854775813"]),
    lengths("a vertical tab before the number", ["Content-Length: \v5"]),
    lengths("a form feed after the number", ["Content-Length: 5\f"]),
    lengths("a no-break space before the number", ["Content-Length: \xa05"]),
    lengths("a NUL after the number", ["Content-Length: 5\0"]),
  ]),
  ...group("Smuggling: Transfer-Encoding", [
    ...[
      "xchunked",
      "chunkedx",
      "chunked,",
      ",chunked",
      "chunked, identity",
      "identity",
      "identity, chunked",
      "gzip",
      "gzip, chunked",
      "chunked, chunked",
      "chunked;q=1",
      '"chunked"',
      "chunked chunked",
      "\vchunked",
      "chunked\f",
      "\xa0chunked",
      "chunked\0",
      "chunk\u00e9d",
      "",
      "cow",
    ].map((coding) => lengths(JSON.stringify(coding), [`Transfer-Encoding: ${coding}`], inChunks)),
    lengths("chunked twice, in two lines", [chunked, chunked], inChunks),
    lengths("chunked and then cow, in two lines", [chunked, "Transfer-Encoding: cow"], inChunks),
    lengths("cow and then chunked, in two lines", ["Transfer-Encoding: cow", chunked], inChunks),
    refused("chunked in HTTP/1.0", {
      bytes: `POST /attack HTTP/1.0\r\n${host}\r\n${chunked}\r\n\r\n${inChunks}`,
    }),
    refused("chunked and Content-Length in HTTP/1.0, kept alive", {
      bytes: `POST /attack HTTP/1.0\r\n${host}\r\nConnection: keep-alive\r\nContent-Length: 5\r\n${chunked}\r\n\r\n${inChunks}`,
    }),
    lengths(
      "a list that Connection takes out",
      ["Connection: Transfer-Encoding", "Transfer-Encoding: x, chunked"],
      inChunks,
    ),
    lengths("identity, and a Content-Length", ["Transfer-Encoding: identity", "Content-Length: 5"]),
    lengths("an empty one, and a Content-Length", ["Transfer-Encoding:", "Content-Length: 5"]),
  ]),
];
