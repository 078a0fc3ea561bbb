import { TunnelError } from "@sallyport/proto/error";
import { interimHeaders, replyHead, replyTrailers } from "@sallyport/router-dmz/reply/head";
import { headerPairs } from "../header-pairs.ts";
import { expectError, latin1, type Target } from "../target.ts";

/**
 * A line "status method version reason", then header lines. A head that is taken has no byte that HTTP does not allow, no
 * header of the destination's hop, and one length: the one that frames the body.
 */
export const target: Target = {
  summary: "a destination's response head on its way to the client",
  seeds: [
    "200 GET 1.1 OK\nContent-Length: 5\nContent-Type: text/xml\nDate: x",
    "200 GET 1.0 OK\nConnection: close, x-a\nX-A: 1\nKeep-Alive: 5\nTrailer: b",
    "200 GET 1.1 OK\nConnection: content-length, x\nContent-Length: 5",
    "304 HEAD 1.1 Not Modified\nContent-Length: 7\ncontent-length: 7\nTransfer-Encoding: chunked",
    "200 POST 1.1 OK\nContent-Length: 1\nContent-Disposition: x=\xe9",
  ].map((text) => Buffer.from(text, "latin1")),
  tokens: [
    "Content-Length: ",
    "\nConnection: ",
    "\nTransfer-Encoding: chunked",
    "\nContent-Disposition: ",
    "HEAD",
    "204 ",
    "999 ",
  ],
  inputBytesMax: 4096,
  bufferBytesMax: 1024 * 1024,
  run(input) {
    const [line = "", ...lines] = latin1(input).split("\n");
    const [status = "", method = "", version = "", ...words] = line.split(" ");
    const headers = headerPairs(lines);
    checkNames(interimHeaders(headers), [...hop, "content-length", "trailer"]);
    checkNames(replyTrailers(headers).flat(), [...hop, "content-length", "content-type", "set-cookie"]);
    const head = { status: Number(status) >>> 0, reason: words.join(" "), headers };
    try {
      check(replyHead(head, method, version === "1.1"), headers);
    } catch (error) {
      expectError(error, TunnelError, "DESTINATION_FAILED");
    }
  },
};

const hop = ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];

function check({ headers, body }: ReturnType<typeof replyHead>, given: readonly string[]): void {
  checkNames(headers, hop);
  const lengths = headers.filter((_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === "content-length");
  if (lengths.length > 1) throw new Error(`${lengths.length} lengths go on`);
  if (body.t === "length" && Number(lengths[0]) !== body.bytes)
    throw new Error("the length that goes on is another one");
  if ((body.t === "chunked" || body.t === "close") && lengths.length > 0)
    throw new Error("a length goes on that is not kept");
  if (/[\r\n\0]/.test(headers.join(""))) throw new Error("bytes go on that HTTP does not allow");
  const left = [...given];
  for (let at = 0; at < headers.length; at += 2) {
    const place = left.findIndex(
      (text, index) => index % 2 === 0 && text === headers[at] && left[index + 1] === headers[at + 1],
    );
    if (place < 0) throw new Error(`${headers[at]} was made up`);
    left.splice(place, 2);
  }
}

function checkNames(headers: readonly string[], forbidden: readonly string[]): void {
  const bad = headers.find((name, at) => at % 2 === 0 && forbidden.includes(name.toLowerCase()));
  if (bad !== undefined) throw new Error(`${bad} goes on`);
}
