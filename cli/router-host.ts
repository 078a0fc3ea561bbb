import type { Side } from "@sallyport/tunnel/identity";
import { createLog } from "@sallyport/tunnel/log";
import type { StartRouter } from "@sallyport/tunnel/process";
import { clock } from "./clock.ts";
import type { RouterHost } from "./router-run.ts";

/** What a router has of the process it runs in. From now on SIGHUP means to read the configuration again. */
export function routerHost(side: Side, start: StartRouter): RouterHost {
  let hangUp = (): void => {};
  // From the start: unheard the signal would end the process.
  process.on("SIGHUP", () => hangUp());
  return {
    ...{ start, clock, now: () => new Date() },
    log: (level) => createLog(side === "dmz" ? "r1" : "r2", level),
    onHangUp: (act) => {
      hangUp = act;
    },
  };
}
