import * as grpc from "@grpc/grpc-js";
import {
  decodeOperator,
  encodeRouter,
  type OperatorMessage,
  type RouterMessage,
  watchPath,
} from "@sallyport/proto/admin";
import { spiffeId } from "@sallyport/proto/spiffe";
import { afterEach, describe, expect, it } from "vitest";
import { createAuthority, type IssuedIdentity } from "../identity/authority.ts";
import { openGrpcWatch, type RouterWatch } from "./grpc-watch.ts";

const owner = { trustDomain: "td", tunnel: "n/t" };
const hourMs = 3_600_000;
const period = () => ({ notBefore: new Date(Date.now() - hourMs), notAfter: new Date(Date.now() + hourMs) });
const authority = await createAuthority(owner, period());
const operator = await authority.issue("operator");

type Stream = grpc.ServerDuplexStream<Buffer, Buffer>;

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** An R2 as far as the wire goes. */
async function router(identity: IssuedIdentity, onStream: (stream: Stream) => void): Promise<number> {
  const server = new grpc.Server();
  const asIs = (bytes: Buffer): Buffer => bytes;
  const codec = {
    ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs },
  };
  const watch = { path: watchPath, requestStream: true, responseStream: true, ...codec };
  server.addService({ watch }, { watch: onStream });
  const [ca, key, chain] = [identity.trustedCas, identity.privateKey, identity.certificateChain].map((pem) =>
    Buffer.from(pem),
  );
  const keys = [{ private_key: key!, cert_chain: chain! }];
  const credentials = grpc.ServerCredentials.createSsl(ca!, keys, true);
  open.push(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

/** Settles with the first message, or with why there is none. */
function watch(port: number, identity = operator): Promise<RouterMessage | string> {
  return new Promise((resolve) => {
    const one: RouterWatch = openGrpcWatch({
      ...{ address: "127.0.0.1", port, identity, peerId: spiffeId("td", "n/t", "intranet") },
      ...{ onMessage: resolve, onEnd: resolve },
    });
    open.push(() => one.close());
    one.send({ t: "subscribe", subscribe: { protocol: { major: 1, minor: 0 }, software: "test" } });
  });
}

const ping = { t: "ping", ping: { nonce: 1, ack: false } } as const;

describe("a stream to R2", () => {
  it("carries messages both ways, over mutual TLS", async () => {
    const heard = Promise.withResolvers<OperatorMessage>();
    const port = await router(await authority.issue("intranet"), (stream) => {
      stream.on("data", (bytes: Buffer) => heard.resolve(decodeOperator(bytes)));
      stream.write(encodeRouter(ping));
    });
    expect(await watch(port)).toEqual(ping);
    expect(await heard.promise).toMatchObject({ t: "subscribe", subscribe: { software: "test" } });
  });

  it("is opened to no one but the tunnel's R2", async () => {
    for (const role of ["dmz", "operator"] as const) {
      const port = await router(await authority.issue(role), (stream) => stream.write(encodeRouter(ping)));
      expect(await watch(port)).toMatch(/^UNAVAILABLE: .*expected is spiffe:\/\/td\/tunnel\/n\/t\/intranet/);
    }
  });

  it("is opened to no one whose certificate is of another CA", async () => {
    const other = await createAuthority(owner, period());
    const port = await router(await other.issue("intranet"), (stream) => stream.write(encodeRouter(ping)));
    expect(await watch(port)).toMatch(/^UNAVAILABLE: /);
  });

  it("ends with what R2 says, with nonsense, and when nobody is there", async () => {
    const identity = await authority.issue("intranet");
    const refusing = await router(identity, (stream) =>
      stream.emit("error", { code: grpc.status.RESOURCE_EXHAUSTED, details: "four streams are open" }),
    );
    expect(await watch(refusing)).toBe("RESOURCE_EXHAUSTED: four streams are open");
    const babbling = await router(identity, (stream) => stream.write(Buffer.from([0xff, 0xff])));
    expect(await watch(babbling)).toMatch(/^malformed RouterMessage/);
    const gone = await router(identity, () => {});
    for (const close of open.splice(0)) close();
    expect(await watch(gone)).toMatch(/^UNAVAILABLE: /);
  });
});
