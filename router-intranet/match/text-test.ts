import { compilePattern } from "./pattern.ts";

/** How a route describes a text: the shape of `soap.action`, of a header and of a query parameter. */
export interface TextMatch {
  readonly type: "Exact" | "Prefix" | "Contains" | "RegularExpression";
  readonly value: string;
}

export type TextTest =
  | { readonly t: "test"; readonly test: (came: string) => boolean }
  | { readonly t: "problem"; readonly message: string };

/** Case-sensitive. A regular expression is compiled here, once, and holds for the whole text. */
export function compileTextTest({ type, value }: TextMatch): TextTest {
  switch (type) {
    case "Exact":
      return { t: "test", test: (came) => came === value };
    case "Prefix":
      return { t: "test", test: (came) => came.startsWith(value) };
    case "Contains":
      return { t: "test", test: (came) => came.includes(value) };
    case "RegularExpression": {
      const pattern = compilePattern(value);
      return pattern.t === "problem" ? pattern : { t: "test", test: pattern.test };
    }
  }
}
