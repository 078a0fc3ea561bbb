import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeIdentities } from "../identity-files.ts";

/** For tests: a folder with everything two routers need, as `sallyport identity` and a person would leave it. */
export interface RouterFiles {
  readonly folder: string;
  path(name: string): string;
  write(name: string, text: string): Promise<void>;
  chmod(name: string, mode: number): Promise<void>;
  remove(): Promise<void>;
}

export const routerFilesTunnel = "default/partners";

/** Ports are any free ones but for R2's R1, which is not there. */
export const dmzYaml = `tunnel: ${routerFilesTunnel}
identity: { certificateChainFile: r1/certificate.pem, privateKeyFile: r1/private-key.pem, trustedCasFile: r1/trusted-cas.pem }
listeners: [{ name: http, protocol: HTTP, address: 127.0.0.1, port: 0 }]
tunnelEndpoint: { address: 127.0.0.1, port: 0 }
health: { address: 127.0.0.1, port: 0 }
admin: { address: 127.0.0.1, port: 0 }
`;
export const intranetYaml = `tunnel: ${routerFilesTunnel}
identity: { certificateChainFile: r2/certificate.pem, privateKeyFile: r2/private-key.pem, trustedCasFile: r2/trusted-cas.pem }
dmz: [{ name: r1, address: 127.0.0.1, port: 9 }]
routeFiles: [routes.yaml]
admin: { address: 127.0.0.1, port: 0 }
`;

export function routeYaml(name: string, parent = "partners"): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: ${name} }
spec: { parentRefs: [{ name: ${parent} }], backendRefs: [{ url: "http://127.0.0.1:9000" }] }
`;
}

export async function createRouterFiles(now = new Date()): Promise<RouterFiles> {
  const folder = await mkdtemp(join(tmpdir(), "sallyport-routers-"));
  const options = { out: folder, tunnel: routerFilesTunnel, trustDomain: undefined, days: 365, verbose: false };
  await makeIdentities({ ...options, renew: false, force: false }, now);
  const files: RouterFiles = {
    folder,
    path: (name) => join(folder, name),
    write: (name, text) => writeFile(join(folder, name), text),
    chmod: (name, mode) => chmod(join(folder, name), mode),
    remove: () => rm(folder, { recursive: true }),
  };
  await files.write("r1.yaml", dmzYaml);
  await files.write("r2.yaml", intranetYaml);
  await files.write("routes.yaml", routeYaml("all"));
  return files;
}
