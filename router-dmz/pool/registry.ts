import { TunnelError } from "@sallyport/proto/error";
import type { Limits, LinkHello } from "@sallyport/proto/frame";
import type { Spans } from "@sallyport/proto/manage";
import type { Budget } from "@sallyport/tunnel/budget";
import type { Clock } from "@sallyport/tunnel/clock";
import { Link } from "@sallyport/tunnel/link";
import type { LinkTransport } from "@sallyport/tunnel/transport";
import { Registration } from "./registration.ts";

/** Links whose management connection has ended may finish their calls this long. docs/protocol.md, "Links". */
const orphanedMs = 5_000;
/** An R2 whose certificate is not trusted any more has this long to come again with another. */
const withdrawnMs = 5_000;

export interface RegistryOptions {
  readonly tunnel: string;
  readonly instanceId: string;
  readonly workerId: string;
  readonly software: string;
  readonly limits: Limits;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly budget: Budget;
  readonly registrationsMax: number;
  readonly linksMax: number;
  /** A registration has changed. */
  readonly onRegistration: (registration: Registration, error: TunnelError | undefined) => void;
  /** Bytes that a link has received or sent. */
  readonly onBytes: (bytes: number) => void;
  /** A link that was full takes calls again. */
  readonly onRoom: () => void;
  /** A link has changed. */
  readonly onLink: (link: Link, registration: Registration | undefined, error: TunnelError | undefined) => void;
  /** After `onLink`, when `links` does not name it any more. */
  readonly onLinkClosed: (link: Link, error: TunnelError | undefined) => void;
}

/** All R2s that are registered here, and their links. */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #registrations = new Set<Registration>();
  /** Whose a link is, and which address it comes from. */
  readonly #owners = new Map<Link, Registration>();
  readonly #peers = new Map<Link, string>();
  /** Links in their handshake: theirs is not known yet. */
  #newLinks = 0;
  #draining = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Those past their Hello and not closed. */
  get registrations(): readonly Registration[] {
    return [...this.#registrations].filter(({ state }) => state === "active" || state === "draining");
  }

  /** Some R2 has an active management connection: what the probe tells. */
  get active(): boolean {
    for (const registration of this.#registrations) if (registration.state === "active") return true;
    return false;
  }

  /** Links of active registrations that take calls. */
  usableLinks(): Link[] {
    const usable: Link[] = [];
    for (const registration of this.#registrations) {
      if (registration.state !== "active") continue;
      for (const link of registration.links) if (link.state === "open") usable.push(link);
    }
    return usable;
  }

  links(): Link[] {
    return [...this.#registrations].flatMap((registration) => [...registration.links]);
  }

  acceptManage(transport: LinkTransport, peer: string): void {
    const { tunnel, instanceId, workerId, software, limits, heartbeatMs, clock } = this.#options;
    const registration = new Registration({
      ...{ transport, peer, tunnel, instanceId, workerId, software, limits, heartbeatMs, clock },
      admit: (candidate) => this.#admit(candidate),
      onChange: (changed, error) => this.#changed(changed, error),
    });
    if (registration.state !== "closed") this.#registrations.add(registration);
  }

  acceptCarry(transport: LinkTransport, peer: string): void {
    const { limits, heartbeatMs, clock, budget, linksMax, onRoom, onBytes } = this.#options;
    if (this.#newLinks + this.links().length >= linksMax) {
      transport.listen({ onBatch() {}, onSent() {}, onClosed() {} });
      return transport.close(new TunnelError("OVERLOADED", `this R1 takes at most ${linksMax} links`));
    }
    this.#newLinks++;
    const link: Link = new Link({
      ...{ transport, limits, heartbeatMs, clock, budget, onRoom, onBytes },
      role: { t: "dmz", admit: (hello, admitted) => this.#admitLink(hello, admitted) },
      onState: (changed, error) => this.#linkChanged(changed, error),
    });
    if (link.state !== "closed") this.#peers.set(link, peer);
  }

  /** Hands the spans to one R2 that takes them; false: there is none. One that stops soon is the last to be asked. */
  offerSpans(spans: Spans, settled: (sent: boolean) => void): boolean {
    const byState = (state: string) => this.registrations.filter((registration) => registration.state === state);
    return [...byState("active"), ...byState("draining")].some((one) => one.offerSpans(spans, settled));
  }

  /** No R2 may register any more; those that have are told. */
  drain(deadlineMs: number): void {
    this.#draining = true;
    for (const registration of this.#registrations) registration.drain(deadlineMs);
  }

  /**
   * Takes these peers out of use: their links take no more calls, and are closed when those in flight have ended, after
   * `deadlineMs` at the latest. An R2 that comes again with a certificate that is trusted loses nothing.
   */
  withdraw(peers: ReadonlySet<string>, deadlineMs: number): void {
    const error = new TunnelError("POLICY", "the CA of its certificate is not trusted any more");
    const links = this.links().filter((link) => peers.has(this.#peers.get(link) ?? ""));
    const registrations = [...this.#registrations].filter(({ peer }) => peers.has(peer));
    for (const link of links) link.drain(error.message);
    const { clock } = this.#options;
    clock.after(deadlineMs, () => {
      for (const link of links) link.close(error);
    });
    clock.after(withdrawnMs, () => {
      for (const registration of registrations) registration.close(error);
    });
  }

  /** Ends every link and management connection. */
  close(): void {
    for (const link of this.links()) link.close();
    for (const registration of [...this.#registrations]) registration.close();
  }

  #admitLink(hello: LinkHello, link: Link): TunnelError | undefined {
    const owner = this.#ownerOf(hello);
    if (owner === undefined) return new TunnelError("PROTOCOL", "that R2 is not registered here");
    this.#owners.set(link, owner);
    const refusal = owner.admitLink(hello);
    if (refusal === undefined) owner.links.add(link);
    return refusal;
  }

  #linkChanged(link: Link, error: TunnelError | undefined): void {
    const owner = this.#owners.get(link);
    if (link.state === "open") this.#newLinks--;
    if (link.state === "closed") {
      if (!owner?.links.delete(link)) this.#newLinks--;
      this.#owners.delete(link);
      this.#peers.delete(link);
    }
    if (owner) this.#forgetIfOver(owner);
    this.#options.onLink(link, owner, error);
    if (link.state === "closed") this.#options.onLinkClosed(link, error);
  }

  #ownerOf(hello: LinkHello): Registration | undefined {
    const key = `${hello.intranetInstanceId}/${hello.intranetWorkerId}`;
    for (const registration of this.#registrations) {
      if (registration.key === key && registration.state === "active") return registration;
    }
    return undefined;
  }

  #admit(candidate: Registration): TunnelError | undefined {
    if (this.#draining) return new TunnelError("DRAINING", "this R1 stops");
    const others = [...this.#registrations].filter((other) => other !== candidate && other.key === candidate.key);
    const { registrationsMax } = this.#options;
    if (this.registrations.filter((other) => !others.includes(other)).length > registrationsMax - 1) {
      return new TunnelError("OVERLOADED", `this R1 takes at most ${registrationsMax} R2s`);
    }
    for (const other of others) {
      if (candidate.hello?.keepLinks) this.#succeed(other, candidate);
      else other.close(new TunnelError("LINK_LOST", "the same R2 has registered again"));
    }
    return undefined;
  }

  #changed(registration: Registration, error: TunnelError | undefined): void {
    if (registration.state === "closed") {
      this.#orphan(registration);
      this.#forgetIfOver(registration);
    }
    this.#options.onRegistration(registration, error);
  }

  /** The same R2 over another connection: nothing of it is lost. R2 ends the old connection. */
  #succeed(old: Registration, successor: Registration): void {
    for (const link of old.links) this.#owners.set(link, successor);
    old.succeedBy(successor);
    this.#options.clock.after(orphanedMs, () => old.close());
  }

  #forgetIfOver(registration: Registration): void {
    if (registration.state === "closed" && registration.links.size === 0) this.#registrations.delete(registration);
  }

  /** A registration that ended takes its links with it, once their calls had time to finish. */
  #orphan(registration: Registration): void {
    const orphans = [...registration.links];
    for (const link of orphans) link.drain("its management connection has ended");
    this.#options.clock.after(orphanedMs, () => {
      const error = new TunnelError("LINK_LOST", "its management connection has ended");
      for (const link of orphans) link.close(error);
    });
  }
}
