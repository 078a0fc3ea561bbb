import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ControlPlane, controlPlane } from "../cluster/control-plane.ts";
import { definitionsFolder } from "./definitions-folder.ts";

const apiVersion = "sallyport.dev/v1alpha1";
const tunnel = {
  ...{ apiVersion, kind: "ReverseTunnel", metadata: { name: "partners", namespace: "default" } },
  spec: { dmz: { listeners: [{ name: "http", protocol: "HTTP", port: 8080 }] } },
};
const route = {
  ...{ apiVersion, kind: "TunnelRoute", metadata: { name: "calc", namespace: "default" } },
  spec: { parentRefs: [{ name: "partners", sectionName: "http" }], backendRefs: [{ name: "calc", port: 80 }] },
};
const tunnelStatus = {
  observedGeneration: 1,
  status: "Ready",
  ...{ pairs: 2, readyPairs: 2, links: 8, routes: 1 },
  addresses: [{ type: "IPAddress", value: "192.0.2.7" }],
  selector: "sallyport.dev/tunnel=0011aabb",
  certificates: [{ name: "dmz", notAfter: "2027-02-22T12:00:00Z", renewalTime: "2027-01-23T12:00:00Z" }],
  conditions: [
    {
      ...{ type: "Ready", status: "True", reason: "Ready", message: "2 of 2 pairs carry calls" },
      ...{ observedGeneration: 1, lastTransitionTime: "2026-11-24T12:00:00Z" },
    },
  ],
};
const routeStatus = {
  status: "Programmed",
  parents: [
    { parentRef: { name: "partners", sectionName: "http" }, controllerName: "sallyport.dev/operator", conditions: [] },
  ],
};

let cluster: ControlPlane;
const kubectl = (...args: string[]) => cluster.kubectl.run(args);
const setStatus = (name: string, status: object) =>
  kubectl("patch", name, "--subresource=status", "--type=merge", `--patch=${JSON.stringify({ status })}`);
/** The words of a line, as two spaces or more keep them apart. */
const cells = (table: string) => table.split("\n").map((line) => line.trim().split(/ {2,}/));

beforeAll(async () => {
  cluster = await controlPlane({ definitions: [definitionsFolder] });
});
afterAll(() => cluster?.stop());
beforeEach(async () => {
  await kubectl("delete", "reversetunnels,tunnelroutes", "--all");
  await cluster.kubectl.apply([tunnel, route], "--field-manager=owner");
});

describe("kubectl", () => {
  test("lists tunnels, what matters most first", async () => {
    await setStatus("rt/partners", tunnelStatus);
    const [head, row] = cells(await kubectl("get", "rt")) as [string[], string[]];
    expect(head).toEqual(["NAME", "STATUS", "PAIRS", "READY", "LINKS", "ROUTES", "ADDRESS", "AGE"]);
    expect(row.slice(0, -1)).toEqual(["partners", "Ready", "2", "2", "8", "1", "192.0.2.7"]);
  });
  test("lists more of a tunnel when it may be wide", async () => {
    await setStatus("rt/partners", tunnelStatus);
    const [head, row] = cells(await kubectl("get", "rt", "--output=wide")) as [string[], string[]];
    expect(head.slice(8)).toEqual(["DMZ", "INTRANET", "EXPIRES", "MESSAGE"]);
    expect(row.slice(-2)).toEqual(["2027-02-22T12:00:00Z", "2 of 2 pairs carry calls"]);
  });
  test("lists routes", async () => {
    await setStatus("tr/calc", routeStatus);
    const [head, row] = cells(await kubectl("get", "tr")) as [string[], string[]];
    expect(head).toEqual(["NAME", "STATUS", "TUNNEL", "LISTENER", "AGE"]);
    expect(row.slice(0, -1)).toEqual(["calc", "Programmed", "partners", "http"]);
  });
  test("lists both kinds as sallyport", async () => {
    expect((await kubectl("get", "sallyport", "--output=name")).split("\n")).toEqual([
      "reversetunnel.sallyport.dev/partners",
      "tunnelroute.sallyport.dev/calc",
    ]);
  });
  test("explains a field", async () => {
    const text = await kubectl("explain", "reversetunnel.spec.dmz.listeners.allowedRoutes.namespaces.from");
    expect(text).toContain("FIELD: from <string>");
    expect(text.replaceAll(/\s+/g, " ")).toContain("Same: the tunnel's namespace. All: every one.");
  });
  test("T4: scales a tunnel, within its bounds", async () => {
    await setStatus("rt/partners", tunnelStatus);
    await kubectl("scale", "rt/partners", "--replicas=3", "--current-replicas=2");
    const scale = JSON.parse(await kubectl("get", "--raw", scalePath));
    expect(scale).toMatchObject({ spec: { replicas: 3 }, status: { replicas: 2, selector: tunnelStatus.selector } });
    await expect(kubectl("scale", "rt/partners", "--replicas=17")).rejects.toThrow("less than or equal to 16");
  });
});

const scalePath = "/apis/sallyport.dev/v1alpha1/namespaces/default/reversetunnels/partners/scale";

describe("the API server", () => {
  test("keeps the status to its subresource", async () => {
    await cluster.kubectl.apply({ ...tunnel, status: tunnelStatus }, "--field-manager=owner");
    expect((await cluster.kubectl.get("rt/partners")).status).toBe(undefined);
    await setStatus("rt/partners", tunnelStatus);
    expect((await cluster.kubectl.get("rt/partners")).status).toEqual(tunnelStatus);
  });
  test("refuses a status that is none", async () => {
    const refused = setStatus("rt/partners", { ...tunnelStatus, conditions: [{ type: "Ready", status: "Maybe" }] });
    await expect(refused).rejects.toThrow('supported values: "True", "False", "Unknown"');
  });
  test("merges the listeners of two field managers by their names", async () => {
    const more = { dmz: { listeners: [{ name: "more", protocol: "HTTP", port: 8081 }] } };
    await cluster.kubectl.apply({ ...tunnel, spec: more }, "--field-manager=another");
    const { spec } = await cluster.kubectl.get<{ spec: typeof tunnel.spec }>("rt/partners");
    expect(spec.dmz.listeners.map(({ name, port }) => [name, port])).toEqual([
      ["http", 8080],
      ["more", 8081],
    ]);
  });
  test("tells what it stands for of every field that it knows", async () => {
    const api = JSON.parse(await kubectl("get", "--raw", "/openapi/v3/apis/sallyport.dev/v1alpha1"));
    const { spec, status } = api.components.schemas["dev.sallyport.v1alpha1.ReverseTunnel"].properties;
    expect([spec.properties.pool.properties.min.description, status.properties.links.description]).toEqual([
      "Links that are always there.",
      "Links of all pairs.",
    ]);
  });
});
