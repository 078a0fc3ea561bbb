import { jsonSchemas } from "@sallyport/proto/json-schema";
import { CliError, exitCodes } from "./cli-error.ts";

/** Prints the JSON Schema of one kind, or of all by name. Answers the exit code. Throws CliError. */
export function printSchema(kind: string | undefined, out: (text: string) => void): number {
  const schemas: Readonly<Record<string, object>> = jsonSchemas();
  if (kind !== undefined && !Object.hasOwn(schemas, kind)) {
    throw new CliError(
      exitCodes.usage,
      `there is no schema ${JSON.stringify(kind)}; there are ${Object.keys(schemas).join(", ")}`,
    );
  }
  out(`${JSON.stringify(kind === undefined ? schemas : schemas[kind], null, 2)}\n`);
  return exitCodes.fine;
}
