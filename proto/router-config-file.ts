import { z } from "zod";
import { DocumentError, type DocumentProblem, type Origin, problemAt } from "./document-error.ts";
import { fileBytesMax } from "./documents.ts";
import { refuse } from "./field.ts";
import { quoted } from "./printable.ts";
import { checkConfig, dmzFields, intranetFields, refuseSharedPorts, refuseSharedSockets } from "./router-config.ts";
import { readYaml, type TextDocument } from "./yaml-text.ts";

/**
 * A router's configuration as people write it in a file: as in router-config.ts, but that certificates, keys and routes
 * may stand in files of their own. Names of files are as they were written. Each function throws DocumentError, which
 * shows no value of `identity` and `tracing.otlp`.
 */

/** R1's configuration file, YAML or JSON. `source`: its name, for messages. */
export function parseDmzConfigFile(text: string, source: string): DmzConfigFile {
  return parseFile(dmzConfigFileSchema, text, source);
}

/** R2's configuration file, YAML or JSON. `source`: its name, for messages. */
export function parseIntranetConfigFile(text: string, source: string): IntranetConfigFile {
  return parseFile(intranetConfigFileSchema, text, source);
}

/** The most files of routes that one configuration names. */
export const routeFilesMax = 64;

const pem = z.string().min(1);
const fileName = z.string().min(1).max(4096);

const identityParts = ["certificateChain", "privateKey", "trustedCas"] as const;

/** Each part is PEM text, or the name of a file that holds it. */
const identityInFile = z
  .strictObject({
    certificateChain: pem.optional(),
    certificateChainFile: fileName.optional(),
    privateKey: pem.optional(),
    privateKeyFile: fileName.optional(),
    trustedCas: pem.optional(),
    trustedCasFile: fileName.optional(),
  })
  .superRefine((identity, context) => {
    for (const part of identityParts) {
      const file = `${part}File` as const;
      if (identity[part] === undefined && identity[file] === undefined) {
        refuse(context, [], `has no ${part}; give ${file}, or its PEM text as ${part}`);
      } else if (identity[part] !== undefined && identity[file] !== undefined) {
        refuse(context, [], `has both ${part} and ${file}; keep one`);
      }
    }
  });

export const dmzConfigFileSchema = z
  .strictObject({ ...dmzFields, identity: identityInFile })
  .superRefine(refuseSharedSockets);

export const intranetConfigFileSchema = z
  .strictObject({
    ...intranetFields,
    identity: identityInFile,
    routes: intranetFields.routes.optional(),
    /** TunnelRoute documents; ReverseTunnels among them are left alone. */
    routeFiles: z.array(fileName).max(routeFilesMax).optional(),
    /** A folder with manifest.json and shards of routes, as the operator writes them. */
    routeShards: fileName.optional(),
  })
  .superRefine(refuseSharedPorts)
  .superRefine(({ routes, routeFiles, routeShards }, context) => {
    if (routes === undefined && routeFiles === undefined && routeShards === undefined) {
      refuse(context, ["routeFiles"], "is missing; give the files of your TunnelRoute documents, or routes");
    }
  });

export type DmzConfigFile = z.output<typeof dmzConfigFileSchema>;
export type IntranetConfigFile = z.output<typeof intranetConfigFileSchema>;
export type IdentityInFile = z.output<typeof identityInFile>;

function parseFile<Schema extends z.ZodType>(schema: Schema, text: string, source: string): z.output<Schema> {
  const document = onlyDocument(text, source);
  const { value, line, lineOf } = document;
  const origin: Origin = { source, line, document: "", lineOf };
  const foreign = foreignKind(value);
  if (foreign !== undefined) throw new DocumentError([problemAt(origin, ["kind"], foreign)]);
  const checked = checkConfig(schema, value);
  if (checked.t === "ok") return checked.value;
  throw new DocumentError(checked.problems.map(({ path, message }) => problemAt(origin, path, message)));
}

function onlyDocument(text: string, source: string): TextDocument {
  if (text.length > fileBytesMax || Buffer.byteLength(text) > fileBytesMax) {
    throw new DocumentError([problem(source, 0, `is longer than ${fileBytesMax} bytes; no configuration is`)]);
  }
  const [document, second] = readYaml(text);
  if (document === undefined) throw new DocumentError([problem(source, 0, "holds no configuration")]);
  if (document.faults.length > 0) {
    const faults = document.faults.map(({ line, column, message }) => ({ ...problem(source, line, message), column }));
    throw new DocumentError(faults);
  }
  if (second === undefined) return document;
  throw new DocumentError([problem(source, second.line, "is a second document; a configuration is one, without ---")]);
}

/** The other thing that one may take for a configuration. */
function foreignKind(value: unknown): string | undefined {
  const kind = (value as { readonly kind?: unknown } | null | undefined)?.kind;
  if (typeof kind !== "string") return undefined;
  return `${quoted(kind)} is a document's kind, and this is a router's configuration: name documents in its routeFiles`;
}

function problem(source: string, line: number, message: string): DocumentProblem {
  return { source, line, column: 0, document: "", path: "", message };
}
