import type { TunnelError } from "@sallyport/proto/error";
import { type Limits, type LinkHello, protocolVersion } from "@sallyport/proto/frame";
import type { LinkOrderResult, OpenLinks, Welcome } from "@sallyport/proto/manage";
import type { Budget } from "@sallyport/tunnel/budget";
import type { AcceptCall } from "@sallyport/tunnel/call";
import type { Clock } from "@sallyport/tunnel/clock";
import { Link } from "@sallyport/tunnel/link";
import type { LinkTransport } from "@sallyport/tunnel/transport";

/** The most links one R1 may have from us, whatever it orders. */
const linksMax = 256;

export interface OrderedLinksOptions {
  readonly tunnel: string;
  readonly instanceId: string;
  readonly workerId: string;
  readonly limits: Limits;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly budget: Budget;
  /** A fresh channel each time. */
  readonly dial: () => LinkTransport;
  readonly accept: AcceptCall;
  readonly onBytes: (bytes: number) => void;
  /** Every link of an order was opened or has failed. */
  readonly onOrderDone: (result: LinkOrderResult) => void;
  readonly onLink: (link: Link, error: TunnelError | undefined) => void;
}

interface Progress {
  readonly order: number;
  opened: number;
  failed: number;
  pending: number;
  message: string;
}

/** The links that one R1 has ordered. */
export class OrderedLinks {
  readonly all = new Set<Link>();
  readonly #options: OrderedLinksOptions;

  constructor(options: OrderedLinksOptions) {
    this.#options = options;
  }

  /** `refusal`: why none may be opened now; empty: they may. */
  open({ order, count }: OpenLinks, welcome: Welcome, refusal: string): void {
    const room = refusal === "" ? Math.max(0, linksMax - this.all.size) : 0;
    const begun = Math.min(count, room);
    const progress: Progress = { order, opened: 0, failed: count - begun, pending: begun, message: "" };
    if (begun < count) progress.message = refusal || `R2 opens at most ${linksMax} links to one R1`;
    if (begun === 0) this.#report(progress);
    for (let i = 0; i < begun; i++) this.#openLink(progress, welcome);
  }

  close(linkIds: readonly string[]): void {
    const ids = new Set(linkIds);
    for (const link of this.all) if (ids.has(link.linkId)) link.drain("R1 has more links than it needs");
  }

  #openLink(order: Progress, welcome: Welcome): void {
    const { limits, heartbeatMs, clock, budget, accept, onBytes, dial, onLink } = this.#options;
    let settled = false;
    const link: Link = new Link({
      ...{ transport: dial(), limits, heartbeatMs, clock, budget, onBytes },
      role: { t: "intranet", hello: this.#hello(order.order, welcome), accept },
      onState: (changed, error) => {
        if (changed.state === "closed") this.all.delete(changed);
        if (!settled) this.#settle(order, changed, error);
        settled = true;
        onLink(changed, error);
      },
    });
    if (link.state !== "closed") this.all.add(link);
  }

  #settle(order: Progress, link: Link, error: TunnelError | undefined): void {
    order.pending--;
    if (link.state === "open") order.opened++;
    else {
      order.failed++;
      order.message = error?.message ?? "the link was closed";
    }
    if (order.pending === 0) this.#report(order);
  }

  #report({ order, opened, failed, message }: Progress): void {
    this.#options.onOrderDone({ order, opened, failed, message });
  }

  #hello(order: number, welcome: Welcome): LinkHello {
    const { tunnel, instanceId, workerId, limits } = this.#options;
    return {
      ...{ protocol: protocolVersion, tunnel, limits, order },
      ...{ dmzInstanceId: welcome.instanceId, dmzWorkerId: welcome.workerId },
      ...{ intranetInstanceId: instanceId, intranetWorkerId: workerId },
      linkId: crypto.randomUUID(),
    };
  }
}
