import { setImmediate as turn } from "node:timers/promises";
import { TunnelError } from "@sallyport/proto/error";
import { beforeEach, describe, expect, test } from "vitest";
import type { Exchange } from "./destination.ts";
import { Gathering, gatherBytesMax } from "./gathering.ts";

let log: string[];

beforeEach(() => {
  log = [];
});

function gather(): Gathering {
  return new Gathering(
    (gathered) => {
      const whole = gathered.t === "whole" ? ` ${gathered.body} [${gathered.trailers}]` : "";
      log.push(`dial ${gathered.t}${whole}`);
      return loggingExchange();
    },
    () => log.push("drop"),
  );
}

function loggingExchange(): Exchange {
  return {
    write: (bytes) => log.push(`write ${bytes.length > 10 ? bytes.length : bytes}`),
    end: (trailers) => log.push(`end [${trailers}]`),
    abort: (error) => log.push(`abort ${error.code}`),
    pause: () => log.push("pause"),
    resume: () => log.push("resume"),
  };
}

describe("a request's body", () => {
  test("M3: that ends in its first turn is dialled whole, once", async () => {
    const gathering = gather();
    gathering.write(Buffer.from("ab"));
    gathering.write(Buffer.from("cd"));
    gathering.end(["X-Sum", "1"]);
    await turn();
    expect(log).toEqual(["dial whole abcd [X-Sum,1]"]);
  });

  test("M3: that does not is streamed from the next turn on", async () => {
    const gathering = gather();
    gathering.write(Buffer.from("ab"));
    await turn();
    gathering.write(Buffer.from("cd"));
    gathering.pause();
    gathering.resume();
    gathering.end([]);
    gathering.abort(new TunnelError("CANCELLED", "gone"));
    expect(log).toEqual(["dial partial", "write ab", "write cd", "pause", "resume", "end []", "abort CANCELLED"]);
  });

  test("M3: over the limit is streamed at once", () => {
    const gathering = gather();
    gathering.write(Buffer.alloc(gatherBytesMax));
    expect(log).toEqual([]);
    gathering.write(Buffer.from("x"));
    expect(log).toEqual(["dial partial", `write ${gatherBytesMax}`, "write x"]);
  });

  test("aborted before it was dialled is never dialled", async () => {
    const gathering = gather();
    gathering.write(Buffer.from("ab"));
    gathering.abort(new TunnelError("CANCELLED", "gone"));
    gathering.abort(new TunnelError("CANCELLED", "gone"));
    gathering.write(Buffer.from("cd"));
    gathering.end([]);
    gathering.pause();
    gathering.resume();
    await turn();
    expect(log).toEqual(["drop"]);
  });
});
