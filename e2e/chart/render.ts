import { fileURLToPath } from "node:url";
import { run } from "../cluster/program.ts";
import { program } from "./programs.ts";

export const chartFolder = fileURLToPath(new URL("../../charts/sallyport", import.meta.url));

export type Values = Readonly<Record<string, unknown>>;

/** What `helm template` makes of the chart with these values, as a release of that name. Throws what Helm says. */
export async function render(values: Values, release = "sallyport"): Promise<string> {
  const args = ["template", release, chartFolder, "--namespace", "sallyport-system", "--values", "-"];
  return run(await program("helm"), args, { input: JSON.stringify(values) });
}
