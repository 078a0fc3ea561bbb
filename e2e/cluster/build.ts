// node e2e/cluster/build.ts: builds the programs of a cluster where the cache has not got them, which takes 10 to 15 minutes.
import { binariesFolder } from "./binaries.ts";

process.stdout.write(`${await binariesFolder()}\n`);
