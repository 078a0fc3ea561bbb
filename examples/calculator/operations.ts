import { Refusal } from "./refusal.ts";
import { shorten } from "./xml.ts";

/** The arithmetic, and what a number is: xs:int of XML Schema, for SOAP and REST alike. */

export const operations = ["Add", "Subtract", "Divide"] as const;
export type Operation = (typeof operations)[number];

/** The result, an xs:int. Throws a Refusal for a division by zero and for a result that no xs:int can hold. */
export function calculate(operation: Operation, a: number, b: number): number {
  const result = compute(operation, a, b);
  if (!isInt(result)) {
    throw new Refusal({ t: "client" }, `The result of ${operation}(${a}, ${b}) does not fit an xs:int (32 bits).`);
  }
  return result;
}

/** The xs:int that the text writes: an optional sign and decimal digits. Throws a Refusal that names the parameter. */
export function parseInt32(parameter: string, text: string): number {
  // XML Schema collapses white space; XML knows these four characters.
  const digits = text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
  const value = /^[+-]?[0-9]+$/.test(digits) ? Number(digits) : Number.NaN;
  if (isInt(value)) return value;
  const rule = "an integer from -2147483648 to 2147483647";
  throw new Refusal({ t: "client" }, `Parameter "${parameter}" is ${rule}, not "${shorten(text, 60)}".`);
}

function compute(operation: Operation, a: number, b: number): number {
  switch (operation) {
    case "Add":
      return a + b;
    case "Subtract":
      return a - b;
    case "Divide":
      if (b === 0) throw new Refusal({ t: "divide-by-zero", a, b }, `${a} cannot be divided by zero.`);
      // Towards zero, as C# and Java divide.
      return Math.trunc(a / b);
  }
}

function isInt(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;
}
