import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ControlPlane, controlPlane } from "./control-plane.ts";
import type { KubernetesObject } from "./kubectl.ts";
import { until } from "./until.ts";

const definition = fileURLToPath(new URL("widgets.yaml", import.meta.url));

describe("a control plane without nodes", () => {
  let plane: ControlPlane;

  beforeAll(async () => {
    plane = await controlPlane({ definitions: [definition] });
  });
  afterAll(() => plane?.stop());

  test("says the version of Kubernetes that go.mod pins", async () => {
    const { serverVersion } = JSON.parse(await plane.kubectl.run(["version", "--output=json"]));
    expect(serverVersion.gitVersion).toBe("v1.34.4");
  });

  test("tells two appliers of one field apart", async () => {
    await plane.kubectl.apply(widget("shared", 1, 3), "--field-manager=one");
    await expect(plane.kubectl.apply(widget("shared", 1, 4), "--field-manager=two")).rejects.toThrow(
      'conflict with "one"',
    );
    const { metadata } = await plane.kubectl.get("widget", "shared", "--show-managed-fields");
    expect((metadata.managedFields as { manager: string }[]).map(({ manager }) => manager)).toEqual(["one"]);
  });

  test("refuses what a rule of a definition forbids, in the rule's words", async () => {
    await expect(plane.kubectl.apply(widget("wrong", 5, 3))).rejects.toThrow("min must not exceed max");
    expect(await plane.kubectl.run(["get", "widget", "wrong", "--ignore-not-found"])).toBe("");
  });

  test("makes the pods of a Deployment, which wait for a node", async () => {
    await plane.kubectl.run(["create", "deployment", "web", "--image=none", "--replicas=2"]);
    await until("there are two pods", async () => {
      const { items } = await plane.kubectl.get<{ items: KubernetesObject[] }>("pods", "--selector=app=web");
      expect(items.map((pod) => pod.status)).toEqual([
        { phase: "Pending", qosClass: "BestEffort" },
        { phase: "Pending", qosClass: "BestEffort" },
      ]);
    });
  });

  test("removes what an object owns once that is gone", async () => {
    await plane.kubectl.apply(widget("owner", 1, 2));
    const { metadata } = await plane.kubectl.get("widget", "owner");
    const ownerReferences = [
      { ...{ apiVersion: "e2e.sallyport.dev/v1", kind: "Widget" }, name: "owner", uid: metadata.uid },
    ];
    await plane.kubectl.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "owned", ownerReferences } });
    await plane.kubectl.run(["delete", "widget", "owner"]);
    await plane.kubectl.run(["wait", "--for=delete", "configmap/owned", "--timeout=50s"]);
  });
});

test("a control plane that is stopped leaves no file, and nothing listens any more", async () => {
  const plane = await controlPlane();
  await plane.stop();
  expect(existsSync(plane.logs)).toBe(false);
  await expect(fetch(plane.server)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
});

test("a control plane whose definitions are wrong says which, and leaves nothing", async () => {
  await expect(controlPlane({ definitions: ["/nowhere.yaml"] })).rejects.toThrow(
    'the path "/nowhere.yaml" does not exist',
  );
});

function widget(name: string, min: number, max: number): KubernetesObject {
  return { apiVersion: "e2e.sallyport.dev/v1", kind: "Widget", metadata: { name }, spec: { min, max } };
}
