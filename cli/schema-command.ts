import { Command } from "commander";
import { exitCodeText } from "./exit-code-text.ts";

export function schemaCommand(print: (kind: string | undefined) => Promise<void>): Command {
  return new Command("schema")
    .description("print the JSON Schema of a kind of document or of a router's configuration file")
    .usage("[KIND]")
    .argument("[kind]", "ReverseTunnel, TunnelRoute, DmzConfig or IntranetConfig; left out: all of them by name")
    .helpOption("-h, --help", "show this help")
    .allowExcessArguments(false)
    .addHelpText("after", `\n${examples}\n${exitCodes}`)
    .action((kind: string | undefined) => print(kind));
}

const examples = `Examples:
  sallyport schema                                            all, by name
  sallyport schema TunnelRoute > tunnel-route.schema.json     one, for an editor
`;

const exitCodes = exitCodeText({ fine: "printed", usage: "there is no such kind" });
