import { fileURLToPath } from "node:url";

/** What `kubectl apply --filename` takes. */
export const definitionsFolder = fileURLToPath(new URL("../../crds/", import.meta.url));
