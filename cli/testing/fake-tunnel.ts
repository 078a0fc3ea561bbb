import type { DmzConfig, IntranetConfig } from "@sallyport/proto/router-config";
import { FakeClock } from "@sallyport/tunnel/testing/fake-clock";
import type { DevHost } from "../dev-run.ts";
import { type FakeChild, FakeChildren } from "./fake-child.ts";

/**
 * Routers and a sample that behave as the real ones towards their parent: they listen on the ports they are told, or on
 * 40001, 40002 …, and end when they are drained or killed. Management connections are the test's.
 */
export class FakeTunnel {
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  /** What happened to whom, in order: "101 starts", "101 drains", "101 killed". */
  readonly history: string[] = [];
  readonly dmz: FakeChildren;
  readonly intranet: FakeChildren;
  readonly sample: FakeChildren;
  /** Answers to the start order, by default that it listens. */
  onStart: (child: FakeChild, listen: () => void) => void = (_child, listen) => listen();
  /** What a drain does; by default the process ends. */
  onDrain: (child: FakeChild) => void = (child) => child.ends({ t: "code", code: 0 });
  readonly #waiters: { readonly pattern: RegExp; readonly resolve: () => void }[] = [];
  #lastPort = 40_000;

  constructor() {
    const react = (child: FakeChild, what: unknown) => queueMicrotask(() => this.#react(child, what));
    this.dmz = new FakeChildren(101, react);
    this.intranet = new FakeChildren(201, react);
    this.sample = new FakeChildren(301, react);
  }

  get host(): DevHost {
    const documents = new URL("../../examples/calculator/tunnel.yaml", import.meta.url);
    return {
      dmz: this.dmz.spawn,
      intranet: this.intranet.spawn,
      sample: {
        documents,
        spawn: (args, events) => {
          const child = this.sample.spawn(args, events) as FakeChild;
          queueMicrotask(() => child.says({ t: "listening", port: Number(args[1]) || this.#freePort() }));
          return child;
        },
      },
      clock: this.clock,
      say: (line) => this.#say(line),
    };
  }

  get running(): FakeChild[] {
    return [...this.dmz.running, ...this.intranet.running, ...this.sample.running];
  }

  /** Resolves when the next line that fits is said. */
  line(pattern: RegExp): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ pattern, resolve });
    return promise;
  }

  #say(line: string): void {
    this.said.push(line);
    for (const waiter of this.#waiters) if (waiter.pattern.test(line)) waiter.resolve();
  }

  #react(child: FakeChild, what: unknown): void {
    if (child.isEnded) return;
    const order = what as { readonly t?: string; readonly config?: DmzConfig | IntranetConfig };
    if (order.t === "start") this.#start(child, order.config!);
    else if (order.t === "reload") this.history.push(`${child.pid} reloads`);
    else if (what === "SIGKILL") this.#end(child);
    else {
      this.history.push(`${child.pid} drains`);
      this.onDrain(child);
    }
  }

  #start(child: FakeChild, config: DmzConfig | IntranetConfig): void {
    this.history.push(`${child.pid} starts`);
    this.onStart(child, () => child.says({ t: "listening", ports: this.#portsOf(config) }));
  }

  #end(child: FakeChild): void {
    this.history.push(`${child.pid} killed`);
    child.ends({ t: "signal", signal: "SIGKILL" });
  }

  #portsOf(config: DmzConfig | IntranetConfig): Record<string, number> {
    const ports: Record<string, number> = { admin: config.admin.port || this.#freePort() };
    if (!("listeners" in config)) return ports;
    for (const { name, port } of config.listeners) ports[name] = port || this.#freePort();
    ports.health = config.health.port || this.#freePort();
    ports.tunnel = config.tunnelEndpoint.port || this.#freePort();
    return ports;
  }

  #freePort(): number {
    this.#lastPort += 1;
    return this.#lastPort;
  }
}

/** What a router was started with. */
export function configOf<Config extends DmzConfig | IntranetConfig>(child: FakeChild): Config {
  return (child.got[0] as { readonly config: Config }).config;
}
