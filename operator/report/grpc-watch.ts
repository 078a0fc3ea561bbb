import tls from "node:tls";
import * as grpc from "@grpc/grpc-js";
import {
  adminBytesMax,
  decodeRouter,
  encodeOperator,
  type OperatorMessage,
  type RouterMessage,
  watchPath,
} from "@sallyport/proto/admin";
import { uriNames } from "@sallyport/proto/spiffe";
import type { ReportIdentity } from "./router-report.ts";

/** Room for a newer peer's fields. */
const messageBytesMax = adminBytesMax + 64 * 1024;

export interface WatchOptions {
  readonly address: string;
  readonly port: number;
  readonly identity: ReportIdentity;
  /** The one SPIFFE URI that the R2 may have. */
  readonly peerId: string;
  readonly onMessage: (message: RouterMessage) => void;
  /** Called once, and after it nothing any more. `why`: for people. */
  readonly onEnd: (why: string) => void;
}

/** A stream to one R2. */
export interface RouterWatch {
  send(message: Exclude<OperatorMessage, { readonly t: "unknown" }>): void;
  /** Ends it, without a word to `onEnd`. */
  close(): void;
}

export type OpenWatch = (options: WatchOptions) => RouterWatch;

/** The one place of the operator that dials with gRPC: a connection for each stream, over TLS 1.3 with both certificates. */
export const openGrpcWatch: OpenWatch = (options) => {
  const { address, port, onMessage, onEnd } = options;
  const host = address.includes(":") ? `[${address}]` : address;
  const client = new grpc.Client(`${host}:${port}`, credentials(options), channelOptions);
  const asIs = (bytes: Buffer): Buffer => bytes;
  const stream = client.makeBidiStreamRequest(watchPath, asIs, asIs, new grpc.Metadata());
  let isOver = false;
  const end = (why: string | undefined): void => {
    if (isOver) return;
    isOver = true;
    stream.cancel();
    client.close();
    if (why !== undefined) onEnd(why);
  };
  stream.on("data", (bytes: Buffer) => {
    if (isOver) return;
    try {
      onMessage(decodeRouter(bytes));
    } catch (error) {
      end((error as Error).message);
    }
  });
  // `status` tells all; an `error` without a listener would be thrown.
  stream.on("error", () => {});
  stream.on("status", ({ code, details }: grpc.StatusObject) => end(`${grpc.status[code] ?? code}: ${details}`));
  return {
    send: (message) => {
      if (!isOver) stream.write(encodeOperator(message));
    },
    close: () => end(undefined),
  };
};

const channelOptions: grpc.ClientOptions = {
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
  // Else http_proxy from the environment would be used in silence.
  "grpc.enable_http_proxy": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.max_receive_message_length": messageBytesMax,
  "grpc.max_send_message_length": messageBytesMax,
  "grpc.enable_channelz": 0,
  // R2 is called by its address, and RFC 6066 allows none as server name.
  "grpc.ssl_target_name_override": "r2.sallyport.invalid",
};

function credentials({ identity, peerId }: WatchOptions): grpc.ChannelCredentials {
  const secureContext = tls.createSecureContext({
    minVersion: "TLSv1.3",
    ca: identity.trustedCas,
    cert: identity.certificateChain,
    key: identity.privateKey,
  });
  return grpc.ChannelCredentials.createFromSecureContext(secureContext, {
    // The name called says nothing: the tunnel's identity does.
    checkServerIdentity: (_host, { subjectaltname }) => {
      const found = uriNames(subjectaltname ?? "");
      if (found.length === 1 && found[0] === peerId) return undefined;
      return new Error(`the router's certificate names ${found.join(", ") || "no URI"}; expected is ${peerId}`);
    },
  });
}
