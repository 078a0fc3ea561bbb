import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { exitCodes } from "../cli/cli-error.ts";
import { type Actions, createProgram } from "../cli/program.ts";
import { jsonSchemas } from "../proto/json-schema.ts";

/** docs/cli.md is held against the program itself. */

const page = readFileSync(new URL("cli.md", import.meta.url), "utf8");
const unused = () => expect.unreachable();
const actions: Actions = { dev: unused, router: unused, identity: unused, check: unused, schema: unused };
const program = createProgram("0.0.0", { out: unused, err: unused }, actions, unused);

describe("docs/cli.md", () => {
  it("has every command, and no other", () => {
    const table = [...section("The command line").matchAll(/^\| \[([a-z0-9, ]+)\]\(#/gm)];
    const documented = table.flatMap(([, names = ""]) => names.split(", "));
    expect(documented).toStrictEqual(program.commands.map((command) => command.name()));
  });

  it.each(program.commands.map((command) => [command.name(), command] as const))(
    "has every option of %s, and no other",
    (name, command) => {
      const rows = [...section(name).matchAll(/^\| ((?:`-[^`]+`(?:, )?)+)/gm)];
      const documented = rows.map(([, cell = ""]) => /--[a-z-]+/.exec(cell)?.[0]);
      expect(documented).toStrictEqual(optionsOf(command));
    },
  );

  it.each(program.commands.map((command) => [command.name()]))("shows how to call %s", (name) => {
    expect(section(name)).toMatch(new RegExp(`^sallyport ${name}\\b`, "m"));
  });

  it("shows only options that the command has", () => {
    const calls = [...page.matchAll(/^sallyport (\w+)(.*)$/gm)];
    const wrong = calls.filter(([, name, rest = ""]) => {
      const command = program.commands.find((each) => each.name() === name);
      const flags = command?.options.flatMap(({ short, long }) => [short, long]) ?? [];
      return (rest.match(/(?<= )--?[a-z-]+/g) ?? []).some((flag) => !flags.includes(flag));
    });
    expect(wrong.map(([call]) => call)).toStrictEqual([]);
  });

  it("has the program's exit codes", () => {
    const codes = [...section("The command line").matchAll(/^\| ([0-9, ]+) +\|/gm)].flatMap(([, cell = ""]) =>
      cell.split(", ").map(Number),
    );
    expect(codes).toStrictEqual([...Object.values(exitCodes), 143]);
  });

  it("names every kind of schema", () => {
    for (const kind of Object.keys(jsonSchemas())) expect(section("schema")).toContain(`\`${kind}\``);
  });
});

function optionsOf(command: Command): (string | undefined)[] {
  return command.options.map(({ long }) => long ?? undefined);
}

/** What stands under the heading that names a command, up to the next one. */
function section(name: string): string {
  const parts = page.split(/^##? /m).slice(1);
  const found = parts.find((part) => part.split("\n", 1)[0]?.split(", ").includes(name));
  return found ?? expect.unreachable(`docs/cli.md has no section ${name}`);
}
