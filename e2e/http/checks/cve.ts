import { type Check, group } from "../check.ts";
import { refused } from "../refused-check.ts";
import { host } from "../request-check.ts";
import { chunked, post, smuggled } from "./smuggling-length.ts";

function attack(name: string, headers: readonly string[], rest = `0\r\n\r\n${smuggled}`): Omit<Check, "group"> {
  return refused(name, { bytes: post(headers, rest) });
}

/** Classes of attacks that made it into the lists of known weaknesses, of HAProxy and of Node. */
export const cveChecks: readonly Check[] = [
  ...group("CVE-2023-25725: an empty name ends the headers too early", [
    attack("an empty name with a value", [": 1", chunked]),
    attack("an empty name without a value", [":", chunked]),
    attack("an empty name hides Content-Length", [":", "Content-Length: 5"], `hello${smuggled}`),
    attack("an empty name hides a header before it", ["X-Secret: 1", ":", "X: 2", "Content-Length: 0"], smuggled),
    refused("an empty name as the first header", {
      bytes: `GET /attack HTTP/1.1\r\n: 1\r\n${host}\r\n\r\n${smuggled}`,
    }),
    refused("an empty name in the trailers", {
      bytes: post([chunked], `0\r\n: 1\r\nX: 2\r\n\r\n${smuggled}`),
      headIsRight: true,
    }),
  ]),
  ...group("CVE-2023-40225: an empty Content-Length", [
    attack("nothing after the colon", ["Content-Length:"], smuggled),
    attack("spaces after the colon", ["Content-Length:   "], smuggled),
    attack("an empty one, then a number", ["Content-Length:", "Content-Length: 5"], `hello${smuggled}`),
    attack("a number, then an empty one", ["Content-Length: 5", "Content-Length:"], `hello${smuggled}`),
    attack("a comma alone", ["Content-Length: ,"], smuggled),
    attack("an empty one, and chunks", ["Content-Length:", chunked]),
  ]),
  ...group("CVE-2022-32214: a header that no CRLF ends", [
    attack("a bare CR between headers", [`X: 1\r${chunked}`]),
    attack("a bare LF before Transfer-Encoding", [`X: 1\n${chunked}`]),
    attack("LF CR between headers", [`X: 1\n\r${chunked}`]),
    attack("a bare CR after the colon", [`X:\r${chunked}`]),
  ]),
  ...group("CVE-2022-32215: Transfer-Encoding over several lines", [
    attack("chunked, then a folded identity", [chunked, " , identity"]),
    attack("nothing, then a folded chunked", ["Transfer-Encoding:", " chunked"]),
    attack("a folded chunked, and a length", ["Content-Length: 5", "Transfer-Encoding:", "\tchunked"]),
    attack("chunked and a comma, then a folded cow", ["Transfer-Encoding: chunked,", " cow"]),
  ]),
  ...group("CVE-2022-35256: a header whose line does not end", [
    attack("an empty value and a bare LF", ["X:\nContent-Length: 5"], `hello${smuggled}`),
    attack("a value, a bare CR, another header", ["X: 1\rContent-Length: 5"], `hello${smuggled}`),
    refused("a value, a bare LF and the end of the head", {
      bytes: `GET /attack HTTP/1.1\r\n${host}\r\nX: 1\n\r\n${smuggled}`,
    }),
    refused("a head that ends in a bare CR", { bytes: `GET /attack HTTP/1.1\r\n${host}\r\nX: 1\r\n\r${smuggled}` }),
  ]),
  ...group("CVE-2023-30589: a bare CR that ends a header", [
    attack("an empty value, a bare CR, one byte, Transfer-Encoding", [`X-Abc:\rx${chunked}`]),
    attack("the same with a length", [`X-Abc:\rxContent-Length: 5`], `hello${smuggled}`),
    attack("a value, a bare CR, Transfer-Encoding", [`X-Abc: 1\r${chunked}`]),
    attack("two bare CRs", [`X-Abc:\r\r${chunked}`]),
  ]),
  ...group("CVE-2024-27982: a space before Content-Length", [
    attack("as the second header", [" Content-Length: 5"], `hello${smuggled}`),
    refused("as the first header", {
      bytes: `POST /attack HTTP/1.1\r\n Content-Length: 5\r\n${host}\r\n\r\nhello${smuggled}`,
    }),
    attack("a tab", ["\tContent-Length: 5"], `hello${smuggled}`),
    attack("before Transfer-Encoding", [" Transfer-Encoding: chunked"]),
    attack("a second one with a space", ["Content-Length: 5", " Content-Length: 45"], `hello${smuggled}`),
    refused("a space before Host", { bytes: `GET /attack HTTP/1.1\r\n ${host}\r\n\r\n${smuggled}` }),
  ]),
];
