import { Readable } from "node:stream";
import { DocumentError } from "@sallyport/proto/document-error";
import { type Documents, parseDocumentFiles, parseDocuments } from "@sallyport/proto/documents";
import { apiVersion } from "@sallyport/proto/resource";
import { CliError, exitCodes } from "./cli-error.ts";
import type { DevOptions } from "./dev-options.ts";
import { readDocumentFiles, standardInput } from "./document-files.ts";
import { type FileReader, readBounded } from "./file-reader.ts";
import { type Sample, sampleDocuments } from "./sample.ts";
import { planTunnels, type TunnelPlan } from "./tunnel-plan.ts";

/** Reads what a run is to do, now or once more. Throws DocumentError and CliError. */
export type ReadPlans = (reader: FileReader) => Promise<TunnelPlan[]>;

/** Of the options' files, of `--to`, or of the sample. Standard input is read once; its documents stay. */
export async function planReader(options: DevOptions, sample: Sample, stdin: Readable): Promise<ReadPlans> {
  const { files, to, pairs, healthPort } = options;
  const input = files.includes(standardInput) ? await readBounded(stdin) : Buffer.alloc(0);
  const read = async (reader: FileReader): Promise<Documents> => {
    if (to !== undefined) return documentsTo(to, healthPort);
    if (files.length === 0) return sampleDocuments(sample);
    return parseDocumentFiles(await readDocumentFiles(files, Readable.from([input]), reader));
  };
  return async (reader) => planTunnels(await read(reader), { pairs, healthPort });
}

/** A tunnel with one pair, and a route that takes everything. */
function documentsTo({ url, port }: { readonly url: string; readonly port: number }, healthPort: number): Documents {
  if (port === healthPort) {
    throw new CliError(
      exitCodes.usage,
      `--listen: ${port} is the health port; give that one another with --health-port`,
    );
  }
  const tunnel = {
    ...{ apiVersion, kind: "ReverseTunnel", metadata: { name: "dev" } },
    spec: { pairs: 1, dmz: { listeners: [{ name: "http", protocol: "HTTP", port }] } },
  };
  const route = {
    ...{ apiVersion, kind: "TunnelRoute", metadata: { name: "everything" } },
    spec: { parentRefs: [{ name: "dev" }], backendRefs: [{ url }] },
  };
  try {
    return parseDocuments([tunnel, route].map((document) => JSON.stringify(document)).join("\n---\n"), "--to");
  } catch (error) {
    // Only the URL can be wrong, and it stands on no line of a file.
    if (!(error instanceof DocumentError)) throw error;
    throw new CliError(exitCodes.usage, error.problems.map(({ message }) => `--to: ${message}`).join("\n"));
  }
}
