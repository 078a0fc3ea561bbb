const beyondAscii = /[\u0080-\uffff]/;

/**
 * The text of bytes that came as a latin1 string, read as UTF-8, as route documents are; what is not UTF-8 reads as
 * U+FFFD. For comparing only: what is passed on stays as it came.
 */
export function text(latin1: string): string {
  return beyondAscii.test(latin1) ? Buffer.from(latin1, "latin1").toString("utf8") : latin1;
}
