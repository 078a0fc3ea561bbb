import { createPrivateKey } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KubernetesObject } from "../cluster/kubectl.ts";
import { documentsOf } from "./documents.ts";
import { Installation, namespaces } from "./installation.ts";

describe("the CA's private key is never on the DMZ side", () => {
  let installation: Installation;
  let keys: readonly string[];

  beforeAll(async () => {
    installation = await Installation.prepare();
    await installation.install();
    await installation.cluster.kubectl.run(["apply", "--filename=-"], { input: documentsOf("kubernetes.md") });
    await installation.cluster.kubectl.wait("Ready", "reversetunnel/partners", namespaces.tunnels, 120);
    keys = formsOf(await caKey());
  }, 600_000);
  afterAll(() => installation?.[Symbol.asyncDispose]());

  test("the search finds it where it is: in the intranet's Secret", async () => {
    expect(isFoundIn(await textOf("secrets", namespaces.apps), keys)).toBe(true);
  });

  test("no object in the DMZ's namespace has it", async () => {
    const kinds = await installation.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name");
    const listed = kinds.split("\n").filter((kind) => !kind.startsWith("events"));
    expect(listed).toContain("secrets");
    const found: string[] = [];
    for (const kind of listed) if (isFoundIn(await textOf(kind, namespaces.dmz), keys)) found.push(kind);
    expect(found).toEqual([]);
  }, 120_000);

  test("no file and no variable of R1's containers has it", async () => {
    const { items } = await installation.list("pods", namespaces.dmz, "sallyport.dev/pair");
    expect(items).toHaveLength(2);
    for (const { metadata } of items) {
      const seen = JSON.parse(await inPod(metadata.name, searching(keys))) as Seen;
      expect(seen.found).toEqual([]);
      // It has looked where R1's own key is.
      expect(seen.keys).toContainEqual(expect.stringMatching(/^\/etc\/sallyport\/identity\/.*tls\.key$/));
    }
  }, 120_000);

  test("R1's pods have no token of the cluster, and their namespace holds them to Pod Security restricted", async () => {
    const { items } = await installation.list("pods", namespaces.dmz, "sallyport.dev/pair");
    for (const { spec } of items) expect(JSON.stringify(spec)).not.toMatch(/serviceAccountToken|hostPath/);
    for (const name of [namespaces.system, namespaces.dmz, namespaces.apps]) {
      const { metadata } = await installation.cluster.kubectl.get("namespace", name);
      expect(metadata.labels).toMatchObject({ "pod-security.kubernetes.io/enforce": "restricted" });
    }
    const lax = ["run", "lax", `--image=${installation.images.runtime}`, `--namespace=${namespaces.dmz}`];
    await expect(installation.kubectl(...lax)).rejects.toThrow(/violates PodSecurity "restricted/);
  });

  async function caKey(): Promise<string> {
    const { items } = await installation.list("secrets", namespaces.apps, "sallyport.dev/tunnel");
    const ca = items.find(({ metadata }) => metadata.name.endsWith("-ca")) as
      | (KubernetesObject & { readonly data: Readonly<Record<string, string>> })
      | undefined;
    return Buffer.from(ca?.data["tls.key"] ?? "", "base64").toString();
  }

  /** All objects of a kind, and what their fields in base64 say. */
  async function textOf(kind: string, namespace: string): Promise<string> {
    const text = await installation.kubectl("get", kind, `--namespace=${namespace}`, "--output=json");
    const decoded = [...text.matchAll(/"([A-Za-z0-9+/]{40,}={0,2})"/g)].map(([, found = ""]) =>
      Buffer.from(found, "base64").toString("latin1"),
    );
    return [text, ...decoded].join("\n");
  }

  function inPod(name: string, program: string): Promise<string> {
    const node = ["/usr/local/bin/node", "--input-type=module", "--eval", program];
    return installation.kubectl("exec", `--namespace=${namespaces.dmz}`, name, "--", ...node);
  }
});

interface Seen {
  readonly found: readonly string[];
  /** Files that have a private key of any kind in them. */
  readonly keys: readonly string[];
}

/** The number that is the key, as files may have it: in hexadecimal, and inside of every usual PEM and its base64. */
function formsOf(pem: string): readonly string[] {
  const key = createPrivateKey(pem);
  const secret = Buffer.from(String(key.export({ format: "jwk" }).d), "base64url");
  const [, longest = ""] = /([A-Za-z0-9+/]{64})/.exec(pem.replace(/-----[^-]+-----/g, "").slice(64)) ?? [];
  const forms = [secret.toString("hex"), secret.toString("base64url"), secret.toString("latin1"), longest];
  for (const shift of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(shift), secret]).toString("base64");
    forms.push(text.slice(4, 40));
  }
  return forms.filter((form) => form.length >= 32);
}

function isFoundIn(text: string, keys: readonly string[]): boolean {
  const plain = text.replaceAll(/\\n|\s/g, "");
  return keys.some((key) => text.includes(key) || plain.includes(key));
}

/** A program that looks through all files it can read but the kernel's, and through its environment. */
function searching(keys: readonly string[]): string {
  return `
    import { readdirSync, readFileSync, statSync } from "node:fs";
    import { join } from "node:path";
    const keys = ${JSON.stringify(keys)};
    const [found, withKeys] = [[], []];
    const look = (where, text) => {
      const plain = text.replaceAll(/\\s/g, "");
      if (keys.some((key) => text.includes(key) || plain.includes(key))) found.push(where);
      if (text.includes("PRIVATE KEY-----\\n") && where.startsWith("/etc/")) withKeys.push(where);
    };
    const walk = (folder) => {
      let names = [];
      try { names = readdirSync(folder, { withFileTypes: true }); } catch { return; }
      for (const name of names) {
        const path = join(folder, name.name);
        if (["/proc", "/sys", "/dev"].includes(path)) continue;
        if (name.isDirectory()) walk(path);
        else if (name.isFile() && statSync(path).size < 64 * 1024 * 1024) {
          try { look(path, readFileSync(path, "latin1")); } catch {}
        }
      }
    };
    walk("/");
    look("/proc/1/environ", readFileSync("/proc/1/environ", "latin1"));
    console.log(JSON.stringify({ found, keys: withKeys }));`;
}
