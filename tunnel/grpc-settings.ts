/** The most one gRPC message may weigh: a batch or a management message, with room for a newer peer's fields. */
export const messageBytesMax = 1024 * 1024 + 64 * 1024;

/** HTTP/2 window of a connection and of its one stream. Credit per call governs, so this one must never be in the way. */
export const http2WindowBytes = 16 * 1024 * 1024;

export const asIs = (bytes: Buffer): Buffer => bytes;
