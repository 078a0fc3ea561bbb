import { fileURLToPath } from "node:url";

/** Where tunnel.proto lies: beside this module, or beside the bundle that holds it. */
export const tunnelProtoFile = fileURLToPath(new URL("./tunnel.proto", import.meta.url));
