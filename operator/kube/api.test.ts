import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { afterEach, describe, expect, it } from "vitest";
import type { WatchEvent } from "../cluster-api.ts";
import { isConflict, isExpired, type KubeError } from "../kube-error.ts";
import { KubeApi } from "./api.ts";
import { Connection, loadKubeConfig } from "./connection.ts";

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string>;
  readonly type: string | undefined;
  readonly token: string | undefined;
  readonly body: unknown;
}

const servers: Server[] = [];
let ends = new AbortController();
afterEach(() => {
  ends.abort();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** An API server that answers what the test says. */
async function apiWith(answer: (asked: Asked, response: ServerResponse) => void) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const one = await read(request);
    asked.push(one);
    answer(one, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: "c", server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    {
      name: "u",
      token: "t0ken",
    },
  );
  ends = new AbortController();
  const api = new KubeApi({ connection: new Connection(config), signal: ends.signal, random: () => 0 });
  return { api, asked };
}

async function read(request: IncomingMessage): Promise<Asked> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const { pathname, searchParams } = new URL(request.url ?? "", "http://x");
  const text = Buffer.concat(parts).toString();
  return {
    ...{ method: request.method ?? "", path: pathname, query: Object.fromEntries(searchParams) },
    ...{ type: request.headers["content-type"], token: request.headers.authorization },
    body: text === "" ? undefined : (JSON.parse(text) as unknown),
  };
}

const json =
  (body: unknown, status = 200) =>
  (_: Asked, response: ServerResponse) =>
    void response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));

const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "n", name: "a" }, data: { x: "1" } };
const ref = { kind: "ConfigMap", namespace: "n", name: "a" } as const;
const path = "/api/v1/namespaces/n/configmaps/a";

describe("a request to the API server", () => {
  it("applies by the one field manager, by force, as what it is", async () => {
    const { api, asked } = await apiWith(json(map));
    await api.apply({ ...map, kind: "Deployment", apiVersion: "apps/v1" });
    expect(asked).toEqual([
      {
        ...{ method: "PATCH", path: "/apis/apps/v1/namespaces/n/deployments/a" },
        query: { fieldManager: "sallyport-operator", force: "true" },
        ...{ type: "application/apply-patch+yaml", token: "Bearer t0ken" },
        body: { ...map, kind: "Deployment", apiVersion: "apps/v1" },
      },
    ]);
  });

  it("patches metadata and status by a merge patch, and only what has not changed meanwhile", async () => {
    const { api, asked } = await apiWith(json(map));
    await api.patchMeta(ref, { finalizers: ["x"], resourceVersion: "7" });
    await api.patchStatus(ref, { status: "Ready" }, "8");
    expect(asked.map(({ path, type, body }) => [path, type, body])).toEqual([
      [path, "application/merge-patch+json", { metadata: { finalizers: ["x"], resourceVersion: "7" } }],
      [
        `${path}/status`,
        "application/merge-patch+json",
        { metadata: { resourceVersion: "8" }, status: { status: "Ready" } },
      ],
    ]);
  });

  it("deletes in the background, and only the object that is meant", async () => {
    const { api, asked } = await apiWith(json({}));
    expect(await api.delete(ref, { uid: "u" })).toBe(true);
    expect(asked[0]).toMatchObject({
      method: "DELETE",
      body: { propagationPolicy: "Background", preconditions: { uid: "u" } },
    });
  });

  it("takes what is not there for an answer", async () => {
    const { api } = await apiWith(json({ reason: "NotFound", message: "no" }, 404));
    expect([await api.get(ref), await api.delete(ref)]).toEqual([undefined, false]);
  });

  it("lists page by page, with the kind that entries of a list lack", async () => {
    const pages = [
      { metadata: { resourceVersion: "9", continue: "more" }, items: [{ metadata: { name: "a" } }] },
      { metadata: { resourceVersion: "9" }, items: [{ metadata: { name: "b" } }] },
    ];
    const { api, asked } = await apiWith((one, response) =>
      json(pages[one.query.continue === "more" ? 1 : 0])(one, response),
    );
    const listed = await api.list("ConfigMap", { labelSelector: "a=b" });
    expect(listed).toEqual({
      resourceVersion: "9",
      items: ["a", "b"].map((name) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } })),
    });
    expect(asked.map(({ path, query }) => [path, query])).toEqual([
      ["/api/v1/configmaps", { limit: "500", labelSelector: "a=b" }],
      ["/api/v1/configmaps", { limit: "500", labelSelector: "a=b", continue: "more" }],
    ]);
  });

  it("fails with Kubernetes' own word, and how long to wait", async () => {
    const { api } = await apiWith((_, response) => {
      response
        .writeHead(409, { "Retry-After": "3" })
        .end(JSON.stringify({ reason: "Conflict", message: "the object has been modified" }));
    });
    const error = (await api.apply(map).catch((one: unknown) => one)) as KubeError;
    expect([isConflict(error), error.reason, error.retryAfterMs]).toEqual([true, "Conflict", 3000]);
    expect(error.message).toBe(`PATCH ${path}: the object has been modified`);
  });

  it.each([
    ["a proxy's page", 502, "<html>"],
    ["nothing", 500, ""],
  ])("fails with the status when the answer is %s", async (_, status, body) => {
    const { api } = await apiWith((_, response) => void response.writeHead(status).end(body));
    await expect(api.list("Pod")).rejects.toMatchObject({ status, message: `GET /api/v1/pods: HTTP ${status}` });
  });

  it("fails when there is no answer, and when it is told to end", async () => {
    const { api } = await apiWith((_, response) => void response.destroy());
    await expect(api.list("Pod")).rejects.toMatchObject({ status: 0, reason: "NoAnswer" });
    ends.abort();
    await expect(api.list("Pod")).rejects.toMatchObject({ reason: "NoAnswer" });
  });
});

describe("a watch", () => {
  const line = (type: string, version: string, more: object = {}) =>
    `${JSON.stringify({ type, object: { ...map, metadata: { ...map.metadata, resourceVersion: version }, ...more } })}\n`;

  async function watchOf(send: (response: ServerResponse) => void) {
    const { api, asked } = await apiWith((_, response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      send(response);
    });
    const events: WatchEvent[] = [];
    const stop = new AbortController();
    const onEvent = (event: WatchEvent): void => {
      events.push(event);
      if (events.length === 3) arrived.resolve();
    };
    const arrived = Promise.withResolvers<void>();
    const watch = api.watch("ConfigMap", { namespace: "n", resourceVersion: "5", signal: stop.signal, onEvent });
    return { watch, events, asked, stop, arrived: arrived.promise };
  }

  it("tells what changes, in whatever pieces it comes, until the server ends it", async () => {
    const text = line("ADDED", "6") + line("BOOKMARK", "7") + line("DELETED", "8");
    const { watch, events, asked } = await watchOf(async (response) => {
      for (const part of text.match(/[\s\S]{1,7}/g) ?? []) response.write(part);
      response.end();
    });
    await watch;
    expect(events.map(({ t }) => t)).toEqual(["changed", "bookmark", "deleted"]);
    expect(events[1]).toEqual({ t: "bookmark", resourceVersion: "7" });
    expect(asked[0]?.query).toEqual({
      watch: "true",
      allowWatchBookmarks: "true",
      timeoutSeconds: "240",
      resourceVersion: "5",
    });
  });

  it("fails when the server has forgotten where it was to start", async () => {
    const { watch } = await watchOf((response) =>
      response.end(
        `${JSON.stringify({ type: "ERROR", object: { code: 410, reason: "Expired", message: "too old" } })}\n`,
      ),
    );
    const error = await watch.catch((one: unknown) => one);
    expect(isExpired(error)).toBe(true);
  });

  it("fails when the connection breaks, and when its listener does", async () => {
    const { watch } = await watchOf((response) => {
      response.write(line("ADDED", "6"), () => response.destroy());
    });
    await expect(watch).rejects.toMatchObject({ reason: "NoAnswer" });
    const { api } = await apiWith((_, response) => void response.end(line("ADDED", "6")));
    const onEvent = () => {
      throw new Error("ours");
    };
    const { signal } = new AbortController();
    await expect(api.watch("ConfigMap", { resourceVersion: "5", signal, onEvent })).rejects.toThrow("ours");
  });

  it("ends when it is told to, however quiet it is", async () => {
    const { watch, arrived, stop } = await watchOf((response) => {
      response.write(line("ADDED", "6") + line("ADDED", "7") + line("ADDED", "8"));
    });
    await arrived;
    stop.abort();
    await expect(watch).rejects.toMatchObject({ reason: "NoAnswer" });
  });
});

describe("where the API server is", () => {
  it("is said by KUBECONFIG, or by the cluster that the operator runs in; else the mend is named", () => {
    expect(() => loadKubeConfig({})).toThrow(
      "not in a cluster, and KUBECONFIG is not set; set it to the file of a kubeconfig",
    );
  });
});
