import { runRouter } from "@sallyport/tunnel/process";
import { startIntranetRouter } from "./router.ts";

runRouter(startIntranetRouter);
