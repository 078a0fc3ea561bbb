import { createRequire } from "node:module";
import { join } from "node:path";
import type { Plugin } from "esbuild";

/** What a bundle needs beside what esbuild does by itself. */

export function plugins(root: string): Plugin[] {
  return [embeddedMessages(root)];
}

/** proto/definitions.ts reads .proto files; a bundle has their content in it. */
function embeddedMessages(root: string): Plugin {
  return {
    name: "embedded-messages",
    setup(build) {
      build.onLoad({ filter: /[/\\]proto[/\\]definitions\.ts$/ }, ({ path }) => ({
        contents: definitionsModule(root),
        loader: "js",
        resolveDir: join(path, ".."),
        watchFiles: protoFiles(root),
      }));
    },
  };
}

/** The module that stands for proto/definitions.ts in a bundle. */
function definitionsModule(root: string): string {
  // Of proto-loader itself, so that both read alike.
  const ofLoader = createRequire(createRequire(join(root, "proto/package.json")).resolve("@grpc/proto-loader"));
  const { Root } = ofLoader("protobufjs") as typeof import("protobufjs");
  const messages = new Root().loadSync(protoFiles(root)).toJSON();
  return `import { fromJSON } from "@grpc/proto-loader";
export const definitions = fromJSON(${JSON.stringify(messages)}, { longs: Number, defaults: true, arrays: true, oneofs: true });
`;
}

function protoFiles(root: string): string[] {
  return ["tunnel.proto", "admin.proto"].map((name) => join(root, "proto", name));
}
