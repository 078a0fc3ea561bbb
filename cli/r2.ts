import { startIntranetRouter } from "@sallyport/router-intranet/router";
import { routerMain } from "./router-main.ts";

/** The program of R2's image. */
await routerMain("intranet", startIntranetRouter);
