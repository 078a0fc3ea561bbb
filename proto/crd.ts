import type { z } from "zod";
import { apiVersion, type Kind, kinds } from "./resource.ts";
import { reverseTunnelStatusSchema, tunnelRouteStatusSchema } from "./resource-status.ts";
import { structural } from "./structural-schema.ts";

/** The CustomResourceDefinitions, made of the very schemas that documents are read with. */

const [group, version] = apiVersion.split("/") as [string, string];

export interface CustomResourceDefinition {
  readonly apiVersion: "apiextensions.k8s.io/v1";
  readonly kind: "CustomResourceDefinition";
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly jsonPath: string;
  readonly description: string;
  /** 1: only with -o wide. */
  readonly priority?: 1;
}

interface Definition {
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
  readonly status: z.ZodType;
  readonly subresources: object;
  readonly columns: readonly Column[];
}

/** One of each kind, in the order of `kinds`. Every time the same. */
export function customResourceDefinitions(): CustomResourceDefinition[] {
  return (Object.keys(kinds) as Kind[]).map((kind) => definitionOf(kind, definitions[kind]));
}

function definitionOf(kind: Kind, definition: Definition): CustomResourceDefinition {
  const { plural, singular, shortName, subresources, columns } = definition;
  const versionOf = {
    name: version,
    served: true,
    storage: true,
    schema: { openAPIV3Schema: schemaOf(kind, definition.status) },
    subresources,
    additionalPrinterColumns: columns,
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [shortName], categories: ["sallyport"] },
      scope: "Namespaced",
      versions: [versionOf],
    },
  };
}

function schemaOf(kind: Kind, status: z.ZodType): object {
  const whole = structural(kinds[kind]);
  const properties = {
    apiVersion: { description: `The API's version: ${apiVersion}.`, type: "string" },
    kind: { description: `The object's kind: ${kind}.`, type: "string" },
    // The API server has its own schema of it.
    metadata: { type: "object" },
    spec: whole.properties!.spec,
    status: { description: "What there is, as the operator saw it last.", ...structural(status) },
  };
  return { ...whole, properties, required: ["spec"] };
}

const statusColumn: Column = {
  name: "Status",
  type: "string",
  jsonPath: ".status.status",
  description: "What matters most now.",
};
const ageColumn: Column = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  description: "Since when it is there.",
};
const messageOf = (type: string): Column => ({
  name: "Message",
  type: "string",
  jsonPath: `.status.conditions[?(@.type=="${type}")].message`,
  description: `What the condition ${type} says.`,
  priority: 1,
});

const definitions: Readonly<Record<Kind, Definition>> = {
  ReverseTunnel: {
    plural: "reversetunnels",
    singular: "reversetunnel",
    shortName: "rt",
    status: reverseTunnelStatusSchema,
    subresources: {
      status: {},
      scale: {
        specReplicasPath: ".spec.pairs",
        statusReplicasPath: ".status.pairs",
        labelSelectorPath: ".status.selector",
      },
    },
    columns: [
      statusColumn,
      { name: "Pairs", type: "integer", jsonPath: ".status.pairs", description: "Pairs of an R1 and an R2." },
      { name: "Ready", type: "integer", jsonPath: ".status.readyPairs", description: "Pairs that carry calls." },
      { name: "Links", type: "integer", jsonPath: ".status.links", description: "Links of all pairs." },
      { name: "Routes", type: "integer", jsonPath: ".status.routes", description: "Routes that are attached." },
      {
        name: "Address",
        type: "string",
        jsonPath: ".status.addresses[0].value",
        description: "Where clients call.",
      },
      ageColumn,
      {
        name: "Dmz",
        type: "string",
        jsonPath: ".spec.dmz.namespace",
        description: "R1's namespace; none: the tunnel's.",
        priority: 1,
      },
      {
        name: "Intranet",
        type: "string",
        jsonPath: ".spec.intranet.namespace",
        description: "R2's namespace; none: the tunnel's.",
        priority: 1,
      },
      {
        name: "Expires",
        type: "string",
        jsonPath: '.status.certificates[?(@.name=="dmz")].notAfter',
        description: "When R1's certificate expires.",
        priority: 1,
      },
      messageOf("Ready"),
    ],
  },
  TunnelRoute: {
    plural: "tunnelroutes",
    singular: "tunnelroute",
    shortName: "tr",
    status: tunnelRouteStatusSchema,
    subresources: { status: {} },
    columns: [
      statusColumn,
      {
        name: "Tunnel",
        type: "string",
        jsonPath: ".spec.parentRefs[*].name",
        description: "The tunnels whose calls it takes.",
      },
      {
        name: "Listener",
        type: "string",
        jsonPath: ".spec.parentRefs[*].sectionName",
        description: "Their listeners; none: every one.",
      },
      ageColumn,
      {
        name: "Service",
        type: "string",
        jsonPath: ".spec.backendRefs[*].name",
        description: "The Services that the calls go to.",
        priority: 1,
      },
      {
        name: "Url",
        type: "string",
        jsonPath: ".spec.backendRefs[*].url",
        description: "The addresses that the calls go to.",
        priority: 1,
      },
      messageOf("Accepted"),
    ],
  },
};
