import type { Preamble } from "@sallyport/proto/net-tcp/preamble";
import type { DmzConfig } from "@sallyport/proto/router-config";
import type { Clock } from "@sallyport/tunnel/clock";
import type { Log } from "@sallyport/tunnel/log";
import { type ClientHello, clientHelloReader } from "./key/client-hello.ts";
import { netTcpReader } from "./key/net-tcp.ts";
import { proxyHeaderReader } from "./key/proxy-header.ts";
import { SocketStream } from "./listen/byte-stream.ts";
import type { ClientListener, ListenerConfig } from "./listen/listener.ts";
import { NetTcpSession } from "./listen/net-tcp.ts";
import { type ClientStream, StreamListener, type StreamRefusal } from "./listen/stream.ts";
import { type RawCall, type RawRelayDeps, relayRaw } from "./relay-raw.ts";

export interface RawListenerOptions {
  readonly listener: ListenerConfig;
  readonly tcp: DmzConfig["tcp"];
  readonly clock: Clock;
  readonly nextConnection: () => number;
  readonly log: Pick<Log, "info">;
  /** Before each call. */
  readonly onBegin: () => void;
  readonly deps: RawRelayDeps;
}

/** A TCP or TLS listener, with a raw call for each connection, or one for net.tcp, with a call for each session. */
export function createRawListener(options: RawListenerOptions): ClientListener {
  return options.listener.protocol === "NetTCP" ? createNetTcpListener(options) : createStreamListener(options);
}

function createStreamListener(options: RawListenerOptions): ClientListener {
  return new StreamListener<ClientHello>({
    ...shared(options),
    preamble: options.listener.protocol === "TLS" ? clientHelloReader : undefined,
    onStream: (stream) => {
      options.onBegin();
      relayRaw(new SocketStream(stream.socket), callOf(stream), options.deps);
    },
  });
}

function createNetTcpListener(options: RawListenerOptions): ClientListener {
  const { clock, deps } = options;
  const listener = new StreamListener<Preamble>({
    ...shared(options),
    preamble: netTcpReader,
    onStream: (stream) => {
      const { socket, preamble } = stream;
      if (preamble === undefined) return;
      options.onBegin();
      const onOver = () => listener.next(stream, deps.idleTimeoutMs);
      const call = { ...rawCall(stream), preamble: preamble.bytes, target: preamble.value.via };
      relayRaw(new NetTcpSession({ socket, preamble, clock, onOver }), call, deps);
    },
  });
  return listener;
}

function shared({ listener, tcp, clock, nextConnection, log }: RawListenerOptions) {
  return {
    ...{ listener, clock, nextConnection, proxyHeader: proxyHeaderReader },
    ...{ connectionsMax: tcp.connectionsMax, preambleTimeoutMs: tcp.preambleTimeoutMs },
    onRefused: (refusal: StreamRefusal) => log.info({ listener: listener.name, ...refusal }, "refused"),
  };
}

function callOf(stream: ClientStream<ClientHello>): RawCall {
  const { preamble } = stream;
  const call = rawCall(stream);
  return preamble === undefined ? call : { ...call, preamble: preamble.bytes, serverName: preamble.value.serverName };
}

function rawCall({ id, listener, protocol, clientAddress, clientPort, local }: ClientStream<unknown>): RawCall {
  return { listener, protocol, connection: id, clientAddress, clientPort, local };
}
