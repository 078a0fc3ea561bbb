import { fileURLToPath } from "node:url";
import { loadSync, type Options, type PackageDefinition } from "@grpc/proto-loader";

/** The messages of the .proto files, by full name. A bundle has them in itself: scripts/bundle-plugins.ts. */

const options: Options = { longs: Number, defaults: true, arrays: true, oneofs: true };

// Loaded at import: an installation without its .proto files is noticed at the start and not at the first connection.
export const definitions: PackageDefinition = {
  ...loadSync(fileOf("tunnel.proto"), options),
  ...loadSync(fileOf("admin.proto"), options),
};

function fileOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
