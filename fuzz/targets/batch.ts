import { isDeepStrictEqual } from "node:util";
import type { MessageTypeDefinition } from "@grpc/proto-loader";
import { decodeBatch } from "@sallyport/proto/batch-reader";
import { BatchWriter } from "@sallyport/proto/batch-writer";
import { definitions } from "@sallyport/proto/definitions";
import { TunnelError } from "@sallyport/proto/error";
import { CallKind, emptyOpen, type FrameHandler, type Head, type Open } from "@sallyport/proto/frame";
import { mutateFields, readFields } from "../protobuf-fields.ts";
import { expectError, latin1, type Target } from "../target.ts";

/** With characters that are one byte in latin1 and two in UTF-8. */
const texts = Object.fromEntries(
  Object.entries(emptyOpen).flatMap(([name, value]) => (typeof value === "string" ? [[name, "é"]] : [])),
);

/**
 * What the reader takes, proto-loader takes too, and both read the same, where it reads as protobuf has it; written again, it reads the same; what the reader
 * hands out lies within the batch.
 */
export const target: Target = {
  summary: "batches of frames, beside proto-loader and the writer",
  seeds: [seed()],
  tokens: ["host", "content-length", "traceparent"],
  inputBytesMax: 4096,
  bufferBytesMax: 1024 * 1024,
  mutate: mutateFields,
  run(input) {
    const frames: Frame[] = [];
    try {
      decodeBatch(input, recorder(frames));
    } catch (error) {
      expectError(error, TunnelError, "PROTOCOL");
      return;
    }
    for (const { body } of frames) checkViews(body, input);
    if (!hasLongVarint(input) && !hasSeveralBodies(input)) {
      compare("proto-loader", frames.map(loaded), loader.deserialize(input).frames.flatMap(known));
    }
    compare("what was written again", frames.map(writable), again(frames));
  },
};

/** Of over 32 bits, which protobuf.js cuts off even in a bool, and takes for ten bytes long if it has over five. */
function hasLongVarint(input: Buffer): boolean {
  return [...latin1(input).matchAll(/(?<=[\x80-\xff]{4})./gs)].some(([fifth]) => fifth.charCodeAt(0) > 0x0f);
}

/** Of several bodies in a frame the last counts; proto-loader reads them all and takes the one of the highest number. */
function hasSeveralBodies(input: Buffer): boolean {
  return (readFields(input, 0) ?? []).some(({ number, value }) => {
    if (number !== 1 || !Buffer.isBuffer(value)) return false;
    const bodies = (readFields(value, 0) ?? []).filter((field) => field.number > 1 && field.number <= 15);
    return bodies.length > 1;
  });
}

interface Frame {
  readonly call: number;
  readonly kind: keyof FrameHandler;
  readonly body: unknown;
}

type LoadedFrame = { readonly call: number; readonly body?: string; readonly [member: string]: unknown };
const loader = definitions["sallyport.tunnel.v1.FrameBatch"] as MessageTypeDefinition<
  object,
  { readonly frames: readonly LoadedFrame[] }
>;

function recorder(frames: Frame[]): FrameHandler {
  const ofCall = (kind: Frame["kind"]) => (call: number, body: unknown) => frames.push({ call, kind, body });
  const ofLink = (kind: Frame["kind"]) => (body: unknown) => frames.push({ call: 0, kind, body });
  return {
    data: ofCall("data"),
    open: ofCall("open"),
    head: ofCall("head"),
    fin: ofCall("fin"),
    credit: ofCall("credit"),
    taken: ofCall("taken"),
    commit: (call) => frames.push({ call, kind: "commit", body: {} }),
    held: (call, maxWaitMs, ready) => frames.push({ call, kind: "held", body: { maxWaitMs, ready } }),
    reset: (call, code, message, retryAfterMs) =>
      frames.push({ call, kind: "reset", body: { code, message, retryAfterMs } }),
    ping: (nonce, ack) => frames.push({ call: 0, kind: "ping", body: { nonce, ack } }),
    clientClosed: ofLink("clientClosed"),
    linkHello: ofLink("linkHello"),
    linkWelcome: ofLink("linkWelcome"),
    goAway: ofLink("goAway"),
  };
}

/** As proto-loader has it. */
function loaded({ call, kind, body }: Frame): unknown {
  const member = (value: unknown) => ({ call, body: kind, [kind]: value });
  switch (kind) {
    case "open": {
      const open = body as Open;
      const line = { method: bytes(open.method), target: bytes(open.target) };
      return member({ ...open, ...line, headers: open.headers.map(bytes) });
    }
    case "head": {
      const head = body as Head;
      return member({ pin: false, ...head, reason: bytes(head.reason), headers: head.headers.map(bytes) });
    }
    case "fin":
      return member({ trailers: (body as readonly string[]).map(bytes) });
    case "credit":
      return member({ bytes: body });
    case "taken":
      return member({ repeatable: body });
    case "clientClosed":
      return member({ connection: body });
    case "linkWelcome":
      return member({ limits: body });
    default:
      return member(body);
  }
}

/** What proto-loader has of a frame that this version knows, its defaults filled in as the reader does. */
function known(frame: LoadedFrame): unknown[] {
  const { body } = frame;
  if (body === undefined) return [];
  const call = linkBodies.has(body) ? 0 : frame.call;
  const value = frame[body];
  if (body !== "linkHello" && body !== "linkWelcome") return [{ ...frame, call }];
  const { protocol, limits, ...others } = value as { readonly protocol?: unknown; readonly limits?: unknown };
  const filled = body === "linkHello" ? { protocol: protocol ?? noProtocol } : {};
  return [{ ...frame, call, [body]: { ...others, ...filled, limits: limits ?? noLimits } }];
}

const linkBodies = new Set(["clientClosed", "linkHello", "linkWelcome", "ping", "goAway"]);
const noProtocol = { major: 0, minor: 0 };
const noLimits = { callsPerLink: 0, initialWindowBytes: 0, windowMaxBytes: 0, memoryBudgetBytes: 0 };

/** An enum below 0, which no version has, is read and never written. */
function writable({ call, kind, body }: Frame): Frame {
  if (kind !== "reset" && kind !== "goAway") return { call, kind, body };
  const { code, ...others } = body as { readonly code: number };
  return { call, kind, body: { ...others, code: Math.max(0, code) } };
}

/** The frames, written and read. Texts that grow in it (a byte that is no UTF-8 becomes three) may be cut: not compared. */
function again(frames: readonly Frame[]): readonly Frame[] {
  const writer = new BatchWriter();
  for (const frame of frames) write(writer, writable(frame));
  const reread: Frame[] = [];
  decodeBatch(writer.finish(), recorder(reread));
  return reread;
}

function write(writer: BatchWriter, { call, kind, body }: Frame): void {
  // biome-ignore lint/suspicious/noExplicitAny: each kind has its own body
  const it = body as any;
  if (kind === "commit") writer.commit(call);
  else if (kind === "reset") writer.reset(call, it.code, it.message, it.retryAfterMs);
  else if (kind === "goAway") writer.goAway(it);
  else if (kind === "held") writer.held(call, it.maxWaitMs, it.ready);
  else if (kind === "ping") writer.ping(it.nonce, it.ack);
  else if (kind === "clientClosed" || kind === "linkHello" || kind === "linkWelcome") writer[kind](it as never);
  else writer[kind](call, it as never);
}

function checkViews(body: unknown, input: Buffer): void {
  const view = Buffer.isBuffer(body) ? body : (body as { readonly preamble?: Buffer }).preamble;
  if (view !== undefined && view !== emptyOpen.preamble && view.buffer !== input.buffer) {
    throw new Error("bytes were copied out of the batch");
  }
}

function compare(other: string, ours: unknown, theirs: unknown): void {
  // proto-loader's objects have a prototype of their own.
  const [left, right] = [plain(ours), plain(theirs)];
  if (isDeepStrictEqual(left, right)) return;
  throw new Error(`differs from ${other}: ${JSON.stringify(left)} and ${JSON.stringify(right)}`);
}

function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString("latin1");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

function seed(): Buffer {
  const writer = new BatchWriter();
  const limits = { callsPerLink: 8, initialWindowBytes: 65_536, windowMaxBytes: 2 ** 20, memoryBudgetBytes: 2 ** 33 };
  const ids = { dmzInstanceId: "r1", dmzWorkerId: "0", intranetInstanceId: "r2", intranetWorkerId: "0", linkId: "l" };
  writer.linkHello({ protocol: { major: 1, minor: 0 }, tunnel: "shop/calc", ...ids, order: 7, limits });
  writer.linkWelcome(limits);
  writer.open(1, { ...emptyOpen, method: "GET", target: "/", headers: ["host", "x"], preamble: bytes("p") });
  writer.open(2, { ...emptyOpen, kind: CallKind.raw, serverName: "a.example", alpn: "h2", secure: true });
  writer.open(3, { ...emptyOpen, ...texts, headers: ["é", "é"] });
  writer.data(1, bytes("hello"));
  writer.fin(1, ["a", "b"]);
  writer.head(1, { status: 200, reason: "OK", headers: ["a", "b"], pin: true });
  writer.reset(1, 7, "busy", 100);
  writer.credit(1, 4096);
  writer.held(1, 30_000, true);
  writer.commit(1);
  writer.taken(1, true);
  writer.ping(2 ** 40, true);
  writer.clientClosed(5);
  writer.goAway({ lastCall: 1, code: 8, message: "stops" });
  return Buffer.from(writer.finish());
}
