#!/usr/bin/env node
// Writes crds/ and the tables of docs/resources.md anew from the schemas of proto/. Tests fail when they are not what
// this would write.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { customResourceDefinitionFiles } from "@sallyport/proto/crd-file";
import { withReference } from "@sallyport/proto/resource-page";

const folder = fileURLToPath(new URL("../crds/", import.meta.url));
mkdirSync(folder, { recursive: true });
for (const { name, text } of customResourceDefinitionFiles()) writeFileSync(folder + name, text);

const page = fileURLToPath(new URL("../docs/resources.md", import.meta.url));
writeFileSync(page, withReference(readFileSync(page, "utf8")));
