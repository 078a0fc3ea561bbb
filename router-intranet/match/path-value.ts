import type { RouteMatch } from "@sallyport/proto/resource";
import { hasDotSegments } from "./target.ts";

/** A PathPrefix without slashes at its end, which mean nothing: "/foo/" is "/foo", "/" is "". */
export function pathPrefixOf(value: string): string {
  let end = value.length;
  while (end > 0 && value.charCodeAt(end - 1) === slash) end -= 1;
  return value.slice(0, end);
}

/** Why no path could ever fit, for people; `undefined` when one can. */
export function pathProblem(path: NonNullable<RouteMatch["path"]>): string | undefined {
  if (path.type === "RegularExpression") return undefined;
  if (/[?#]/.test(path.value)) return "holds a '?' or '#', which no path has; match the query with queryParams";
  if (hasDotSegments(path.value)) return "has a segment '.' or '..', which never fits; write the path it stands for";
  return undefined;
}

const slash = 0x2f;
