import type { NbfxCursor } from "./nbfx-cursor.ts";

/**
 * A text record's value ([MC-NBFX], 2.2.3) as it would stand in XML. `undefined`: of a kind whose text the router does not make
 * (floating-point and decimal numbers, times), which is skipped. `type` without its last bit, which says that the element
 * ends.
 */
export function readText(cursor: NbfxCursor, type: number): string | undefined {
  const fixed = constants.get(type);
  if (fixed !== undefined) return fixed;
  const width = skippedBytes.get(type);
  if (width !== undefined) {
    cursor.take(width);
    return undefined;
  }
  return type === startList ? readList(cursor) : readValue(cursor, type);
}

/** Whether a record of this type, without its last bit, is a text. */
export function isTextType(type: number): boolean {
  return type >= 0x80 && type <= 0xbc && type !== endList;
}

/** Bytes of each value in an array record of that type; `undefined`: none such ([MC-NBFX], 2.2.3.32). */
export const arrayWidths: ReadonlyMap<number, number> = new Map([
  ...([
    [0xb5, 1],
    [0x8b, 2],
    [0x8d, 4],
    [0x8f, 8],
    [0x91, 4],
    [0x93, 8],
    [0x95, 16],
    [0x97, 8],
    [0xaf, 8],
    [0xb1, 16],
  ] as const),
]);

function readValue(cursor: NbfxCursor, type: number): string | undefined {
  switch (type) {
    case 0x88:
      return String(whole(cursor, 1));
    case 0x8a:
      return String(whole(cursor, 2));
    case 0x8c:
      return String(whole(cursor, 4));
    case 0x8e:
      return String(wide(cursor, true));
    case 0xb2:
      return String(wide(cursor, false));
    case 0x98:
      return cursor.take(cursor.length(1)).toString("utf8");
    case 0x9a:
      return cursor.take(cursor.length(2)).toString("utf8");
    case 0x9c:
      return cursor.take(cursor.length(4)).toString("utf8");
    case 0x9e:
      return cursor.take(cursor.length(1)).toString("base64");
    case 0xa0:
      return cursor.take(cursor.length(2)).toString("base64");
    case 0xa2:
      return cursor.take(cursor.length(4)).toString("base64");
    case 0xaa:
      return cursor.dictionaryString();
    case 0xac:
      return `urn:uuid:${uuid(cursor)}`;
    case 0xb0:
      return uuid(cursor);
    case 0xb4:
      return cursor.byte() === 0 ? "false" : "true";
    case 0xb6:
      return utf16(cursor, cursor.length(1));
    case 0xb8:
      return utf16(cursor, cursor.length(2));
    case 0xba:
      return utf16(cursor, cursor.length(4));
    case 0xbc:
      return `${String.fromCharCode(0x61 + prefixIndex(cursor))}:${cursor.dictionaryString()}`;
    default:
      cursor.fail(`has a record of type ${type} where a text belongs`);
      return undefined;
  }
}

/** [MC-NBFX], 2.2.3.19: texts, none of them a list, up to the end of the list; in XML, with spaces between them. WCF writes them in attributes only. */
/** Texts in a list: an action or a name has a few. */
const itemsMax = 64;

function readList(cursor: NbfxCursor): string | undefined {
  const items: (string | undefined)[] = [];
  while (!cursor.short && cursor.problem === undefined) {
    // What is not whole is read again from its start.
    if (items.length === itemsMax) cursor.fail(`has a list of over ${itemsMax} texts`);
    const type = cursor.byte();
    if (type === endList) return items.includes(undefined) ? undefined : items.join(" ");
    if (type === startList || type % 2 === 1) cursor.fail(`has a record of type ${type} in a list`);
    else items.push(readText(cursor, type));
  }
  return undefined;
}

function whole(cursor: NbfxCursor, width: 1 | 2 | 4): number {
  const bytes = cursor.take(width);
  return cursor.short ? 0 : bytes.readIntLE(0, width);
}

function wide(cursor: NbfxCursor, signed: boolean): bigint {
  const bytes = cursor.take(8);
  if (cursor.short) return 0n;
  return signed ? bytes.readBigInt64LE() : bytes.readBigUInt64LE();
}

/** Its first three fields are little-endian. */
function uuid(cursor: NbfxCursor): string {
  const bytes = cursor.take(16);
  if (cursor.short) return "";
  const hex = (at: readonly number[]) => at.map((index) => bytes[index]!.toString(16).padStart(2, "0")).join("");
  return [
    [3, 2, 1, 0],
    [5, 4],
    [7, 6],
    [8, 9],
    [10, 11, 12, 13, 14, 15],
  ]
    .map(hex)
    .join("-");
}

function utf16(cursor: NbfxCursor, length: number): string {
  if (length % 2 === 1) cursor.fail("has half a character of UTF-16");
  return cursor.take(length).toString("utf16le");
}

function prefixIndex(cursor: NbfxCursor): number {
  const index = cursor.byte();
  if (index > 25) cursor.fail(`has the prefix number ${index}, over 25`);
  return index;
}

const startList = 0xa4;
const endList = 0xa6;
const constants = new Map([
  [0x80, "0"],
  [0x82, "1"],
  [0x84, "false"],
  [0x86, "true"],
  [0xa8, ""],
]);
/** Single, double, decimal, date and time, time span. */
const skippedBytes = new Map([
  [0x90, 4],
  [0x92, 8],
  [0x94, 16],
  [0x96, 8],
  [0xae, 8],
]);
