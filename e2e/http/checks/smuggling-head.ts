import { type Check, group } from "../check.ts";
import { type AttackSpec, refused } from "../refused-check.ts";
import { host } from "../request-check.ts";
import { chunked, post, smuggled } from "./smuggling-length.ts";

const attack = { target: "/attack" };

function head(name: string, lines: readonly string[], also: Partial<AttackSpec> = {}): Omit<Check, "group"> {
  // Where one reading is allowed a request that follows would be right too.
  const next = also.orReadAs === undefined ? smuggled : "";
  return refused(name, { bytes: `GET /attack HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${next}`, ...also });
}

function line(name: string, first: string, also: Partial<AttackSpec> = {}): Omit<Check, "group"> {
  return refused(name, { bytes: `${first}\r\n${host}\r\n\r\n`, ...also });
}

/** The destination itself takes whatever is right. */
function tooMuch(name: string, bytes: string, headIsRight = false): Omit<Check, "group"> {
  return { ...refused(name, { bytes, headIsRight }), ways: ["tunnel", "haproxy"] };
}

/** A right request, then a bad one whose bytes could be taken for more of it. */
function behindGood(name: string, bytes: string, headIsRight = false): Omit<Check, "group"> {
  const good = `GET /good HTTP/1.1\r\n${host}\r\n\r\n`;
  return refused(name, { bytes: good + bytes, good: 1, headIsRight });
}

export const smugglingHeadChecks: readonly Check[] = [
  ...group("Smuggling: line ends", [
    refused("bare LF everywhere", { bytes: `GET /attack HTTP/1.1\n${host}\n\n` }),
    refused("a bare LF after the request line", { bytes: `GET /attack HTTP/1.1\n${host}\r\n\r\n` }),
    refused("a bare CR after the request line", { bytes: `GET /attack HTTP/1.1\r${host}\r\n\r\n` }),
    head("a bare LF between headers", [`${host}\nX: 1`]),
    head("a bare CR between headers", [`${host}\rX: 1`]),
    head("a bare CR in a value", [host, "X: a\rb"]),
    head("a bare LF in a value", [host, "X: a\nTransfer-Encoding: chunked"]),
    refused("a bare LF that ends the head", { bytes: `GET /attack HTTP/1.1\r\n${host}\r\n\n${smuggled}` }),
    refused("CR CR LF that ends the head", { bytes: `GET /attack HTTP/1.1\r\n${host}\r\n\r\r\n${smuggled}` }),
    head("CR CR LF after a header", [`${host}\r`, "X: 1"]),
    head("a folded line", [host, "X: 1", " folded"], { orReadAs: attack }),
    head("a line folded by a tab", [host, "X: 1", "\tfolded"], { orReadAs: attack }),
    head("a folded Transfer-Encoding", [host, "Transfer-Encoding:", " chunked"]),
    head("a folded Content-Length", [host, "Content-Length:", " 5"]),
    head("an empty folded line that hides a header", [host, "X: 1", " ", "Transfer-Encoding: chunked"]),
  ]),
  ...group("Smuggling: names and values", [
    head("a space before the colon", [host, "X : 1"]),
    head("a space before the colon of Content-Length", [host, "Content-Length : 5"]),
    head("a tab before the colon of Transfer-Encoding", [host, "Transfer-Encoding\t: chunked"]),
    head("a space within a name", [host, "X Y: 1"]),
    head("a line without a colon", [host, "nonsense"]),
    head("a NUL in a name", [host, "X\0: 1"]),
    head("a NUL in a value", [host, "X: a\0b"]),
    head("a control character in a value", [host, "X: a\x01b"]),
    head("DEL in a value", [host, "X: a\x7fb"]),
    head("a control character in a name", [host, "X\x01: 1"]),
    head("a letter over 127 in a name", [host, "X\xe4: 1"]),
    head("a vertical tab in a name", [host, "Content-Length\v: 5"]),
    ...['"', "(", ")", "/", ";", "<", "=", ">", "?", "@", "[", "\\", "]", "{", "}", ","].map((byte) =>
      head(`${byte} in a name`, [host, `X${byte}Y: 1`]),
    ),
  ]),
  ...group("Smuggling: Host", [
    head("none", ["X: 1"], { bytes: "GET /attack HTTP/1.1\r\nX: 1\r\n\r\n" }),
    head("two that differ", [host, "Host: evil"]),
    head("two that are equal", [host, host], { orReadAs: attack }),
    head("two, one in odd letters", [host, "hOST: evil"]),
    head("a list", ["Host: calc.example, evil"]),
    head("with a path", ["Host: calc.example/evil"]),
    head("with a user", ["Host: user@calc.example"]),
    head("with a space", ["Host: calc.example evil"]),
    head("with a question mark", ["Host: calc.example?evil"]),
    head("with a number sign", ["Host: calc.example#evil"]),
    head("with a backslash", ["Host: calc.example\\evil"]),
    head("with a port that is none", ["Host: calc.example:80a"]),
    line("an absolute target that names another host", "GET http://evil/attack HTTP/1.1"),
    line("an absolute target that names another port", "GET http://calc.example:81/attack HTTP/1.1"),
    line("an absolute target with a user", "GET http://calc.example@evil/attack HTTP/1.1"),
    line("an absolute target of another scheme", "GET ftp://calc.example/attack HTTP/1.1"),
  ]),
  ...group("Smuggling: request line", [
    line("no version (HTTP/0.9)", "GET /attack"),
    line("HTTP/0.9", "GET /attack HTTP/0.9"),
    line("HTTP/1.2", "GET /attack HTTP/1.2", { orReadAs: attack }),
    line("HTTP/2.0", "GET /attack HTTP/2.0"),
    line("HTTP/1.10", "GET /attack HTTP/1.10"),
    line("HTTP/1,1", "GET /attack HTTP/1,1"),
    line("http/1.1", "GET /attack http/1.1"),
    line("HTTP/ 1.1", "GET /attack HTTP/ 1.1"),
    line("two spaces before the target", "GET  /attack HTTP/1.1", { orReadAs: attack, tunnelReads: true }),
    line("two spaces before the version", "GET /attack  HTTP/1.1", { orReadAs: attack, tunnelReads: true }),
    line("a tab for a space", "GET\t/attack HTTP/1.1", { orReadAs: attack }),
    line("a space at its start", " GET /attack HTTP/1.1"),
    line("a space at its end", "GET /attack HTTP/1.1 ", { orReadAs: attack }),
    line("a space in the target", "GET /att ack HTTP/1.1"),
    line("a NUL in the target", "GET /att\0ack HTTP/1.1"),
    line("a byte over 127 in the target", "GET /att\xe4ck HTTP/1.1"),
    line("DEL in the target", "GET /att\x7fck HTTP/1.1"),
    line("a fragment", "GET /attack#evil HTTP/1.1"),
    line("a target without a slash", "GET attack HTTP/1.1"),
    line("* of another method than OPTIONS", "GET * HTTP/1.1"),
    line("a method with a byte that no token has", "GE(T /attack HTTP/1.1"),
    line("an empty method", " /attack HTTP/1.1"),
    line("CONNECT: the tunnel is no open proxy", "CONNECT evil:443 HTTP/1.1"),
    refused("the preface of HTTP/2", { bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }),
    refused("a TLS handshake", { bytes: `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${"\xaa".repeat(500)}` }),
  ]),
  ...group("Limits", [
    tooMuch("a head of 1 MiB", `GET /attack HTTP/1.1\r\n${host}\r\n${`X: ${"v".repeat(1000)}\r\n`.repeat(1040)}\r\n`),
    tooMuch("a target of 200,000 bytes", `GET /${"a".repeat(200_000)} HTTP/1.1\r\n${host}\r\n\r\n`),
    tooMuch("a header of 200,000 bytes", `GET /attack HTTP/1.1\r\n${host}\r\nX: ${"v".repeat(200_000)}\r\n\r\n`),
    tooMuch("20,000 headers", `GET /attack HTTP/1.1\r\n${host}\r\n${"X: 1\r\n".repeat(20_000)}\r\n`),
    tooMuch(
      "a chunk extension of 100,000 bytes",
      post([chunked], `5;${"a".repeat(100_000)}\r\nhello\r\n0\r\n\r\n`),
      true,
    ),
    tooMuch("trailers of 200,000 bytes", post([chunked], `0\r\n${`X: ${"v".repeat(1000)}\r\n`.repeat(200)}\r\n`), true),
  ]),
  ...group("Smuggling: poisoned pipelines", [
    behindGood(
      "two lengths",
      `POST /attack HTTP/1.1\r\n${host}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello${smuggled}`,
    ),
    behindGood(
      "length and encoding",
      `POST /attack HTTP/1.1\r\n${host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    ),
    behindGood("bytes that are no request", `nonsense\r\n\r\n${smuggled}`),
    behindGood("a bare LF", `GET /attack HTTP/1.1\n${host}\n\n${smuggled}`),
    behindGood(
      "a broken chunk",
      `POST /attack HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n${smuggled}`,
      true,
    ),
    refused("what follows Connection: close", {
      bytes: `GET /good HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n${smuggled}`,
      good: 1,
    }),
  ]),
];
