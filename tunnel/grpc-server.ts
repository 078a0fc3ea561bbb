import { randomBytes, type X509Certificate } from "node:crypto";
import type * as http2 from "node:http2";
import net from "node:net";
import type { TLSSocket } from "node:tls";
import * as grpc from "@grpc/grpc-js";
import { TunnelError } from "@sallyport/proto/error";
import { asIs, http2WindowBytes, messageBytesMax } from "./grpc-settings.ts";
import { certificatesOf, checkPeer, type Identity } from "./identity.ts";
import type { LinkTransport, TransportEvents } from "./transport.ts";
import { type CertificateChain, chainOf, isTrusted } from "./trust.ts";

export interface GrpcServerOptions {
  readonly identity: Identity;
  /** The one SPIFFE URI a peer may have. */
  readonly peerId: string;
  readonly connectionsMax: number;
  /** From accepting a connection to its first stream. */
  readonly setupMs?: number;
  /** By path: who takes a stream of it. `peer` is "address:port". */
  readonly methods: Readonly<Record<string, Serve>>;
  /** A peer that was turned away before it had a stream, or whose TLS failed. */
  readonly onRefused: (peer: string, error: TunnelError) => void;
}

export type Serve = (transport: LinkTransport, peer: string) => void;

/**
 * Connections that have not shown yet who they are: of one address, and in all. Beyond, the oldest makes room, so that a
 * flood does not lock an R2 out.
 */
const strangersPerAddressMax = 32;
const strangersMax = 512;
/** TLS, HTTP/2 and the first stream take no longer. */
const setupMsDefault = 5_000;

/** The one place where gRPC is served. Owns the listening socket, so that a dead peer's connection can be destroyed. */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #server: grpc.Server;
  readonly #injector: { injectConnection(socket: net.Socket): void; destroy(): void };
  readonly #listener = net.createServer((socket) => this.#accept(socket));
  readonly #sockets = new Map<string, net.Socket>();
  /** What each peer has shown. */
  readonly #chains = new Map<string, CertificateChain>();
  #trustedCas: readonly X509Certificate[];
  /** In order of arrival. */
  readonly #strangers = new Map<string, { readonly address: string; readonly timer: NodeJS.Timeout }>();

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#server = new grpc.Server({
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": messageBytesMax,
      "grpc.max_concurrent_streams": 2,
      "grpc.enable_channelz": 0,
    });
    for (const [path, serve] of Object.entries(options.methods)) {
      this.#server.addService({ serve: method(path) }, { serve: (stream: ServerStream) => this.#start(stream, serve) });
    }
    this.#trustedCas = certificatesOf(options.identity.trustedCas);
    this.#injector = this.#server.createConnectionInjector(credentials(options.identity));
    for (const server of http2Servers(this.#server)) this.#tune(server);
  }

  /** Answers the port. Throws when the address cannot be had. */
  listen(address: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#listener.once("error", reject);
      this.#listener.listen(port, address, () => {
        this.#listener.off("error", reject);
        // A failed accept (no file descriptors left) must not end the process.
        this.#listener.on("error", (error) => this.#refused("listener", error));
        resolve((this.#listener.address() as net.AddressInfo).port);
      });
    });
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** What new connections are shown, and whom they must show. Connections that are there live on. Throws for bad PEM. */
  setIdentity(identity: Identity): void {
    const trustedCas = certificatesOf(identity.trustedCas);
    for (const server of http2Servers(this.#server)) {
      server.setSecureContext({
        ...{ ca: identity.trustedCas, cert: identity.certificateChain, key: identity.privateKey },
        minVersion: "TLSv1.3",
        // A session of before that is resumed would bring its trust along.
        ticketKeys: randomBytes(48),
      });
    }
    this.#trustedCas = trustedCas;
  }

  /** Those whose certificate no trusted CA vouches for any more. */
  get untrustedPeers(): string[] {
    const now = new Date();
    return [...this.#chains].filter(([, chain]) => !isTrusted(chain, this.#trustedCas, now)).map(([peer]) => peer);
  }

  /** Cuts these connections off, as far as they are untrusted still. */
  cutUntrusted(peers: ReadonlySet<string>): void {
    for (const peer of this.untrustedPeers) if (peers.has(peer)) this.#sockets.get(peer)?.destroy();
  }

  /** Stops accepting; streams live on. */
  stopListening(): void {
    this.#listener.close();
  }

  close(): void {
    this.#listener.close();
    this.#injector.destroy();
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#server.forceShutdown();
  }

  #accept(socket: net.Socket): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    if (this.#sockets.size - this.#strangers.size >= this.#options.connectionsMax) {
      socket.destroy();
      return this.#refused(peer, new Error(`already ${this.#options.connectionsMax} connections`));
    }
    socket.setNoDelay(true);
    this.#sockets.set(peer, socket);
    this.#admitStranger(peer, socket);
    socket.once("close", () => {
      this.#settled(peer);
      this.#sockets.delete(peer);
      this.#chains.delete(peer);
    });
    socket.on("error", () => socket.destroy());
    this.#injector.injectConnection(socket);
  }

  #admitStranger(peer: string, socket: net.Socket): void {
    const address = socket.remoteAddress ?? "";
    const setupMs = this.#options.setupMs ?? setupMsDefault;
    const timer = setTimeout(() => {
      this.#refused(peer, new Error(`no gRPC stream within ${setupMs} ms`));
      socket.destroy();
    }, setupMs);
    this.#strangers.set(peer, { address, timer });
    const ofAddress = [...this.#strangers].filter(([, stranger]) => stranger.address === address);
    if (ofAddress.length > strangersPerAddressMax) return this.#evict(ofAddress[0]![0]);
    if (this.#strangers.size > strangersMax) this.#evict([...this.#strangers.keys()][0]!);
  }

  #evict(peer: string): void {
    this.#refused(peer, new Error("too many connections that have not shown who they are"));
    this.#sockets.get(peer)?.destroy();
    this.#settled(peer);
  }

  #settled(peer: string): void {
    clearTimeout(this.#strangers.get(peer)?.timer);
    this.#strangers.delete(peer);
  }

  #start(stream: ServerStream, serve: Serve): void {
    const peer = stream.getPeer();
    this.#settled(peer);
    const refusal =
      checkPeer(stream.getAuthContext().sslPeerCertificate, this.#options.peerId) ?? this.#checkTrust(peer);
    const transport = new ServerTransport(stream, () => this.#sockets.get(peer)?.destroy());
    if (refusal) {
      this.#options.onRefused(peer, refusal);
      transport.listen({ onBatch() {}, onSent() {}, onClosed() {} });
      return transport.close(refusal);
    }
    // R2 waits for this before it writes (retries are off).
    stream.sendMetadata(new grpc.Metadata());
    serve(transport, peer);
  }

  /** The CAs may have changed since the connection was made. */
  #checkTrust(peer: string): TunnelError | undefined {
    if (isTrusted(this.#chains.get(peer) ?? [], this.#trustedCas, new Date())) return undefined;
    return new TunnelError("POLICY", "the CA of the peer's certificate is not trusted any more");
  }

  /** grpc-js 1.14 leaves a server's window at 64 KiB: 1.6 MB/s at 40 ms. A test watches what a client is told. */
  #tune(server: http2.Http2SecureServer): void {
    server.updateSettings({ enablePush: false, initialWindowSize: http2WindowBytes });
    server.on("session", (session: http2.ServerHttp2Session) => session.setLocalWindowSize(http2WindowBytes));
    server.on("secureConnection", (socket: TLSSocket) => {
      const peer = `${socket.remoteAddress}:${socket.remotePort}`;
      if (this.#sockets.has(peer)) this.#chains.set(peer, chainOf(socket.getPeerCertificate(true)));
    });
    server.on("tlsClientError", (error, socket) => {
      this.#refused(`${socket.remoteAddress}:${socket.remotePort}`, error);
      socket.destroy();
    });
  }

  #refused(peer: string, error: Error): void {
    this.#options.onRefused(peer, new TunnelError("POLICY", error.message, error));
  }
}

type ServerStream = grpc.ServerDuplexStream<Buffer, Buffer>;

class ServerTransport implements LinkTransport {
  readonly #stream: ServerStream;
  readonly #destroyConnection: () => void;
  #events: TransportEvents | undefined;
  #closed = false;
  readonly #onWritten = (): void => {
    if (!this.#closed) this.#events?.onSent();
  };

  constructor(stream: ServerStream, destroyConnection: () => void) {
    this.#stream = stream;
    this.#destroyConnection = destroyConnection;
  }

  listen(events: TransportEvents): void {
    this.#events = events;
    this.#stream.on("data", (batch: Buffer) => {
      if (!this.#closed) events.onBatch(batch);
    });
    this.#stream.on("end", () => {
      this.#stream.end();
      this.#end(undefined);
    });
    this.#stream.on("cancelled", () => this.#end(new TunnelError("LINK_LOST", "the peer is gone")));
    this.#stream.on("error", (error: Error) => this.#end(new TunnelError("LINK_LOST", error.message, error)));
  }

  send(batch: Buffer): void {
    this.#stream.write(batch, this.#onWritten);
  }

  close(error?: TunnelError): void {
    if (this.#closed) return;
    this.#closed = true;
    if (error === undefined) this.#stream.end();
    else this.#refuse(error);
    // The status needs a moment to leave; a peer that does not answer it is cut off.
    const timer = setTimeout(this.#destroyConnection, 1_000);
    timer.unref();
    this.#events?.onClosed(error);
  }

  #refuse(error: TunnelError): void {
    const status = { name: "status", message: error.message, code: statusOf(error), details: error.message };
    this.#stream.emit("error", status);
  }

  #end(error: TunnelError | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events?.onClosed(error);
  }
}

function statusOf(error: TunnelError): grpc.status {
  switch (error.code) {
    case "POLICY":
      return grpc.status.PERMISSION_DENIED;
    case "DRAINING":
      return grpc.status.UNAVAILABLE;
    case "OVERLOADED":
      return grpc.status.RESOURCE_EXHAUSTED;
    case "LINK_LOST":
      return grpc.status.UNAVAILABLE;
    default:
      return grpc.status.FAILED_PRECONDITION;
  }
}

function method(path: string): grpc.MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}

function credentials(identity: Identity): grpc.ServerCredentials {
  const pair = { private_key: Buffer.from(identity.privateKey), cert_chain: Buffer.from(identity.certificateChain) };
  const result = grpc.ServerCredentials.createSsl(Buffer.from(identity.trustedCas), [pair], true);
  Object.assign(result._getConstructorOptions() ?? {}, { minVersion: "TLSv1.3" });
  return result;
}

/** grpc-js keeps its HTTP/2 servers to itself; there is no other way to its windows. */
function http2Servers(server: grpc.Server): Iterable<http2.Http2SecureServer> {
  const { http2Servers } = server as unknown as { http2Servers?: Map<http2.Http2SecureServer, unknown> };
  if (!(http2Servers instanceof Map) || http2Servers.size === 0) {
    throw new Error("this version of @grpc/grpc-js hides its HTTP/2 servers elsewhere; mend tunnel/grpc-server.ts");
  }
  return http2Servers.keys();
}
