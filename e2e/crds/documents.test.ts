import { parseDocuments } from "@sallyport/proto/documents";
import { type Document, refusedDocuments, takenDocuments } from "@sallyport/proto/testing/document-cases";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ControlPlane, controlPlane } from "../cluster/control-plane.ts";
import type { KubernetesObject } from "../cluster/kubectl.ts";
import { ProgramError } from "../cluster/program.ts";
import { definitionsFolder } from "./definitions-folder.ts";

/** The API server and the parser of documents must agree: proto/document-cases.test.ts is the parser's half. */

let cluster: ControlPlane;
beforeAll(async () => {
  cluster = await controlPlane({ definitions: [definitionsFolder] });
});
afterAll(() => cluster?.stop());

/** What the server makes of a document; it keeps nothing. Throws with what it says when it refuses it. */
async function create(document: Document): Promise<KubernetesObject> {
  const args = ["create", "--dry-run=server", "--output=json", "--filename=-"];
  return JSON.parse(await cluster.kubectl.run(args, { input: JSON.stringify(document) })) as KubernetesObject;
}

describe("the API server takes, and fills in as the parser does,", () => {
  test.each(Object.entries(takenDocuments))("%s", async (_, document) => {
    const { tunnels, routes } = parseDocuments(JSON.stringify(document), "f.yaml");
    expect((await create(document)).spec).toEqual([...tunnels, ...routes][0]!.spec);
  });
});

describe("the API server refuses, and says how to mend it,", () => {
  test.each(Object.entries(refusedDocuments))("%s", async (_, { document, mend }) => {
    const refusal = await create(document).then(
      () => "taken",
      (error: unknown) => (error instanceof ProgramError ? error.said : String(error)),
    );
    expect(refusal).toContain(mend);
  });
});
