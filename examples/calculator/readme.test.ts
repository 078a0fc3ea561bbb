import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Calculator, startCalculator } from "./server.ts";
import { call } from "./test-client.ts";

/** Each curl line of the README is sent as curl would send it, and must get the answer that stands below it. */

let calculator: Calculator;
beforeAll(async () => {
  calculator = await startCalculator();
});
afterAll(() => calculator.close());

const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
const blocks = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text]) => ({
  language,
  text: text!,
}));
const documented = blocks.flatMap((block, index) => {
  const isCall = block.language === "sh" && block.text.startsWith("curl ");
  return isCall ? [{ command: block.text, answer: blocks[index + 1]?.text ?? "" }] : [];
});

describe("README", () => {
  test("documents calls in REST, SOAP 1.1 and SOAP 1.2", () => {
    expect(documented).toHaveLength(7);
  });

  test.each(documented)("$command", async ({ command, answer }) => {
    expect(await curl(command)).toBe(answer.trimEnd());
  });
});

describe("the page at GET /calculator", () => {
  test("has curl lines that work, for REST, SOAP 1.1 and SOAP 1.2", async () => {
    const page = await call(calculator.port, { path: "/calculator", headers: { host: "localhost:8080" } });
    const commands = [...page.body.matchAll(/^ {2}(curl (?:.*\\\n)*.*)$/gm)].map((match) => match[1]!);
    expect(await Promise.all(commands.map(curl))).toEqual([
      '{"result":5}',
      expect.stringMatching(/soap\/envelope.*<AddResult>5<\/AddResult>/),
      expect.stringMatching(/soap-envelope.*<AddResult>5<\/AddResult>/),
    ]);
  });
});

/** What `curl` prints, without the last line ends. Knows the few options that the README uses. */
async function curl(command: string): Promise<string> {
  const [program, ...words] = splitWords(command);
  expect(program).toBe("curl");
  const headers: Record<string, string> = {};
  let url = "";
  let body: string | undefined;
  let format = "";
  while (words.length > 0) {
    const word = words.shift()!;
    if (word === "-H") {
      const [name = "", ...value] = words.shift()!.split(": ");
      headers[name] = value.join(": ");
    } else if (word === "-d") body = words.shift()!;
    else if (word === "-w") format = words.shift()!;
    else if (word.startsWith("http://localhost:8080/")) url = word;
    else throw new Error(`the README uses curl with "${word}", which this test does not know`);
  }
  const { pathname, search } = new URL(url);
  const method = body === undefined ? "GET" : "POST";
  const reply = await call(calculator.port, {
    method,
    path: pathname + search,
    headers,
    ...(body !== undefined && { body }),
  });
  const values: Record<string, string> = { http_code: String(reply.status), content_type: reply.type ?? "" };
  const tail = format.replaceAll("\\n", "\n").replace(/%\{(\w+)\}/g, (_, name: string) => values[name] ?? name);
  return (reply.body + tail).trimEnd();
}

/** As a shell splits them, for single quotes and lines continued by a backslash. */
function splitWords(command: string): string[] {
  const words = command.replaceAll("\\\n", " ").match(/(?:'[^']*'|[^\s'])+/g) ?? [];
  return words.map((word) => word.replaceAll("'", ""));
}
