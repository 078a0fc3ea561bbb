import { runRouter } from "@sallyport/tunnel/process";
import { startDmzRouter } from "./router.ts";

runRouter(startDmzRouter);
