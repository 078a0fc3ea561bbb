import { Cursor } from "./batch-cursor.ts";
import { Body, callField, framesField, lastBody } from "./batch-wire.ts";
import {
  batchBytesMax,
  CallKind,
  dataFrameBytesMax,
  emptyOpen,
  type FrameHandler,
  type GoAway,
  type Head,
  type Limits,
  type LinkHello,
  type Open,
  type ProtocolVersion,
} from "./frame.ts";

/**
 * Tells `handler` of each frame in order; the buffers it gets are views of `batch`. Answers how many frames were skipped
 * because this version does not know them. Throws PROTOCOL at the first malformed frame, after the handler was told of
 * those before it. What the handler throws passes through.
 */
export function decodeBatch(batch: Buffer, handler: FrameHandler): number {
  const cursor = new Cursor(batch);
  if (batch.length > batchBytesMax) throw cursor.malformed(`over the limit of ${batchBytesMax} bytes`);
  let skipped = 0;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field !== framesField) {
      cursor.skip();
      continue;
    }
    const outer = cursor.enter();
    if (!readFrame(cursor, handler)) skipped++;
    cursor.leave(outer);
  }
  return skipped;
}

/** False for a frame that has no body we know. The call may come after the body, so the body is read last. */
function readFrame(cursor: Cursor, handler: FrameHandler): boolean {
  const end = cursor.end;
  let call = 0;
  let body = 0;
  let start = 0;
  let stop = 0;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === callField) {
      call = cursor.uint32();
    } else if (field <= lastBody) {
      body = field;
      stop = cursor.skipBytes();
      start = cursor.start;
    } else {
      cursor.skip();
    }
  }
  if (body === 0) return false;
  cursor.at = start;
  cursor.end = stop;
  readBody(cursor, call, body, handler);
  cursor.end = end;
  return true;
}

function readBody(cursor: Cursor, call: number, body: number, handler: FrameHandler): void {
  if (body === Body.data) handler.data(call, readData(cursor));
  else if (body === Body.credit) handler.credit(call, readCredit(cursor));
  else if (body === Body.open) handler.open(call, readOpen(cursor));
  else if (body === Body.head) handler.head(call, readHead(cursor));
  else if (body === Body.fin) handler.fin(call, readFin(cursor));
  else if (body === Body.reset) readReset(cursor, call, handler);
  else if (body === Body.held) readHeld(cursor, call, handler);
  else if (body === Body.commit) readCommit(cursor, call, handler);
  else if (body === Body.taken) handler.taken(call, readTaken(cursor));
  else if (body === Body.clientClosed) handler.clientClosed(readClientClosed(cursor));
  else if (body === Body.linkHello) handler.linkHello(readLinkHello(cursor));
  else if (body === Body.linkWelcome) handler.linkWelcome(readLinkWelcome(cursor));
  else if (body === Body.ping) readPing(cursor, handler);
  else handler.goAway(readGoAway(cursor));
}

function readData(cursor: Cursor): Buffer {
  const length = cursor.end - cursor.at;
  if (length > dataFrameBytesMax) {
    throw cursor.malformed(`DATA of ${length} bytes, over the limit of ${dataFrameBytesMax},`);
  }
  return cursor.bytes.subarray(cursor.at, cursor.end);
}

function readOpen(cursor: Cursor): Open {
  let kind = 0;
  let { id, listener, connection, client, local, deadlineMs, tenant, traceparent, tracestate } = emptyOpen;
  let { secure, serverName, method, target, httpVersion, preamble, protocol, alpn, upgradeProtocol } = emptyOpen;
  const headers: string[] = [];
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 16) headers.push(cursor.latin1());
    else if (field === 1) kind = cursor.uint32();
    else if (field === 2) id = cursor.text();
    else if (field === 3) listener = cursor.text();
    else if (field === 4) connection = cursor.safeInteger();
    else if (field === 5) client = cursor.text();
    else if (field === 6) local = cursor.text();
    else if (field === 7) deadlineMs = cursor.uint32();
    else if (field === 8) tenant = cursor.text();
    else if (field === 9) traceparent = cursor.text();
    else if (field === 10) tracestate = cursor.text();
    else if (field === 11) secure = cursor.bool();
    else if (field === 12) serverName = cursor.text();
    else if (field === 13) method = cursor.latin1();
    else if (field === 14) target = cursor.latin1();
    else if (field === 15) httpVersion = cursor.text();
    else if (field === 17) preamble = cursor.view();
    else if (field === 18) protocol = cursor.text();
    else if (field === 19) alpn = cursor.text();
    else if (field === 20) upgradeProtocol = cursor.text();
    else cursor.skip();
  }
  checkPairs(cursor, headers);
  return {
    kind: callKind(cursor, kind),
    id,
    listener,
    connection,
    client,
    local,
    deadlineMs,
    tenant,
    traceparent,
    tracestate,
    secure,
    serverName,
    method,
    target,
    httpVersion,
    headers,
    preamble,
    protocol,
    alpn,
    upgradeProtocol,
  };
}

/** A new kind of call takes a new major version, so one that we do not know is an error and not skipped. */
function callKind(cursor: Cursor, kind: number): CallKind {
  if (kind === CallKind.exchange || kind === CallKind.upgrade || kind === CallKind.raw) return kind;
  throw cursor.malformed(`OPEN with the unknown kind ${kind}`);
}

function readHead(cursor: Cursor): Head {
  let status = 0;
  let reason = "";
  const headers: string[] = [];
  let pin = false;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) status = cursor.uint32();
    else if (field === 2) reason = cursor.latin1();
    else if (field === 3) headers.push(cursor.latin1());
    else if (field === 4) pin = cursor.bool();
    else cursor.skip();
  }
  checkPairs(cursor, headers);
  return pin ? { status, reason, headers, pin } : { status, reason, headers };
}

const noTrailers: readonly string[] = [];

function readFin(cursor: Cursor): readonly string[] {
  if (cursor.at === cursor.end) return noTrailers;
  const trailers: string[] = [];
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) trailers.push(cursor.latin1());
    else cursor.skip();
  }
  checkPairs(cursor, trailers);
  return trailers;
}

function checkPairs(cursor: Cursor, list: readonly string[]): void {
  if (list.length % 2 === 1) throw cursor.malformed("header name without a value");
}

function readReset(cursor: Cursor, call: number, handler: FrameHandler): void {
  let code = 0;
  let message = "";
  let retryAfterMs = 0;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) code = cursor.enumeration();
    else if (field === 2) message = cursor.text();
    else if (field === 3) retryAfterMs = cursor.uint32();
    else cursor.skip();
  }
  handler.reset(call, code, message, retryAfterMs);
}

function readCredit(cursor: Cursor): number {
  let bytes = 0;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) bytes = cursor.uint32();
    else cursor.skip();
  }
  return bytes;
}

function readHeld(cursor: Cursor, call: number, handler: FrameHandler): void {
  let maxWaitMs = 0;
  let ready = false;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) maxWaitMs = cursor.uint32();
    else if (field === 2) ready = cursor.bool();
    else cursor.skip();
  }
  handler.held(call, maxWaitMs, ready);
}

function readCommit(cursor: Cursor, call: number, handler: FrameHandler): void {
  while (cursor.next() !== 0) cursor.skip();
  handler.commit(call);
}

function readTaken(cursor: Cursor): boolean {
  let repeatable = false;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) repeatable = cursor.bool();
    else cursor.skip();
  }
  return repeatable;
}

function readClientClosed(cursor: Cursor): number {
  let connection = 0;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) connection = cursor.safeInteger();
    else cursor.skip();
  }
  return connection;
}

function readLinkHello(cursor: Cursor): LinkHello {
  let protocol = noProtocol;
  let [tunnel, dmzInstanceId, dmzWorkerId, intranetInstanceId, intranetWorkerId, linkId] = ["", "", "", "", "", ""];
  let order = 0;
  let limits = noLimits;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) protocol = readProtocol(cursor);
    else if (field === 2) tunnel = cursor.text();
    else if (field === 3) dmzInstanceId = cursor.text();
    else if (field === 4) dmzWorkerId = cursor.text();
    else if (field === 5) intranetInstanceId = cursor.text();
    else if (field === 6) intranetWorkerId = cursor.text();
    else if (field === 7) linkId = cursor.text();
    else if (field === 8) order = cursor.safeInteger();
    else if (field === 9) limits = readLimits(cursor);
    else cursor.skip();
  }
  const dmz = { dmzInstanceId, dmzWorkerId };
  return { protocol, tunnel, ...dmz, intranetInstanceId, intranetWorkerId, linkId, order, limits };
}

const noProtocol: ProtocolVersion = { major: 0, minor: 0 };

function readProtocol(cursor: Cursor): ProtocolVersion {
  const outer = cursor.enter();
  let major = 0;
  let minor = 0;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) major = cursor.uint32();
    else if (field === 2) minor = cursor.uint32();
    else cursor.skip();
  }
  cursor.leave(outer);
  return { major, minor };
}

function readLinkWelcome(cursor: Cursor): Limits {
  let limits = noLimits;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) limits = readLimits(cursor);
    else cursor.skip();
  }
  return limits;
}

const noLimits: Limits = { callsPerLink: 0, initialWindowBytes: 0, windowMaxBytes: 0, memoryBudgetBytes: 0 };

function readLimits(cursor: Cursor): Limits {
  const outer = cursor.enter();
  let { callsPerLink, initialWindowBytes, windowMaxBytes, memoryBudgetBytes } = noLimits;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) callsPerLink = cursor.uint32();
    else if (field === 2) initialWindowBytes = cursor.uint32();
    else if (field === 3) windowMaxBytes = cursor.uint32();
    else if (field === 4) memoryBudgetBytes = cursor.safeInteger();
    else cursor.skip();
  }
  cursor.leave(outer);
  return { callsPerLink, initialWindowBytes, windowMaxBytes, memoryBudgetBytes };
}

function readPing(cursor: Cursor, handler: FrameHandler): void {
  let nonce = 0;
  let ack = false;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) nonce = cursor.safeInteger();
    else if (field === 2) ack = cursor.bool();
    else cursor.skip();
  }
  handler.ping(nonce, ack);
}

function readGoAway(cursor: Cursor): Required<GoAway> {
  let lastCall = 0;
  let code = 0;
  let message = "";
  let retryAfterMs = 0;
  for (let field = cursor.next(); field !== 0; field = cursor.next()) {
    if (field === 1) lastCall = cursor.uint32();
    else if (field === 2) code = cursor.enumeration();
    else if (field === 3) message = cursor.text();
    else if (field === 4) retryAfterMs = cursor.uint32();
    else cursor.skip();
  }
  return { lastCall, code, message, retryAfterMs };
}
