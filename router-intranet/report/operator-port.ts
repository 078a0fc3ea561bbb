import { watchPath } from "@sallyport/proto/admin";
import { TunnelError } from "@sallyport/proto/error";
import type { Clock } from "@sallyport/tunnel/clock";
import { GrpcServer } from "@sallyport/tunnel/grpc-server";
import type { Identity } from "@sallyport/tunnel/identity";
import { listenError } from "@sallyport/tunnel/listen-error";
import type { LinkTransport } from "@sallyport/tunnel/transport";
import { OperatorStream, type ReportPart, type ReportSource } from "./operator-stream.ts";

/** Streams at once: the operator, its successor, and two that are not noticed yet to be gone. */
export const operatorStreamsMax = 4;

export interface OperatorPortOptions {
  readonly tunnel: string;
  readonly instanceId: string;
  readonly software: string;
  readonly clock: Clock;
  readonly identity: Identity;
  /** The one SPIFFE URI an operator may have. */
  readonly peerId: string;
  readonly source: ReportSource;
  readonly onStream: (peer: string, what: "subscribed" | "closed", error: TunnelError | undefined) => void;
  /** A peer that was turned away. */
  readonly onRefused: (peer: string, error: TunnelError) => void;
}

/** Where operators ask what R2 serves. */
export class OperatorPort {
  readonly counters = { refused: 0 };
  readonly #options: OperatorPortOptions;
  readonly #streams = new Set<OperatorStream>();
  readonly #server: GrpcServer;

  constructor(options: OperatorPortOptions) {
    this.#options = options;
    const { identity, peerId } = options;
    this.#server = new GrpcServer({
      ...{ identity, peerId, connectionsMax: 2 * operatorStreamsMax },
      methods: { [watchPath]: (transport, peer) => this.accept(transport, peer) },
      onRefused: (peer, error) => this.#refused(peer, error),
    });
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Answers the port. */
  async listen(address: string, port: number): Promise<number> {
    try {
      return await this.#server.listen(address, port);
    } catch (error) {
      throw listenError("operator port", address, port, error as Error);
    }
  }

  /** Throws for bad PEM. An operator that is not trusted any more is cut off. */
  setIdentity(identity: Identity): void {
    this.#server.setIdentity(identity);
    this.#server.cutUntrusted(new Set(this.#server.untrustedPeers));
  }

  changed(part: ReportPart): void {
    for (const stream of this.#streams) stream.changed(part);
  }

  accept(transport: LinkTransport, peer: string): void {
    if (this.#streams.size >= operatorStreamsMax) return this.#turnAway(transport, peer);
    const { tunnel, instanceId, software, clock, source, onStream } = this.#options;
    const stream: OperatorStream = new OperatorStream({
      ...{ transport, tunnel, instanceId, software, clock, source },
      onSubscribed: () => onStream(peer, "subscribed", undefined),
      onClosed: (error) => {
        this.#streams.delete(stream);
        onStream(peer, "closed", error);
      },
    });
    this.#streams.add(stream);
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
    this.#server.close();
  }

  #turnAway(transport: LinkTransport, peer: string): void {
    const error = new TunnelError("OVERLOADED", `this R2 has ${operatorStreamsMax} operators already`);
    transport.listen({ onBatch() {}, onSent() {}, onClosed() {} });
    transport.close(error);
    this.#refused(peer, error);
  }

  #refused(peer: string, error: TunnelError): void {
    this.counters.refused++;
    this.#options.onRefused(peer, error);
  }
}
