import type { MessageTypeDefinition } from "@grpc/proto-loader";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBatch } from "./batch-reader.ts";
import { uint32Max } from "./batch-wire.ts";
import { BatchWriter } from "./batch-writer.ts";
import { definitions } from "./definitions.ts";
import { TunnelError } from "./error.ts";
import {
  batchBytesMax,
  CallKind,
  dataFrameBytesMax,
  emptyOpen,
  type FrameHandler,
  type GoAway,
  type Head,
  headBytesMax,
  type Limits,
  type LinkHello,
  messageBytesMax,
  type Open,
} from "./frame.ts";

/** A call of a `FrameHandler`: its method and what it was given. */
type Said = { [Kind in keyof FrameHandler]: readonly [Kind, ...Parameters<FrameHandler[Kind]>] }[keyof FrameHandler];

describe("BatchWriter", () => {
  it("writes what proto-loader reads", () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const reread = loader.deserialize(written(batch));
        expect(reread).toStrictEqual(loaded(batch));
        expect(loader.serialize(reread).equals(loader.serialize(loaded(batch)))).toBe(true);
      }),
    );
  });

  it("writes what decodeBatch reads", () => {
    fc.assert(
      fc.property(batches, (batch) => {
        expect(read(written(batch))).toStrictEqual({ said: batch, skipped: 0 });
      }),
    );
  });

  it.each([
    ["an empty DATA", ["data", 1, Buffer.alloc(0)], "0a0408011200"],
    ["DATA of one byte", ["data", 300, Buffer.from("x")], "0a0608ac02120178"],
    ["a FIN without trailers", ["fin", 1, []], "0a0408012a00"],
    ["a CREDIT of nothing", ["credit", 1, 0], "0a0408013a00"],
    ["a CREDIT", ["credit", 1, 300], "0a0708013a0308ac02"],
    ["a COMMIT", ["commit", 1], "0a0408014a00"],
    ["a PING", ["ping", 5, true], "0a06620408051001"],
    ["a FIN with trailers", ["fin", 1, ["a", "b"]], "0a8d80800008012a868080000a01610a0162"],
    ["a RESET", ["reset", 1, 7, "é", 0], "0a8d8080000801328680800008071202c3a9"],
    ["a HELD", ["held", 1, 300, false], "0a070801420308ac02"],
    ["a HELD that is ready", ["held", 1, 0, true], "0a06080142021001"],
    ["a TAKEN", ["taken", 1, false], "0a0408017200"],
    ["a TAKEN that is repeatable", ["taken", 1, true], "0a06080172020801"],
    ["a CLIENT_CLOSED", ["clientClosed", 300], "0a057a0308ac02"],
  ] as const)("lays out %s", (_, said, hex) => {
    expect(written([said as unknown as Said]).toString("hex")).toBe(hex);
  });

  it("fills in what a caller may leave out", () => {
    const writer = new BatchWriter();
    writer.reset(1, 7, "m");
    writer.held(1, 5);
    writer.goAway({ lastCall: 1, code: 8, message: "m" });
    writer.head(1, { status: 200, reason: "", headers: [], pin: false });
    expect(read(writer.finish()).said).toStrictEqual([
      ["reset", 1, 7, "m", 0],
      ["held", 1, 5, false],
      ["goAway", { lastCall: 1, code: 8, message: "m", retryAfterMs: 0 }],
      ["head", 1, { status: 200, reason: "", headers: [] }],
    ]);
  });

  it("writes a slice of data", () => {
    const writer = new BatchWriter();
    writer.data(1, Buffer.from("0123456789"), 3, 7);
    expect(read(writer.finish()).said).toStrictEqual([["data", 1, Buffer.from("3456")]]);
  });

  it("counts its bytes", () => {
    const writer = new BatchWriter();
    const before = { bytes: writer.bytes, empty: writer.empty };
    writer.commit(1);
    const after = { bytes: writer.bytes, empty: writer.empty };
    expect(before).toStrictEqual({ bytes: 0, empty: true });
    expect(after).toStrictEqual({ bytes: 6, empty: false });
    expect(writer.finish().length).toBe(6);
    expect(writer.empty).toBe(true);
    expect(writer.finish().length).toBe(0);
  });

  it("keeps bytes 0x80 to 0xff of headers, methods, targets and reasons", () => {
    const every = String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code));
    const batch: Said[] = [
      ["open", 1, { ...emptyOpen, method: every, target: every, headers: [every, every] }],
      ["head", 1, { status: 200, reason: every, headers: [every, every] }],
      ["fin", 1, [every, every]],
    ];
    const bytes = written(batch);
    expect(read(bytes).said).toStrictEqual(batch);
    expect(bytes.includes(Buffer.from(every, "latin1"))).toBe(true);
  });
});

describe("a full batch", () => {
  it("takes no frame beyond its capacity, and takes it into the next", () => {
    fc.assert(
      fc.property(fc.integer({ min: 8000, max: 20_000 }), batches, (capacity, batch) => {
        const writer = new BatchWriter(capacity);
        const finished: Buffer[] = [];
        for (const said of batch) {
          const before = writer.bytes;
          if (say(writer, said)) continue;
          expect(writer.bytes).toBe(before);
          finished.push(Buffer.from(writer.finish()));
          expect(say(writer, said)).toBe(true);
        }
        finished.push(Buffer.from(writer.finish()));
        expect(finished.filter((bytes) => bytes.length > capacity)).toStrictEqual([]);
        expect(finished.flatMap((bytes) => read(bytes).said)).toStrictEqual(batch);
      }),
    );
  });

  it("has room for as much data as it says, whatever the call", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70_000 }), fc.constantFrom(0, 1, 127, 128, 2 ** 32 - 1), (filled, call) => {
        const writer = new BatchWriter(70_000);
        fill(writer, filled);
        const room = writer.room();
        expect(room === 0 || writer.data(call, Buffer.alloc(room))).toBe(true);
        expect(writer.bytes).toBeLessThanOrEqual(70_000);
        expect(70_000 - writer.bytes).toBeLessThan(room === 0 ? 70_001 : room === dataFrameBytesMax ? 70_000 : 16);
      }),
    );
  });

  it("has no room, and not less than none", () => {
    const writer = new BatchWriter(40);
    expect(writer.room()).toBe(24);
    writer.data(1, Buffer.alloc(24));
    expect(writer.room()).toBe(0);
    expect(writer.data(1, Buffer.alloc(24))).toBe(false);
    expect(writer.credit(1, 1)).toBe(false);
  });

  const largest: readonly Said[] = [
    ["open", uint32Max, largestOpen()],
    ["head", uint32Max, { status: uint32Max, reason: "r", headers: [], pin: true }],
    ["reset", uint32Max, uint32Max, "m".repeat(messageBytesMax), uint32Max],
    ["held", uint32Max, uint32Max, true],
    ["taken", uint32Max, true],
    ["clientClosed", Number.MAX_SAFE_INTEGER],
    ["goAway", { lastCall: uint32Max, code: uint32Max, message: "m".repeat(messageBytesMax), retryAfterMs: uint32Max }],
  ];
  it.each(largest.map((said) => [said[0], said] as const))("asks for enough bytes for the largest %s", (_, said) => {
    const refusal = thrown(() => say(new BatchWriter(1), said)) as Error;
    const asked = Number(/of up to (\d+) bytes/.exec(refusal.message)?.[1]);
    const writer = new BatchWriter(asked);
    expect(say(writer, said)).toBe(true);
    expect(writer.bytes).toBeLessThanOrEqual(asked);
    expect(loader.deserialize(writer.finish()).frames.length).toBe(1);
  });

  it("offers room for one DATA frame at most", () => {
    expect(new BatchWriter().room()).toBe(dataFrameBytesMax);
  });

  it("takes the largest head that the protocol allows", () => {
    const value = "v".repeat(headBytesMax - 1);
    const said: Said = ["head", 1, { status: 200, reason: "", headers: ["n", value] }];
    expect(read(written([said])).said).toStrictEqual([said]);
  });
});

describe("a frame that no batch can carry", () => {
  const big = "x".repeat(headBytesMax);
  const hello: LinkHello = { ...emptyHello(), tunnel: big };
  it.each<[string, Said, string]>([
    ["DATA over 64 KiB", ["data", 1, Buffer.alloc(dataFrameBytesMax + 1)], "DATA of 65537 bytes is over the limit"],
    ["an OPEN with too many headers", ["open", 1, { ...emptyOpen, headers: ["n", big] }], "OPEN with a head of 131073"],
    ["an OPEN with too long a text", ["open", 1, { ...emptyOpen, tracestate: big }], "OPEN of up to 393"],
    ["an OPEN for too long a protocol", ["open", 1, { ...emptyOpen, upgradeProtocol: big }], "OPEN of up to 393"],
    [
      "a HEAD over its limit",
      ["head", 1, { status: 1, reason: "n", headers: [big, ""] }],
      "HEAD with a head of 131073",
    ],
    ["a FIN over its limit", ["fin", 1, ["n", big]], "FIN with a head of 131073 bytes is over the limit of 131072"],
    ["a LINK_HELLO over a batch", ["linkHello", hello], "LINK_HELLO of up to 393"],
    ["a header without a value", ["fin", 1, ["n"]], "FIN has a header name without a value"],
    ["a header that is not latin1", ["fin", 1, ["n", "\u010a"]], "field 1 has a character above U+00FF"],
    ["a call below 0", ["credit", -1, 1], "field 1 is a whole number from 0 to 4294967295, not -1"],
    ["a call over 32 bits", ["data", 2 ** 32, Buffer.alloc(1)], "not 4294967296"],
    ["half a byte of credit", ["credit", 1, 0.5], "not 0.5"],
    ["no number", ["held", 1, Number.NaN, false], "not NaN"],
    ["a time to wait below 0", ["reset", 1, 7, "", -1], "field 3 is a whole number from 0 to 4294967295, not -1"],
    ["a connection over 2^53 - 1", ["clientClosed", 2 ** 53], "from 0 to 9007199254740991, not 9007199254740992"],
    ["a nonce over 2^53 - 1", ["ping", 2 ** 53, false], "from 0 to 9007199254740991, not 9007199254740992"],
  ])("%s is refused with PROTOCOL, and nothing is written", (_, said, message) => {
    const writer = new BatchWriter();
    writer.commit(1);
    const error = thrown(() => say(writer, said));
    expect(error).toBeInstanceOf(TunnelError);
    expect(error).toMatchObject({ code: "PROTOCOL", message: expect.stringContaining(message) });
    writer.commit(2);
    expect(read(writer.finish()).said).toStrictEqual([
      ["commit", 1],
      ["commit", 2],
    ]);
  });

  it("is one that is larger than a small writer's batch", () => {
    const writer = new BatchWriter(100);
    expect(thrown(() => writer.data(1, Buffer.alloc(100)))).toMatchObject({ code: "PROTOCOL" });
  });

  it("is a slice that is not within its bytes", () => {
    const writer = new BatchWriter();
    const message = "DATA from 1 to 3 is not within its 2 bytes";
    expect(() => writer.data(1, Buffer.alloc(2), 1, 3)).toThrow(new TunnelError("PROTOCOL", message));
    expect(() => writer.data(1, Buffer.alloc(2), -1, 1)).toThrow(TunnelError);
    expect(() => writer.data(1, Buffer.alloc(2), 2, 1)).toThrow(TunnelError);
  });

  it.each([0, -1, 1.5, Number.NaN, batchBytesMax + 1])("a writer of %d bytes is refused", (capacity) => {
    expect(() => new BatchWriter(capacity)).toThrow(TunnelError);
  });
});

describe("a message for people", () => {
  it("is cut to 1,024 bytes between characters", () => {
    const character = fc.constantFrom("a", "é", "€", "😀");
    const messages = fc.array(character, { maxLength: 1200, size: "max" }).map((characters) => characters.join(""));
    fc.assert(
      fc.property(messages, (message) => {
        const cut = cutText(message);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(messageBytesMax);
        const goAway = { lastCall: 1, code: 1, message, retryAfterMs: 0 };
        expect(read(written([["reset", 1, 1, message, 2]])).said).toStrictEqual([["reset", 1, 1, cut, 2]]);
        expect(read(written([["goAway", goAway]])).said).toStrictEqual([["goAway", { ...goAway, message: cut }]]);
      }),
    );
  });
});

describe("a batch's memory", () => {
  it("keeps what was written while it grows", () => {
    const batch: Said[] = [];
    for (let call = 1; call <= 250; call++) batch.push(["data", call, Buffer.alloc(call * 8, call)]);
    expect(read(written(batch)).said).toStrictEqual(batch);
  });

  it("is the writer's one buffer, written over by the next batch", () => {
    const writer = new BatchWriter();
    fill(writer, 1000);
    const first = writer.finish();
    fill(writer, 900);
    expect(writer.finish().buffer).toBe(first.buffer);
  });

  it("is as large as the largest batch needed, and never more than a batch may be", () => {
    const writer = new BatchWriter();
    fill(writer, 100);
    expect(writer.finish().buffer.byteLength).toBe(4096);
    fill(writer, batchBytesMax);
    expect(writer.finish().buffer.byteLength).toBe(batchBytesMax);
  });
});

describe("decodeBatch", () => {
  it("reads what proto-loader writes", () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const bytes = loader.serialize(loaded(batch));
        expect(read(bytes)).toStrictEqual({ said: batch, skipped: 0 });
      }),
    );
  });

  it("gives views of the batch", () => {
    const content = Buffer.from("abc");
    const open = { ...emptyOpen, kind: CallKind.raw, preamble: content };
    const batch = written([
      ["data", 1, content],
      ["open", 2, open],
    ]);
    const { said } = read(batch);
    for (let at = batch.indexOf("abc"); at >= 0; at = batch.indexOf("abc")) batch.write("xyz", at);
    const changed = Buffer.from("xyz");
    expect(said).toStrictEqual([
      ["data", 1, changed],
      ["open", 2, { ...open, preamble: changed }],
    ]);
  });

  it("reads the call after the body", () => {
    expect(read(frame("3a020805", "0807"))).toStrictEqual({ said: [["credit", 7, 5]], skipped: 0 });
  });

  it("takes the last of repeated fields and bodies", () => {
    const bytes = frame("0801", "0802", "120161", "3a0408010809");
    expect(read(bytes)).toStrictEqual({ said: [["credit", 2, 9]], skipped: 0 });
    expect(loader.deserialize(bytes).frames[0]).toMatchObject({ call: 2, credit: { bytes: 9 } });
  });

  it("accepts padded varints, up to ten bytes", () => {
    const number = padded(0x08) + padded(1);
    const body = `${padded(0x3a)}${padded(number.length / 2)}${number}`;
    const content = number + body;
    const bytes = Buffer.from(`${padded(0x0a)}${padded(content.length / 2)}${content}`, "hex");
    expect(loader.deserialize(bytes).frames[0]).toMatchObject({ call: 1, credit: { bytes: 1 } });
    expect(read(bytes)).toStrictEqual({ said: [["credit", 1, 1]], skipped: 0 });
  });

  it("reads 53 bits of a 64-bit number and the low 32 of a 32-bit one", () => {
    expect(read(frame("620808ffffffffffff0f")).said).toStrictEqual([["ping", 2 ** 46 - 1, false]]);
    expect(read(frame("620908ffffffffffffff0f")).said).toStrictEqual([["ping", Number.MAX_SAFE_INTEGER, false]]);
    expect(read(frame("3a0b08ffffffffffffffffff01")).said).toStrictEqual([["credit", 0, 2 ** 32 - 1]]);
    expect(read(frame("320b08ffffffffffffffffff01")).said).toStrictEqual([["reset", 0, -1, "", 0]]);
    expect(read(frame("7a0808ffffffffffff0f")).said).toStrictEqual([["clientClosed", 2 ** 46 - 1]]);
    expect(read(frame("620b1080808080808080808001")).said).toStrictEqual([["ping", 0, true]]);
  });

  it("fills in what LINK_HELLO and LINK_WELCOME leave out", () => {
    expect(read(frame("5200", "0801")).said).toStrictEqual([["linkHello", emptyHello()]]);
    expect(read(frame("5a00")).said).toStrictEqual([["linkWelcome", emptyHello().limits]]);
  });

  it("skips fields it does not know, at every level", () => {
    const unknown = ["c83e8001", "c93e0102030405060708", "ca3e03616263", "cd3e01020304"].join("");
    const all: Said[] = [];
    let bytes = Buffer.from(unknown, "hex");
    for (const [said, body] of knownBodies) {
      const content = `${unknown}${body.slice(4)}${unknown}`;
      bytes = Buffer.concat([
        bytes,
        frame(unknown, "0801", `${body.slice(0, 2)}${varint(content.length / 2)}${content}`),
      ]);
      all.push(said);
    }
    const { length } = Buffer.from(unknown, "hex");
    const nested = frame(`5a${varint(length * 2 + 4)}${unknown}0a${varint(length + 2)}0805${unknown}`);
    all.push(["linkWelcome", { ...emptyHello().limits, callsPerLink: 5 }]);
    expect(read(Buffer.concat([bytes, nested]))).toStrictEqual({ said: all, skipped: 0 });
  });

  it("skips and counts frames it does not know", () => {
    const newer = frame("0801", "82010161");
    const without = frame("0801");
    const bytes = Buffer.concat([newer, written([["commit", 1]]), without, written([["commit", 2]]), newer]);
    const said: Said[] = [
      ["commit", 1],
      ["commit", 2],
    ];
    expect(read(bytes)).toStrictEqual({ said, skipped: 3 });
  });

  it("lets the handler's own exception through", () => {
    const own = new Error("the handler's");
    const handler = recorder([]);
    handler.commit = () => {
      throw own;
    };
    expect(thrown(() => decodeBatch(written([["commit", 1]]), handler))).toBe(own);
  });

  it("may be called by its own handler", () => {
    const said: Said[] = [];
    const handler = recorder(said);
    handler.commit = (call) => {
      said.push(["commit", call]);
      decodeBatch(written([["credit", call, 5]]), recorder(said));
    };
    decodeBatch(
      written([
        ["commit", 1],
        ["commit", 2],
        ["data", 3, Buffer.from("x")],
      ]),
      handler,
    );
    expect(said).toStrictEqual([
      ["commit", 1],
      ["credit", 1, 5],
      ["commit", 2],
      ["credit", 2, 5],
      ["data", 3, Buffer.from("x")],
    ]);
  });
});

describe("a malformed batch", () => {
  const data = (bytes: number) => `12${varint(bytes)}${"00".repeat(bytes)}`;
  it.each<[string, Buffer, string]>([
    ["a tag cut off", Buffer.from("8a", "hex"), "truncated varint at byte 0 of 1"],
    ["a frame longer than the batch", Buffer.from("0a0508", "hex"), "field 1 is 5 bytes long and 1 are left at byte 2"],
    ["a body longer than its frame", frame("3a050801"), "field 7 is 5 bytes long and 2 are left at byte 4"],
    ["a field longer than its body", frame("320412040000"), "field 2 is 4 bytes long and 2 are left at byte 6"],
    ["a body that runs over its frame's end", followed("3a050801"), "field 7 is 5 bytes long and 2 are left at byte 4"],
    ["a number after its body's end", frame("3a0108", "0801"), "truncated varint at byte 5"],
    ["a COMMIT that is cut off", frame("4a0108"), "truncated varint at byte 5"],
    ["a number that runs over its body's end", frame("3a020880", "0801"), "truncated varint at byte 5"],
    ["a length over 32 bits", frame("12ffffffffffff0f"), "field 2 is 70368744177663 bytes long and 0 are left"],
    ["a varint over 10 bytes", frame(`08${"80".repeat(10)}00`), "varint of more than 10 bytes at byte 3"],
    ["field number 0", frame("0001"), "field number 0 at byte 3"],
    ["a group", frame("8301"), "field 16 has the wire type 3, which proto3 does not have, at byte 4"],
    ["the wire type 6", frame("8601"), "field 16 has the wire type 6"],
    ["an unknown fixed64 cut off", frame("810101020304"), "field 16 is cut off at byte 4"],
    ["an unknown fixed32 cut off", frame("8501010203"), "field 16 is cut off at byte 4"],
    ["frames that are a number", Buffer.from("0801", "hex"), "field 1 has the wire type 0 instead of 2 at byte 1"],
    ["a call in bytes", frame("0a0101"), "field 1 has the wire type 2 instead of 0"],
    ["data as a number", frame("1001"), "field 2 has the wire type 0 instead of 2"],
    ["a text as a number", frame("32021001"), "field 2 has the wire type 0 instead of 2"],
    ["a flag in bytes", frame("6203120101"), "field 2 has the wire type 2 instead of 0"],
    ["a TAKEN as a number", frame("7001"), "field 14 has the wire type 0 instead of 2"],
    ["a TAKEN that is cut off", frame("720108"), "truncated varint at byte 5"],
    ["a closed connection over 2^53 - 1", frame("7a09088080808080808010"), "field 1 over 2^53 - 1"],
    ["an OPEN with an odd header", frame("1a0608018201016e"), "header name without a value"],
    ["a HEAD with an odd header", frame("22031a016e"), "header name without a value"],
    ["a FIN with an odd trailer", frame("2a030a016e"), "header name without a value"],
    ["an OPEN of no kind", frame("1a00"), "OPEN with the unknown kind 0"],
    ["an OPEN of a newer kind", frame("1a020804"), "OPEN with the unknown kind 4"],
    ["DATA over 64 KiB", frame(data(dataFrameBytesMax + 1)), "DATA of 65537 bytes, over the limit of 65536, at byte"],
    ["a nonce over 2^53 - 1", frame("6209088080808080808010"), "field 1 over 2^53 - 1 at byte 13"],
    ["a connection over 2^53 - 1", frame("1a0b0801208080808080808010"), "field 4 over 2^53 - 1"],
    ["over 256 KiB", Buffer.alloc(batchBytesMax + 1), "over the limit of 262144 bytes at byte 0 of 262145"],
  ])("with %s is refused with PROTOCOL", (_, bytes, message) => {
    const said: Said[] = [];
    const error = thrown(() => decodeBatch(bytes, recorder(said)));
    expect(error).toBeInstanceOf(TunnelError);
    expect(error).toMatchObject({ code: "PROTOCOL", message: expect.stringContaining(message) });
    expect(said).toStrictEqual([]);
  });

  it("that is cut anywhere throws PROTOCOL or ends early, and says no more than a part of the whole", () => {
    fc.assert(
      fc.property(smallBatches, fc.boolean(), (batch, ours) => {
        const bytes = ours ? written(batch) : loader.serialize(loaded(batch));
        for (let length = 0; length < bytes.length; length++) {
          const said: Said[] = [];
          const error = thrown(() => decodeBatch(bytes.subarray(0, length), recorder(said)));
          if (error !== undefined) expectProtocol(error);
          expect(said).toStrictEqual(batch.slice(0, said.length));
        }
      }),
      { numRuns: 12 },
    );
  });

  it("of random bytes throws nothing but PROTOCOL", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => harmless(Buffer.from(bytes))),
      { numRuns: 2000 },
    );
  });

  it("of changed bytes throws nothing but PROTOCOL", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(batches, changes, (batch, places) => {
        const bytes = written(batch);
        for (const [place, value] of places) if (bytes.length > 0) bytes[place % bytes.length] = value;
        harmless(bytes);
      }),
      { numRuns: 500 },
    );
  });
});

// ------------------------------------------------------------------------------------------------- writing, reading

function written(batch: readonly Said[]): Buffer {
  const writer = new BatchWriter();
  for (const said of batch) expect(say(writer, said)).toBe(true);
  return writer.finish();
}

function say(writer: BatchWriter, [kind, ...frame]: Said): boolean {
  const method = writer[kind] as (...frame: readonly unknown[]) => boolean;
  return method.apply(writer, frame);
}

function read(bytes: Buffer): { said: Said[]; skipped: number } {
  const said: Said[] = [];
  const skipped = decodeBatch(bytes, recorder(said));
  return { said, skipped };
}

function recorder(said: Said[]): FrameHandler {
  return {
    data: (...frame) => said.push(["data", ...frame]),
    open: (...frame) => said.push(["open", ...frame]),
    head: (...frame) => said.push(["head", ...frame]),
    fin: (...frame) => said.push(["fin", ...frame]),
    reset: (...frame) => said.push(["reset", ...frame]),
    credit: (...frame) => said.push(["credit", ...frame]),
    held: (...frame) => said.push(["held", ...frame]),
    commit: (...frame) => said.push(["commit", ...frame]),
    taken: (...frame) => said.push(["taken", ...frame]),
    clientClosed: (...frame) => said.push(["clientClosed", ...frame]),
    linkHello: (...frame) => said.push(["linkHello", ...frame]),
    linkWelcome: (...frame) => said.push(["linkWelcome", ...frame]),
    ping: (...frame) => said.push(["ping", ...frame]),
    goAway: (...frame) => said.push(["goAway", ...frame]),
  };
}

function harmless(bytes: Buffer): void {
  const said: Said[] = [];
  const error = thrown(() => decodeBatch(bytes, recorder(said)));
  if (error !== undefined) expectProtocol(error);
  expect(said.length).toBeLessThanOrEqual(bytes.length / 2);
}

function expectProtocol(error: unknown): void {
  expect(error).toBeInstanceOf(TunnelError);
  expect((error as TunnelError).code).toBe("PROTOCOL");
}

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Writes DATA until the batch has about this many bytes. */
function fill(writer: BatchWriter, bytes: number): void {
  while (writer.bytes + 20 < bytes) writer.data(1, filler, 0, Math.min(filler.length, bytes - writer.bytes - 20));
}

const filler = Buffer.alloc(dataFrameBytesMax, "f");

/** The longest start of a text that is whole characters and fits in a message for people. */
function cutText(text: string): string {
  let cut = "";
  let bytes = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > messageBytesMax) return cut;
    cut += character;
  }
  return cut;
}

/** One frame of these fields, in hex. */
function frame(...fields: string[]): Buffer {
  const content = fields.join("");
  return Buffer.from(`0a${varint(content.length / 2)}${content}`, "hex");
}

/** The same, with another frame behind it. */
function followed(...fields: string[]): Buffer {
  return Buffer.concat([frame(...fields), frame("0801", "4a00")]);
}

function varint(value: number): string {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) return Buffer.from(bytes).toString("hex");
  }
}

/** A varint below 16,384 in ten bytes. */
function padded(value: number): string {
  return Buffer.from([value | 0x80, (value >>> 7) | 0x80, ...Array(7).fill(0x80), 0]).toString("hex");
}

/** Each of its fields takes the most bytes that a field of its length may, or nearly. */
function largestOpen(): Open {
  const text = "€".repeat(50);
  const names = { id: text, listener: text, client: text, local: text, tenant: text, serverName: text };
  const protocols = { httpVersion: text, protocol: text, alpn: text, upgradeProtocol: text };
  const trace = { traceparent: text, tracestate: text };
  const numbers = { kind: CallKind.raw, connection: Number.MAX_SAFE_INTEGER, deadlineMs: uint32Max, secure: true };
  const preamble = Buffer.alloc(2 ** 14);
  return { ...names, ...protocols, ...trace, ...numbers, method: "m", target: "t", headers: ["n", "v"], preamble };
}

function emptyHello(): LinkHello {
  return {
    protocol: { major: 0, minor: 0 },
    tunnel: "",
    dmzInstanceId: "",
    dmzWorkerId: "",
    intranetInstanceId: "",
    intranetWorkerId: "",
    linkId: "",
    order: 0,
    limits: { callsPerLink: 0, initialWindowBytes: 0, windowMaxBytes: 0, memoryBudgetBytes: 0 },
  };
}

/** For call 1, each with a body of less than 128 bytes: tag and length, one byte each, then fields. */
const knownBodies: readonly (readonly [Said, string])[] = [
  [["open", 1, { ...emptyOpen, kind: CallKind.raw, tenant: "t" }], "1a050803420174"],
  [["open", 1, { ...emptyOpen, protocol: "p", alpn: "a", upgradeProtocol: "u" }], "1a0e0801920101709a010161a2010175"],
  [["head", 1, { status: 5, reason: "", headers: ["n", "v"] }], "220808051a016e1a0176"],
  [["head", 1, { status: 5, reason: "", headers: [], pin: true }], "220408052001"],
  [["fin", 1, ["n", "v"]], "2a060a016e0a0176"],
  [["reset", 1, 3, "m", 0], "3205080312016d"],
  [["reset", 1, 3, "", 5], "320408031805"],
  [["credit", 1, 5], "3a020805"],
  [["held", 1, 5, false], "42020805"],
  [["held", 1, 5, true], "420408051001"],
  [["commit", 1], "4a00"],
  [["taken", 1, false], "7200"],
  [["taken", 1, true], "72020801"],
  [["clientClosed", 5], "7a020805"],
  [["linkHello", { ...emptyHello(), protocol: { major: 1, minor: 2 }, tunnel: "t" }], "52090a0408011002120174"],
  [["linkWelcome", { ...emptyHello().limits, callsPerLink: 9 }], "5a040a020809"],
  [["ping", 5, true], "620408051001"],
  [["goAway", { lastCall: 5, code: 8, message: "m", retryAfterMs: 9 }], "6a09080510081a016d2009"],
];

// ------------------------------------------------------------------------------------------------- proto-loader

interface LoadedBatch {
  readonly frames: readonly { readonly [field: string]: unknown }[];
}

const loader = definitions["sallyport.tunnel.v1.FrameBatch"] as MessageTypeDefinition<LoadedBatch, LoadedBatch>;

/** The batch as proto-loader has it. */
function loaded(batch: readonly Said[]): LoadedBatch {
  return { frames: batch.map(loadedFrame) };
}

function loadedFrame([kind, ...said]: Said): { [field: string]: unknown } {
  const [first, second, third, fourth] = said as unknown[];
  const ofCall = (body: unknown) => ({ call: first, body: kind, [kind]: body });
  const ofLink = (body: unknown) => ({ call: 0, body: kind, [kind]: body });
  switch (kind) {
    case "open":
      return ofCall(loadedOpen(second as Open));
    case "head":
      return ofCall(loadedHead(second as Head));
    case "fin":
      return ofCall({ trailers: (second as string[]).map(latin1) });
    case "reset":
      return ofCall({ code: second, message: third, retryAfterMs: fourth });
    case "credit":
      return ofCall({ bytes: second });
    case "held":
      return ofCall({ maxWaitMs: second, ready: third });
    case "commit":
      return ofCall({});
    case "taken":
      return ofCall({ repeatable: second });
    case "clientClosed":
      return ofLink({ connection: first });
    case "linkWelcome":
      return ofLink({ limits: first });
    case "ping":
      return ofLink({ nonce: first, ack: second });
    case "data":
      return ofCall(second);
    default:
      return ofLink(first);
  }
}

function loadedOpen(open: Open): object {
  return { ...open, method: latin1(open.method), target: latin1(open.target), headers: open.headers.map(latin1) };
}

function loadedHead(head: Head): object {
  return { pin: false, ...head, reason: latin1(head.reason), headers: head.headers.map(latin1) };
}

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

// ------------------------------------------------------------------------------------------------- generated frames

const uint32 = fc.oneof(fc.nat(300), fc.nat(), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const uint53 = fc.oneof(fc.nat(300), fc.maxSafeNat());
const code = fc.oneof(fc.nat(18), fc.nat());
const byteText = fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)), maxLength: 200, size: "max" });
const text = fc.string({ unit: "binary", maxLength: 100, size: "max" });
const bytes = fc.uint8Array({ maxLength: 1000, size: "max" }).map((content) => Buffer.from(content));
const list = fc.array(fc.tuple(byteText, byteText), { maxLength: 8 }).map((pairs) => pairs.flat());
const limits: fc.Arbitrary<Limits> = plain({
  callsPerLink: uint32,
  initialWindowBytes: uint32,
  windowMaxBytes: uint32,
  memoryBudgetBytes: uint53,
});
const open: fc.Arbitrary<Open> = plain({
  kind: fc.constantFrom(CallKind.exchange, CallKind.upgrade, CallKind.raw),
  id: text,
  listener: text,
  connection: uint53,
  client: text,
  local: text,
  deadlineMs: uint32,
  tenant: text,
  traceparent: text,
  tracestate: text,
  secure: fc.boolean(),
  serverName: text,
  method: byteText,
  target: byteText,
  httpVersion: text,
  headers: list,
  preamble: bytes,
  protocol: text,
  alpn: text,
  upgradeProtocol: text,
});
const headFields = { status: uint32, reason: byteText, headers: list };
const head: fc.Arbitrary<Head> = fc.oneof(
  plain<Head>(headFields),
  plain<Head>({ ...headFields, pin: fc.constant(true) }),
);
const hello: fc.Arbitrary<LinkHello> = plain({
  protocol: plain({ major: uint32, minor: uint32 }),
  tunnel: text,
  dmzInstanceId: text,
  dmzWorkerId: text,
  intranetInstanceId: text,
  intranetWorkerId: text,
  linkId: text,
  order: uint53,
  limits,
});
const goAway: fc.Arbitrary<Required<GoAway>> = plain({ lastCall: uint32, code, message: text, retryAfterMs: uint32 });

const anything: fc.Arbitrary<Said> = fc.oneof(
  fc.tuple(fc.constant("data" as const), uint32, bytes),
  fc.tuple(fc.constant("open" as const), uint32, open),
  fc.tuple(fc.constant("head" as const), uint32, head),
  fc.tuple(fc.constant("fin" as const), uint32, list),
  fc.tuple(fc.constant("reset" as const), uint32, code, text, uint32),
  fc.tuple(fc.constant("credit" as const), uint32, uint32),
  fc.tuple(fc.constant("held" as const), uint32, uint32, fc.boolean()),
  fc.tuple(fc.constant("commit" as const), uint32),
  fc.tuple(fc.constant("taken" as const), uint32, fc.boolean()),
  fc.tuple(fc.constant("clientClosed" as const), uint53),
  fc.tuple(fc.constant("linkHello" as const), hello),
  fc.tuple(fc.constant("linkWelcome" as const), limits),
  fc.tuple(fc.constant("ping" as const), uint53, fc.boolean()),
  fc.tuple(fc.constant("goAway" as const), goAway),
);
const batches = fc.array(anything, { maxLength: 12, size: "max" });
const smallBatches = fc.array(anything, { minLength: 1, maxLength: 4 });

/** `fc.record` with ordinary objects, as `toStrictEqual` compares prototypes. */
function plain<T extends object>(fields: { [Name in keyof T]: fc.Arbitrary<T[Name]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as unknown as fc.Arbitrary<T>;
}
