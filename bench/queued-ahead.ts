import { createAuthority } from "@sallyport/cli/identity";
import { TunnelError } from "@sallyport/proto/error";
import { emptyOpen, type Limits, type Open, protocolVersion } from "@sallyport/proto/frame";
import { carryPath } from "@sallyport/proto/manage";
import { Budget } from "@sallyport/tunnel/budget";
import type { Call, CallEvents } from "@sallyport/tunnel/call";
import { systemClock } from "@sallyport/tunnel/clock";
import { dialGrpc } from "@sallyport/tunnel/grpc-client";
import { GrpcServer } from "@sallyport/tunnel/grpc-server";
import { spiffeId } from "@sallyport/tunnel/identity";
import { Link } from "@sallyport/tunnel/link";

/**
 * How many bytes of a download arrive between the moment R2 has a small answer and the moment R1 gets it, on one link:
 * what was queued ahead of it in the call's turn, in gRPC, TLS and the system's sockets. Counted, not timed. Both ends of
 * the link are real (mutual TLS over loopback) and in this process, so that one counter serves both.
 */
export async function measureQueuedAhead(samples: number, signal: AbortSignal): Promise<number[]> {
  const pair = await openLink(signal);
  try {
    const bulk = new Sink();
    start(pair.dmz, "bulk", bulk);
    await bulk.until(windowGrownBytes, signal);
    const ahead: number[] = [];
    for (let sample = 0; sample < samples; sample++) {
      const small = new Sink();
      pair.onSmallAnswer = () => {
        small.sentAt = bulk.bytes;
      };
      small.onFirst = () => ahead.push(bulk.bytes - small.sentAt);
      start(pair.dmz, "small", small);
      await small.end(signal);
      // Not in step with the batches: a call comes when it comes.
      await bulk.until(bulk.bytes + 64 * 1024 * (sample % 16), signal);
    }
    return ahead;
  } finally {
    pair.close();
  }
}

/** The routers' own defaults: proto/router-config.ts. */
const mebibyte = 1024 * 1024;
const limits: Limits = {
  callsPerLink: 256,
  initialWindowBytes: 64 * 1024,
  windowMaxBytes: 4 * mebibyte,
  memoryBudgetBytes: 64 * mebibyte,
};
/** By then the download's window has grown as far as it goes. */
const windowGrownBytes = 64 * mebibyte;
const answer = Buffer.alloc(400);
const chunk = Buffer.alloc(64 * 1024);
const tunnel = "bench/bench";

interface LinkPair {
  readonly dmz: Link;
  /** A small call's answer is about to be given to the link. */
  onSmallAnswer: () => void;
  close(): void;
}

async function openLink(signal: AbortSignal): Promise<LinkPair> {
  const authority = await createAuthority("sallyport", tunnel);
  const [dmzIdentity, intranetIdentity] = [await authority.issue("dmz"), await authority.issue("intranet")];
  const common = { limits, heartbeatMs: 1_000, clock: systemClock };
  const pair = { onSmallAnswer: () => {} };
  return new Promise((resolve, reject) => {
    const server = new GrpcServer({
      ...{ identity: dmzIdentity, peerId: spiffeId("sallyport", tunnel, "intranet"), connectionsMax: 4 },
      methods: {
        [carryPath]: (transport) => {
          const dmz: Link = new Link({
            ...{ ...common, transport, budget: new Budget(limits.memoryBudgetBytes) },
            role: { t: "dmz", admit: () => undefined },
            onState: ({ state }, error) => {
              if (state === "open") resolve(Object.assign(pair, { dmz, close }));
              if (state === "closed" && error) reject(error);
            },
          });
        },
      },
      onRefused: (_peer, error) => reject(error),
    });
    let intranet: Link | undefined;
    const close = (): void => {
      intranet?.close();
      server.close();
    };
    const dial = (port: number): void => {
      const peerId = spiffeId("sallyport", tunnel, "dmz");
      intranet = new Link({
        ...{ ...common, budget: new Budget(limits.memoryBudgetBytes) },
        transport: dialGrpc("carry", { address: "127.0.0.1", port, identity: intranetIdentity, peerId }),
        role: { t: "intranet", hello, accept: (call, open) => respond(call, open, () => pair.onSmallAnswer()) },
        onState: () => {},
      });
    };
    signal.addEventListener("abort", () => {
      close();
      reject(signal.reason as Error);
    });
    server.listen("127.0.0.1", 0).then(dial, reject);
  });
}

const hello = {
  ...{ protocol: protocolVersion, tunnel, linkId: "bench", order: 1, limits },
  ...{ dmzInstanceId: "dmz", dmzWorkerId: "0", intranetInstanceId: "intranet", intranetWorkerId: "0" },
};

function start(link: Link, method: string, sink: Sink): void {
  const call = link.openCall({ ...emptyOpen, id: method, method }, sink);
  if (typeof call === "string") throw new TunnelError("INTERNAL", `the link took no call: ${call}`);
  sink.call = call;
  call.fin();
}

/** R2's side: a download without end, or a small answer. */
function respond(call: Call, open: Open, onSmallAnswer: () => void): CallEvents {
  const head = { status: 200, reason: "OK", headers: [] };
  const pour = (): void => {
    while (call.data(chunk));
  };
  return {
    onHead() {},
    onData: (bytes) => call.consumed(bytes.length),
    onReset() {},
    onWritable: pour,
    onFin() {
      if (open.method === "small") onSmallAnswer();
      call.head(head);
      if (open.method === "bulk") return pour();
      call.data(answer);
      call.fin();
    },
  };
}

/** R1's side: takes everything at once. */
class Sink implements CallEvents {
  call: Call | undefined;
  bytes = 0;
  /** The download's bytes when this call's answer was given to the link. */
  sentAt = 0;
  onFirst: () => void = () => {};
  #error: TunnelError | undefined;
  #wake: () => void = () => {};
  #goal = Number.POSITIVE_INFINITY;

  onHead(): void {
    this.onFirst();
  }

  onData(bytes: Buffer): void {
    this.bytes += bytes.length;
    this.call?.consumed(bytes.length);
    if (this.bytes >= this.#goal) this.#wake();
  }

  onFin(): void {
    this.#goal = 0;
    this.#wake();
  }

  onReset(error: TunnelError): void {
    this.#error = error;
    this.#wake();
  }

  onWritable(): void {}

  end(signal: AbortSignal): Promise<void> {
    return this.until(Number.POSITIVE_INFINITY, signal);
  }

  /** Resolves when so many bytes have come, or all. */
  until(bytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.#wake = () => {};
        signal.removeEventListener("abort", onAbort);
        act();
      };
      const onAbort = (): void => settle(() => reject(signal.reason as Error));
      signal.addEventListener("abort", onAbort);
      if (this.#goal !== 0) this.#goal = bytes;
      this.#wake = () => settle(() => (this.#error ? reject(this.#error) : resolve()));
      if (signal.aborted) onAbort();
      else if (this.#error || this.#goal === 0 || this.bytes >= bytes) this.#wake();
    });
  }
}
