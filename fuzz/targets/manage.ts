import { isDeepStrictEqual } from "node:util";
import { TunnelError } from "@sallyport/proto/error";
import {
  type DmzMessage,
  decodeDmz,
  decodeIntranet,
  encodeDmz,
  encodeIntranet,
  type IntranetMessage,
} from "@sallyport/proto/manage";
import { mutateFields } from "../protobuf-fields.ts";
import { expectError, type Target } from "../target.ts";

const limits = { callsPerLink: 8, initialWindowBytes: 65_536, windowMaxBytes: 2 ** 20, memoryBudgetBytes: 2 ** 33 };
const ids = { tunnel: "shop/calc", instanceId: "a", workerId: "0", software: "sallyport" };
const hello = { protocol: { major: 1, minor: 0 }, ...ids, limits };
const route = { namespace: "shop", name: "calc", hash: "sha256:1" };

/** What is read and written again reads the same, in both directions' messages. */
export const target: Target = {
  summary: "messages of the management connection, read and written again",
  seeds: [
    encodeIntranet({ t: "hello", hello: { ...hello, takesSpans: true, keepLinks: true } }),
    encodeIntranet({ t: "linkOrderResult", linkOrderResult: { order: 7, opened: 1, failed: 1, message: "refused" } }),
    encodeIntranet({ t: "routeReport", routeReport: { routes: [route, route], more: true } }),
    encodeIntranet({
      t: "certificateAnswer",
      certificateAnswer: { request: 1, chain: [Buffer.from("c")], trusted: [Buffer.from("t")], error: "e" },
    }),
    encodeDmz({ t: "welcome", welcome: { ...hello, dmzInstances: 2, heartbeatMs: 1000 } }),
    encodeDmz({ t: "ping", ping: { nonce: 2 ** 40, ack: true } }),
    encodeDmz({ t: "closeLinks", closeLinks: { linkIds: ["a", "b"] } }),
    encodeDmz({ t: "certificateRequest", certificateRequest: { request: 9, csr: Buffer.from("c") } }),
    encodeDmz({ t: "spans", spans: { otlp: Buffer.from("o"), count: 3 } }),
  ],
  tokens: [],
  inputBytesMax: 4096,
  bufferBytesMax: 1024 * 1024,
  mutate: mutateFields,
  run(input) {
    repeat<IntranetMessage>(input, decodeIntranet, encodeIntranet);
    repeat<DmzMessage>(input, decodeDmz, encodeDmz);
  },
};

function repeat<Message extends IntranetMessage | DmzMessage>(
  input: Buffer,
  decode: (bytes: Buffer) => Message,
  encode: (message: Exclude<Message, { readonly t: "unknown" }>) => Buffer,
): void {
  const message = attempt(() => decode(input));
  if (message === undefined || message.t === "unknown") return;
  if (JSON.stringify(message).includes(":null")) throw new Error("a default is not filled in");
  const again = decode(encode(message as Exclude<Message, { readonly t: "unknown" }>));
  if (!isDeepStrictEqual(again, message)) {
    throw new Error(`reads otherwise when written again: ${JSON.stringify(message)} and ${JSON.stringify(again)}`);
  }
}

function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    expectError(error, TunnelError, "PROTOCOL");
    return undefined;
  }
}
