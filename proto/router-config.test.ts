import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError, markChecked, parseDmzConfig, parseIntranetConfig } from "./router-config.ts";

const identity = { certificateChain: "chain", privateKey: "key", trustedCas: "cas" };
const limits = {
  callsPerLink: 256,
  initialWindowBytes: 65_536,
  windowMaxBytes: 4_194_304,
  memoryBudgetBytes: 67_108_864,
  drainMs: 25_000,
  drainNoticeMs: 5_000,
  heartbeatMs: 1_000,
};
const dmz = {
  tunnel: "tunnels/partners",
  identity,
  admin: { address: "127.0.0.1", port: 0 },
  listeners: [{ name: "http", protocol: "HTTP", port: 8080 }],
  tunnelEndpoint: { address: "0.0.0.0", port: 8443 },
  health: { address: "0.0.0.0", port: 8085 },
};
const route = {
  apiVersion: "sallyport.dev/v1alpha1",
  kind: "TunnelRoute",
  metadata: { name: "calc" },
  spec: { parentRefs: [{ name: "partners" }], backendRefs: [{ url: "http://x" }] },
};
const intranet = {
  tunnel: "tunnels/partners",
  identity,
  admin: { address: "127.0.0.1", port: 0 },
  dmz: [{ name: "r1-0", address: "r1-0.dmz", port: 8443 }],
  routes: [route],
};

describe("T10: a router's configuration", () => {
  test("of R1 has every default filled in", () => {
    expect(parseDmzConfig(dmz)).toEqual({
      ...dmz,
      trustDomain: "sallyport",
      limits,
      log: { level: "info" },
      listeners: [{ name: "http", protocol: "HTTP", port: 8080, address: "0.0.0.0" }],
      pool: { min: 2, max: 16, callsPerLink: 64, surplusTimeoutMs: 30_000 },
      waiting: { callsMax: 1000, timeoutMs: 5_000 },
      tcp: { idleTimeoutMs: 3_600_000, preambleTimeoutMs: 10_000, connectionsMax: 20_000 },
      quotas: { callsMax: 10_000, callsPerClientMax: 0, callsPerSecondPerClient: 0 },
      http: {
        headersTimeoutMs: 30_000,
        bodyIdleTimeoutMs: 60_000,
        keepAliveTimeoutMs: 75_000,
        sendTimeoutMs: 60_000,
        halfClosedTimeoutMs: 5_000,
        headerBytesMax: 65_536,
        connectionsMax: 20_000,
      },
    });
  });
  test("of R2 has every default filled in", () => {
    expect(parseIntranetConfig(intranet)).toEqual({
      ...intranet,
      trustDomain: "sallyport",
      limits: { ...limits, memoryBudgetBytes: 201_326_592 },
      log: { level: "info" },
      routes: [
        {
          ...route,
          metadata: { name: "calc", namespace: "default" },
          spec: { ...route.spec, matches: [], backendRefs: [{ url: "http://x", weight: 1 }] },
        },
      ],
      destinations: { connectTimeoutMs: 5_000, responseTimeoutMs: 0, keepAliveTimeoutMs: 4_000, connectionsMax: 1024 },
      origin: { config: "", routes: "", refused: [] },
    });
  });
  test("of R2 has ports of its own for the operator and for people", () => {
    const admin = { address: "127.0.0.1", port: 7444 };
    const operator = { address: "0.0.0.0", port: 7444 };
    expect(() => parseIntranetConfig({ ...intranet, admin, operator })).toThrow(
      /^operator\.port: .*is taken: admin listens at/,
    );
    expect(parseIntranetConfig({ ...intranet, operator: { ...operator, port: 7445 } }).operator?.port).toBe(7445);
  });
  test("of R2 takes routes that were checked as they are: that is not done twice", () => {
    const routes = markChecked(parseIntranetConfig(intranet).routes);
    expect(parseIntranetConfig({ ...intranet, routes }).routes).toBe(routes);
    expect(parseIntranetConfig({ ...intranet, routes: [...routes] }).routes).not.toBe(routes);
    expect(() => parseIntranetConfig({ ...intranet, routes, tunnel: "nameless" })).toThrow(/^tunnel: /);
  });
  test("parsed again is the same", () => {
    expect(parseDmzConfig(parseDmzConfig(dmz))).toEqual(parseDmzConfig(dmz));
    expect(parseIntranetConfig(parseIntranetConfig(intranet))).toEqual(parseIntranetConfig(intranet));
  });
});

describe("a configuration of R1 is refused when", () => {
  const http = dmz.listeners[0]!;
  const refused: Record<string, [unknown, string[]]> = {
    "it is nothing": [undefined, ["the configuration is missing; give a mapping"]],
    "it is a list": [[], ["the configuration is a list, not a mapping"]],
    "all that has no default is missing": [
      {},
      [
        "tunnel: is missing; give text",
        "identity: is missing; give a mapping",
        "admin: is missing; give a mapping",
        "listeners: is missing; give a list",
        "tunnelEndpoint: is missing; give a mapping",
        "health: is missing; give a mapping",
      ],
    ],
    "a key is misspelt": [{ ...dmz, wating: {} }, ['wating: is not a known key; did you mean "waiting"?']],
    "the tunnel has no namespace": [
      { ...dmz, tunnel: "partners" },
      ['tunnel: "partners" is not namespace/name of a ReverseTunnel'],
    ],
    "T8: the pool's least is over its most": [
      { ...dmz, pool: { min: 20 } },
      ["pool.min: 20 is more than max, 16; lower min or raise max"],
    ],
    "a call starts with more credit than it can grow to": [
      { ...dmz, limits: { initialWindowBytes: 65_536, windowMaxBytes: 32_768 } },
      ["limits.initialWindowBytes: 65536 is more than windowMaxBytes, 32768; lower it or raise that"],
    ],
    "one call's credit can exceed the budget of all": [
      { ...dmz, limits: { windowMaxBytes: 8_388_608, memoryBudgetBytes: 4_194_304 } },
      ["limits.windowMaxBytes: 8388608 is more than memoryBudgetBytes, 4194304; lower it or raise that"],
    ],
    "two listeners have one name": [
      { ...dmz, listeners: [http, { ...http, port: 8081 }] },
      ['listeners[1].name: "http" is the name of entry 0 already; give each its own'],
    ],
    "two listeners share a port": [
      { ...dmz, listeners: [http, { ...http, name: "more" }] },
      ["listeners[1].port: 8080 is taken: listeners[0] listens at 0.0.0.0; choose another port or address"],
    ],
    "the health port is a listener's": [
      { ...dmz, health: { address: "127.0.0.1", port: 8080 } },
      ["health.port: 8080 is taken: listeners[0] listens at 0.0.0.0; choose another port or address"],
    ],
    "an address is within another one's": [
      { ...dmz, admin: { address: "::", port: 8443 }, health: { address: "10.0.0.1", port: 8443 } },
      [
        "health.port: 8443 is taken: tunnelEndpoint listens at 0.0.0.0; choose another port or address",
        "admin.port: 8443 is taken: tunnelEndpoint listens at 0.0.0.0; choose another port or address",
      ],
    ],
  };
  test.each(Object.entries(refused))("%s", (_, [config, lines]) => {
    expect(errorOf(() => parseDmzConfig(config)).message).toBe(lines.join("\n"));
  });
});

describe("a configuration of R2 is refused when", () => {
  const endpoint = intranet.dmz[0]!;
  const refused: Record<string, [object, string[]]> = {
    "it names no R1": [{ ...intranet, dmz: [] }, ["dmz: is empty; give at least one entry"]],
    "it names an R1 twice": [
      { ...intranet, dmz: [endpoint, { ...endpoint, name: "other" }, { ...endpoint, port: 1 }] },
      [
        'dmz[2].name: "r1-0" is the name of entry 0 already; give each its own',
        'dmz[1].address: "r1-0.dmz" is the address and port of entry 0 already; give each its own',
      ],
    ],
    "it names a route twice": [
      { ...intranet, routes: [route, { ...route, metadata: { name: "calc", namespace: "default" } }] },
      ['routes[1].metadata.name: "calc" is the namespace and name of entry 0 already; give each its own'],
    ],
    "T9: a route's regular expression is bad": [
      {
        ...intranet,
        routes: [{ ...route, spec: { ...route.spec, matches: [{ path: { type: "RegularExpression", value: ")" } }] } }],
      },
      [
        'routes[0].spec.matches[0].path.value: ")" is not an RE2 regular expression: unexpected ): `)`; see https://github.com/google/re2/wiki/Syntax',
      ],
    ],
    "a destination has two addresses": [
      { ...intranet, routes: [{ ...route, spec: { ...route.spec, backendRefs: [{ url: "http://x", name: "x" }] } }] },
      ["routes[0].spec.backendRefs[0]: has both url and name; give url (any address), or name and port (a Service)"],
    ],
  };
  test.each(Object.entries(refused))("%s", (_, [config, lines]) => {
    expect(errorOf(() => parseIntranetConfig(config)).message).toBe(lines.join("\n"));
  });
});

describe("sockets that do not get in each other's way", () => {
  const apart: Record<string, [object, object]> = {
    "have any free port": [
      { address: "0.0.0.0", port: 0 },
      { address: "0.0.0.0", port: 0 },
    ],
    "have other ports": [
      { address: "0.0.0.0", port: 1 },
      { address: "0.0.0.0", port: 2 },
    ],
    "have other addresses": [
      { address: "127.0.0.1", port: 1 },
      { address: "127.0.0.2", port: 1 },
    ],
    "have addresses of other families": [
      { address: "0.0.0.0", port: 1 },
      { address: "::1", port: 1 },
    ],
  };
  test.each(Object.entries(apart))("%s", (_, [admin, health]) => {
    expect(parseDmzConfig({ ...dmz, admin, health })).toMatchObject({ admin, health });
  });
});

describe("a configuration's errors", () => {
  test("are data too", () => {
    const problems = [{ path: "health.port", message: "70000 is more than 65535, the most allowed" }];
    expect(errorOf(() => parseDmzConfig({ ...dmz, health: { address: "::", port: 70_000 } })).problems).toEqual(
      problems,
    );
  });
  test("show no secret, wherever in the identity it stands", () => {
    const secret = "s3cr3t-TOKEN";
    const misplaced = fc.oneof(
      fc.constant(secret),
      fc.constant([secret]),
      fc.constant({ ...identity, privateKey: [secret] }),
      fc.constant({ ...identity, privateKey: { [secret]: secret } }),
      fc.constant({ ...identity, [secret]: secret }),
      fc.constant({ ...identity, privatekey: secret }),
      fc.constant({ certificateChain: 5, privateKey: secret }),
    );
    fc.assert(
      fc.property(misplaced, (wrong) => {
        for (const parse of [parseDmzConfig, parseIntranetConfig]) {
          const error = errorOf(() => parse({ tunnel: 5, identity: wrong }));
          expect(`${error.stack}${JSON.stringify(error)}`).not.toContain(secret);
        }
      }),
    );
  });
  test("show no PEM that stands elsewhere", () => {
    const pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\n";
    expect(errorOf(() => parseDmzConfig({ ...dmz, tunnel: pem, [pem]: 1 })).message).toBe(
      [
        'tunnel: "(PEM, not shown)" is not namespace/name of a ReverseTunnel',
        '["(PEM, not shown)"]: is not a known key; known here: tunnel, trustDomain, identity, admin, log, limits, listeners, tunnelEndpoint, health, pool, waiting, quotas, http, tcp, tracing',
      ].join("\n"),
    );
  });
});

describe("whatever the configuration is", () => {
  test("parsing it yields a configuration or a ConfigError", () => {
    fc.assert(
      fc.property(fc.anything(), (config) => tryToParse(config)),
      { numRuns: 300 },
    );
  });
  test("a good one with any one value replaced yields a configuration or a ConfigError", () => {
    const value = fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true });
    const whole = fc.constantFrom<Record<string, unknown>>(parseDmzConfig(dmz), parseIntranetConfig(intranet));
    fc.assert(
      fc.property(whole, fc.nat(), fc.nat(), value, (config, first, second, replaced) => {
        const changed = structuredClone(config);
        const key = nth(changed, first);
        const inner = changed[key];
        if (typeof inner === "object" && inner !== null)
          (inner as Record<string, unknown>)[nth(inner, second)] = replaced;
        else changed[key] = replaced;
        tryToParse(changed);
      }),
      { numRuns: 500 },
    );
  });
});

function nth(value: object, index: number): string {
  const keys = Object.keys(value);
  return keys[index % keys.length]!;
}

function tryToParse(config: unknown): void {
  for (const parse of [parseDmzConfig, parseIntranetConfig]) {
    try {
      parse(config);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
    }
  }
}

function errorOf(act: () => unknown): ConfigError {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the configuration was taken");
}
