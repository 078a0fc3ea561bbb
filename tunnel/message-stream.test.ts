import { TunnelError } from "@sallyport/proto/error";
import { describe, expect, it } from "vitest";
import { MessageStream } from "./message-stream.ts";
import { MemoryTransport } from "./testing/memory-transport.ts";

const fullAt = 8;

describe("what a management connection is offered", () => {
  it("goes out in its turn, and is settled when the transport has taken it", () => {
    const { stream, transport, sentTexts } = open();
    const settled: boolean[] = [];
    stream.send("first");
    expect(stream.offer("second", (sent) => settled.push(sent))).toBe(true);
    transport.deliver();
    expect([sentTexts(), settled]).toEqual([["first", "second"], []]);
    transport.deliver();
    expect(settled).toEqual([true]);
  });

  it("is refused while so many messages wait that the peer must be slow", () => {
    const { stream, transport } = open();
    const settled: boolean[] = [];
    const offer = () => stream.offer("spans", (sent) => settled.push(sent));
    // One is with the transport, the others wait.
    for (let i = 0; i <= fullAt; i++) expect(offer()).toBe(true);
    expect([offer(), settled]).toEqual([false, []]);
    transport.deliver();
    expect([offer(), offer(), settled]).toEqual([true, false, [true]]);
  });

  it("is settled as lost when the stream ends, and refused from then on", () => {
    const { stream } = open();
    const settled: string[] = [];
    stream.offer("a", (sent) => settled.push(`a ${sent}`));
    stream.offer("b", (sent) => settled.push(`b ${sent}`));
    stream.close(new TunnelError("LINK_LOST", "gone"));
    expect(settled).toEqual(["a false", "b false"]);
    expect(stream.offer("c", () => settled.push("c"))).toBe(false);
    expect(settled).toHaveLength(2);
  });

  it("is refused once the stream is to end, but still sent when it was taken before", () => {
    const { stream, transport } = open();
    const settled: boolean[] = [];
    stream.offer("a", (sent) => settled.push(sent));
    stream.close();
    expect(stream.offer("b", () => settled.push(false))).toBe(false);
    transport.deliver();
    expect([settled, transport.closed]).toEqual([[true], true]);
  });
});

function open() {
  const [transport] = MemoryTransport.pair(false);
  const stream = new MessageStream<string, string>({
    ...{ transport, encode: (text) => Buffer.from(text), decode: (bytes) => bytes.toString() },
    ...{ onMessage: () => {}, onClosed: () => {} },
  });
  return { stream, transport, sentTexts: () => transport.history.map((bytes) => bytes.toString()) };
}
