import { stringify } from "yaml";
import { customResourceDefinitions } from "./crd.ts";

/** The files of `crds/`: "sallyport.dev_reversetunnels.yaml" and so on. */
export function customResourceDefinitionFiles(): { readonly name: string; readonly text: string }[] {
  return customResourceDefinitions().map((definition) => {
    const [plural, ...group] = definition.metadata.name.split(".");
    const text = stringify(definition, { lineWidth: 120, aliasDuplicateObjects: false });
    return { name: `${group.join(".")}_${plural}.yaml`, text: `${heading}\n${text}` };
  });
}

const heading = '# Made by "npm run crds" from the schemas in proto/: change those.';
