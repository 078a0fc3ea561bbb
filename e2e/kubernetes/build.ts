// node e2e/kubernetes/build.ts: builds the programs of a cluster where the cache has not got them, as e2e/cluster/build.ts.
import "../cluster/build.ts";
