import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../cluster/until.ts";
import { Installation, namespaces } from "./installation.ts";

const tunnel = ["reversetunnel", "partners", namespaces.tunnels] as const;
const route = ["tunnelroute", "calculator", namespaces.apps] as const;
const ours = "deployments,services,configmaps,secrets,poddisruptionbudgets,networkpolicies,pods";

describe("an empty real cluster", () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await Installation.prepare();
  }, 600_000);
  afterAll(() => installation?.[Symbol.asyncDispose]());

  test("helm install, kubectl apply of the page's two documents, a SOAP call through R1's Service to a service in the intranet namespace", async () => {
    await installation.install();
    await installation.applyDocuments();
    expect(await installation.add()).toMatchObject({
      status: 200,
      body: expect.stringContaining("<AddResult>5</AddResult>"),
    });
  }, 300_000);

  test("helm test passes", async () => {
    expect(await installation.helm("test", "sallyport", "--timeout=60s")).toMatch(/sallyport-test\n(.*\n)*.*Succeeded/);
  }, 90_000);

  test("kubectl get says what is there, and in which state", async () => {
    const columns = async (kind: string, namespace: string) => {
      const [, line = ""] = (await installation.kubectl("get", kind, `--namespace=${namespace}`)).split("\n");
      return line.split(/\s+/);
    };
    expect((await columns("reversetunnels", namespaces.tunnels)).slice(0, 4)).toEqual(["partners", "Ready", "2", "2"]);
    expect((await columns("tunnelroutes", namespaces.apps)).slice(0, 2)).toEqual(["calculator", "Programmed"]);
  });

  test("what only the operator can see appears as a condition on the right object: a Service that is missing", async () => {
    await patchBackend("nowhere");
    const { message } = await installation.untilCondition(route, "ResolvedRefs", { status: "False" }, 20_000);
    expect(message).toContain("nowhere");
    expect(await installation.conditions(...tunnel)).toMatchObject({ Ready: { status: "True" } });
    await patchBackend("calculator");
    await installation.untilCondition(route, "Programmed", { status: "True" }, 20_000);
  }, 60_000);

  test("what only the operator can see appears as a condition on the right object: a namespace that grants nothing", async () => {
    await installation.kubectl("label", "namespace", namespaces.dmz, "sallyport.dev/tunnels-from-");
    const wanted = { status: "False", reason: "NamespaceNotAllowed" } as const;
    const { message } = await installation.untilCondition(tunnel, "Accepted", wanted, 20_000);
    expect(message).toContain("sallyport.dev/tunnels-from");
    await until("the routers are gone", async () => expect(await left("deployments")).toEqual([]));
    await installation.kubectl(
      "label",
      "namespace",
      namespaces.dmz,
      `sallyport.dev/tunnels-from=${namespaces.tunnels}`,
    );
    await installation.untilCondition(tunnel, "Ready", { status: "True" });
  }, 120_000);

  test("helm uninstall with a tunnel still there: tunnels, routes and routers stay, calls go on, and a new install takes them over", async () => {
    await installation.uninstall();
    expect(await installation.add()).toMatchObject({ status: 200 });
    await installation.install();
    await installation.untilCondition(tunnel, "Ready", { status: "True" });
    expect(await installation.add()).toMatchObject({ status: 200 });
  }, 300_000);

  test("helm uninstall: nothing stuck, nothing left", async () => {
    const all = ["--all", "--all-namespaces", "--timeout=60s"];
    await installation.kubectl("delete", "reversetunnels,tunnelroutes", ...all);
    await until("pods have ended", async () => expect(await left(ours)).toEqual([]), { limitMs: 60_000 });
    await installation.uninstall();
    const definitions = ["customresourcedefinitions", "reversetunnels.sallyport.dev", "tunnelroutes.sallyport.dev"];
    await installation.kubectl("get", ...definitions);
    await installation.kubectl("delete", ...definitions, "--timeout=60s");
    await until("nothing is left", async () => expect(await everything()).toEqual([]));
  }, 240_000);

  async function patchBackend(name: string): Promise<void> {
    const patch = JSON.stringify({ spec: { backendRefs: [{ name, port: 80 }] } });
    await installation.kubectl(
      ...["patch", route[0], route[1], `--namespace=${route[2]}`, "--type=merge", `--patch=${patch}`],
    );
  }

  /** What the operator has made and is still there. */
  async function left(kinds: string): Promise<string[]> {
    const selector = "--selector=app.kubernetes.io/managed-by=sallyport-operator";
    return lines(await installation.kubectl("get", kinds, "--all-namespaces", selector, "--output=name"));
  }

  /** Objects of every kind that there is, in any namespace or none, whose name or labels tell of Sallyport. */
  async function everything(): Promise<string[]> {
    const kinds = lines(await installation.kubectl("api-resources", "--verbs=list", "--output=name"));
    const kept = kinds.filter((kind) => !/^(events|namespaces|componentstatuses)(\.|$)/.test(kind));
    const format = "--output=custom-columns=kind:.kind,name:.metadata.name,labels:.metadata.labels";
    const found = await installation.kubectl("get", kept.join(","), "--all-namespaces", "--no-headers", format);
    return lines(found).filter((line) => /sallyport|\bsp-/.test(line));
  }
});

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
