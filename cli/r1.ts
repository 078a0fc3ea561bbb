import { startDmzRouter } from "@sallyport/router-dmz/router";
import { routerMain } from "./router-main.ts";

/** The program of R1's image. */
await routerMain("dmz", startDmzRouter);
