/** RFC 9110, 9.2.2. Methods count by case. */
const idempotentMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** A request of this method may be sent twice: its second arrival changes nothing more. */
export function isIdempotent(method: string): boolean {
  return idempotentMethods.has(method);
}
