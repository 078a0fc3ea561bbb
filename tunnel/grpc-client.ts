import { isIP } from "node:net";
import tls, { type DetailedPeerCertificate } from "node:tls";
import * as grpc from "@grpc/grpc-js";
import { watchPath } from "@sallyport/proto/admin";
import { TunnelError } from "@sallyport/proto/error";
import { carryPath, managePath } from "@sallyport/proto/manage";
import { asIs, http2WindowBytes, messageBytesMax } from "./grpc-settings.ts";
import { checkPeer, type Identity } from "./identity.ts";
import type { LinkTransport, TransportEvents } from "./transport.ts";

export interface DialOptions {
  readonly address: string;
  readonly port: number;
  readonly identity: Identity;
  /** The one SPIFFE URI the peer may have. */
  readonly peerId: string;
  /** The peer's certificate, once TLS and the name in it were found good. */
  readonly onPeer?: (certificate: DetailedPeerCertificate) => void;
}

const paths = { manage: managePath, carry: carryPath, watch: watchPath } as const;

export type Dial = (method: keyof typeof paths, options: DialOptions) => LinkTransport;

/**
 * The one place that dials with gRPC. Every stream has a channel, a name look-up and a TCP connection of its own. The
 * caller limits the time: `close` ends an attempt at any moment.
 */
export const dialGrpc: Dial = (method, options) => {
  const client = new grpc.Client(target(options), credentials(options), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
    // Else http_proxy from the environment would be used in silence.
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.max_receive_message_length": messageBytesMax,
    "grpc.max_send_message_length": messageBytesMax,
    "grpc.enable_channelz": 0,
    "grpc-node.flow_control_window": http2WindowBytes,
    // RFC 6066 allows no address as server name.
    ...(isIP(options.address) ? { "grpc.ssl_target_name_override": "r1.sallyport.invalid" } : {}),
    // Ends a connection whose peer is gone after its stream was closed here.
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
  });
  const stream = client.makeBidiStreamRequest(paths[method], asIs, asIs, new grpc.Metadata());
  return new ClientTransport(client, stream);
};

/** A peer that does not answer a polite end within this time is cut off. */
const politeMs = 1_000;

class ClientTransport implements LinkTransport {
  readonly #client: grpc.Client;
  readonly #stream: grpc.ClientDuplexStream<Buffer, Buffer>;
  #events: TransportEvents | undefined;
  #closed = false;
  readonly #onWritten = (): void => {
    if (!this.#closed) this.#events?.onSent();
  };

  constructor(client: grpc.Client, stream: grpc.ClientDuplexStream<Buffer, Buffer>) {
    this.#client = client;
    this.#stream = stream;
  }

  listen(events: TransportEvents): void {
    this.#events = events;
    this.#stream.on("data", (batch: Buffer) => {
      if (!this.#closed) events.onBatch(batch);
    });
    this.#stream.on("metadata", () => {
      if (!this.#closed) events.onReady?.();
    });
    // `status` tells all; an `error` without a listener would be thrown.
    this.#stream.on("error", () => {});
    this.#stream.on("status", (status: grpc.StatusObject) => this.#end(status));
  }

  send(batch: Buffer): void {
    this.#stream.write(batch, this.#onWritten);
  }

  close(error?: TunnelError): void {
    if (this.#closed) return;
    if (error === undefined) {
      // The peer ends the stream once it has all of it; then `status` comes.
      this.#stream.end();
      setTimeout(() => this.#stream.cancel(), politeMs).unref();
      return;
    }
    this.#closed = true;
    this.#stream.cancel();
    this.#client.close();
    this.#events?.onClosed(error);
  }

  #end(status: grpc.StatusObject): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#client.close();
    this.#events?.onClosed(status.code === grpc.status.OK ? undefined : errorOf(status));
  }
}

function errorOf(status: grpc.StatusObject): TunnelError {
  const name = grpc.status[status.code] ?? String(status.code);
  const text = `${name}: ${status.details}`;
  switch (status.code) {
    case grpc.status.PERMISSION_DENIED:
    case grpc.status.UNAUTHENTICATED:
      return new TunnelError("POLICY", text);
    case grpc.status.FAILED_PRECONDITION:
      return new TunnelError("PROTOCOL", text);
    case grpc.status.RESOURCE_EXHAUSTED:
      return new TunnelError("OVERLOADED", text);
    default:
      return new TunnelError("LINK_LOST", text);
  }
}

function target({ address, port }: DialOptions): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function credentials({ identity, peerId, onPeer }: DialOptions): grpc.ChannelCredentials {
  const secureContext = tls.createSecureContext({
    minVersion: "TLSv1.3",
    ca: identity.trustedCas,
    cert: identity.certificateChain,
    key: identity.privateKey,
  });
  return grpc.ChannelCredentials.createFromSecureContext(secureContext, {
    // The name dialled says nothing: the tunnel's identity does.
    checkServerIdentity: (_host, certificate) => {
      const refusal = checkPeer(certificate, peerId);
      // Node hands out the whole chain here: _tls_wrap.js asks for it in detail.
      if (refusal === undefined) onPeer?.(certificate as DetailedPeerCertificate);
      return refusal;
    },
  });
}
