import { execFileSync } from "node:child_process";
import type { BundledPackage } from "./bundle-notices.ts";

/** The bill of materials of a bundle: npm's own, CycloneDX, without what is not in the bundle. */

interface Component {
  readonly "bom-ref": string;
  readonly properties?: readonly { readonly name: string }[];
  readonly [key: string]: unknown;
}

interface Bill {
  readonly $schema: string;
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly lifecycles: unknown; readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** JSON; the same packages make the same text. */
export function billOfMaterials(root: string, name: string, packages: readonly BundledPackage[]): string {
  const all = npmBill(root);
  const isIn = new Set(packages.map(({ name, version }) => `${name}@${version}`));
  const components = all.components.filter(({ "bom-ref": ref }) => isIn.has(ref)).map(stripped);
  const missing = [...isIn].filter((ref) => !components.some(({ "bom-ref": each }) => each === ref));
  if (missing.length > 0) throw new Error(`npm sbom does not know ${missing.join(", ")}; run npm ci`);
  const self = {
    ...all.metadata.component,
    "bom-ref": `sallyport-${name}`,
    type: "application",
    name: `sallyport-${name}`,
  };
  const { purl: _notPublished, properties: _ofNpm, ...component } = self as Component;
  const dependencies = all.dependencies
    .filter(({ ref }) => isIn.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((each) => isIn.has(each)) }));
  const bill = {
    $schema: all.$schema,
    bomFormat: all.bomFormat,
    specVersion: all.specVersion,
    version: 1,
    metadata: { lifecycles: all.metadata.lifecycles, component },
    components,
    dependencies: [{ ref: component["bom-ref"], dependsOn: [...isIn] }, ...dependencies],
  };
  return `${JSON.stringify(bill, null, 2)}\n`;
}

function npmBill(root: string): Bill {
  const { npm_execpath: cli, npm_node_execpath: node = process.execPath } = process.env;
  const args = ["sbom", "--sbom-format=cyclonedx"];
  const isNpm = cli !== undefined && /npm-cli\.c?js$/.test(cli);
  const [command, all] = isNpm ? [node, [cli, ...args]] : ["npm", args];
  const text = execFileSync(command, all, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(text) as Bill;
}

/** Where a package was downloaded from depends on the machine. */
function stripped({ externalReferences: _ofRegistry, ...component }: Component): Component {
  const properties = (component.properties ?? []).filter(({ name }) => name !== "cdx:npm:package:path");
  return { ...component, properties };
}
