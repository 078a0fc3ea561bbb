import type { DmzConfig } from "@sallyport/proto/router-config";
import type { Clock } from "@sallyport/tunnel/clock";
import type { Log } from "@sallyport/tunnel/log";
import { type ClientHello, clientHelloReader } from "./key/client-hello.ts";
import { proxyHeaderReader } from "./key/proxy-header.ts";
import { SocketStream } from "./listen/byte-stream.ts";
import type { ClientListener, ListenerConfig } from "./listen/listener.ts";
import { type ClientStream, StreamListener } from "./listen/stream.ts";
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

/** A TCP or TLS listener, with a raw call for each connection. */
export function createRawListener(options: RawListenerOptions): ClientListener {
  const { listener, tcp, clock, nextConnection, log } = options;
  return new StreamListener<ClientHello>({
    ...{ listener, clock, nextConnection },
    ...{ connectionsMax: tcp.connectionsMax, preambleTimeoutMs: tcp.preambleTimeoutMs },
    proxyHeader: proxyHeaderReader,
    preamble: listener.protocol === "TLS" ? clientHelloReader : undefined,
    onStream: (stream) => {
      options.onBegin();
      relayRaw(new SocketStream(stream.socket), callOf(stream), options.deps);
    },
    onRefused: (refusal) => log.info({ listener: listener.name, ...refusal }, "refused"),
  });
}

function callOf({ id, preamble, ...stream }: ClientStream<ClientHello>): RawCall {
  const { listener, protocol, clientAddress, clientPort, local } = stream;
  const call = { listener, protocol, connection: id, clientAddress, clientPort, local };
  return preamble === undefined ? call : { ...call, preamble: preamble.bytes, serverName: preamble.value.serverName };
}
