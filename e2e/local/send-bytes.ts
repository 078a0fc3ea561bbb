import type http from "node:http";

/** Answers with so many bytes, as fast as they are taken. */
export function sendBytes(response: http.ServerResponse, bytes: number): void {
  response.setHeader("Content-Length", bytes);
  const chunk = Buffer.alloc(64 * 1024, 7);
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const part = left >= chunk.length ? chunk : chunk.subarray(0, left);
      left -= part.length;
      if (!response.write(part)) return void response.once("drain", more);
    }
    response.end();
  };
  more();
}
