import { Readable } from "node:stream";
import { HttpMethod, IsomorphicFetchHttpLibrary, KubeConfig, RequestContext } from "@kubernetes/client-node";
import { KubeError } from "../kube-error.ts";

export interface ApiRequest {
  readonly method: keyof typeof HttpMethod;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal: AbortSignal;
}

/** Sends requests to one API server. Credentials, certificates and proxies are the client library's. */
export class Connection {
  readonly #config: KubeConfig;
  readonly #server: string;
  readonly #http = new IsomorphicFetchHttpLibrary();

  constructor(config: KubeConfig) {
    const server = config.getCurrentCluster()?.server;
    if (server === undefined) throw new Error("the kubeconfig names no cluster; set its current-context");
    this.#config = config;
    this.#server = server.replace(/\/$/, "");
  }

  /** The answer's JSON. Throws KubeError. */
  async json(request: ApiRequest): Promise<unknown> {
    const response = await this.#send(request);
    const text = await response.body.text().catch((cause: unknown) => {
      throw noAnswer(request, cause);
    });
    if (response.httpStatusCode >= 400) throw refusal(request, response.httpStatusCode, text, response.headers);
    return parse(request, text);
  }

  /** Hands over the answer's lines as JSON until it ends. Throws KubeError, and what `onLine` throws. */
  async lines(request: ApiRequest, onLine: (line: unknown) => void): Promise<void> {
    const response = await this.#send(request);
    if (response.httpStatusCode >= 400) {
      const text = await response.body.text().catch(() => "");
      throw refusal(request, response.httpStatusCode, text, response.headers);
    }
    const stream = response.body.stream();
    if (stream === null) throw noAnswer(request, undefined);
    const lines = new LineReader((line) => onLine(parse(request, line)));
    const body = Readable.fromWeb(stream as Parameters<typeof Readable.fromWeb>[0]).setEncoding("utf8");
    for await (const part of withKubeErrors(request, body)) lines.add(part);
  }

  async #send({ method, path, query = {}, body, contentType, signal }: ApiRequest) {
    const context = new RequestContext(this.#server + path, HttpMethod[method]);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) context.setQueryParam(name, value);
    }
    context.setHeaderParam("Accept", "application/json");
    context.setHeaderParam("User-Agent", "sallyport-operator");
    if (body !== undefined) {
      context.setHeaderParam("Content-Type", contentType ?? "application/json");
      context.setBody(JSON.stringify(body));
    }
    context.setSignal(signal);
    try {
      await this.#config.applySecurityAuthentication(context);
      return await this.#http.send(context).toPromise();
    } catch (cause) {
      throw noAnswer({ method, path }, cause);
    }
  }
}

/** The operator's Service account in the cluster, or the kubeconfig that KUBECONFIG names. Throws when there is neither. */
export function loadKubeConfig(environment: NodeJS.ProcessEnv): KubeConfig {
  const config = new KubeConfig();
  const file = environment.KUBECONFIG;
  if (file !== undefined && file !== "") {
    config.loadFromFile(file);
    return config;
  }
  if (environment.KUBERNETES_SERVICE_HOST === undefined) {
    throw new Error("not in a cluster, and KUBECONFIG is not set; set it to the file of a kubeconfig");
  }
  config.loadFromCluster();
  return config;
}

/** The longest line of a watch: an object of etcd's limit, 1.5 MiB, as JSON. */
const lineLengthMax = 16 * 1024 * 1024;

class LineReader {
  readonly #onLine: (line: string) => void;
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  add(part: string): void {
    const lines = (this.#rest + part).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > lineLengthMax) {
      throw new KubeError(`a line of a watch is longer than ${lineLengthMax}`, { status: 0, reason: "LineTooLong" });
    }
    for (const line of lines) if (line.trim() !== "") this.#onLine(line);
  }
}

async function* withKubeErrors(request: ApiRequest, body: Readable): AsyncGenerator<string> {
  const parts = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await parts.next().catch((cause: unknown) => {
        throw noAnswer(request, cause);
      });
      if (next.done === true) return;
      yield next.value as string;
    }
  } finally {
    body.destroy();
  }
}

type Asked = Pick<ApiRequest, "method" | "path">;

function parse(request: Asked, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new KubeError(`${asked(request)}: the answer is no JSON`, { status: 0, reason: "Malformed", cause });
  }
}

function refusal(request: Asked, status: number, text: string, headers: Readonly<Record<string, string>>): KubeError {
  let answer: { readonly reason?: unknown; readonly message?: unknown } = {};
  try {
    answer = (JSON.parse(text) as object | null) ?? {};
  } catch {
    // A proxy's page, perhaps: the status says enough.
  }
  const reason = typeof answer.reason === "string" ? answer.reason : "";
  const message = typeof answer.message === "string" ? answer.message : `HTTP ${status}`;
  const retryAfterMs = Math.min(Number(headers["retry-after"] ?? 0) || 0, retryAfterMaxSeconds) * 1000;
  return new KubeError(`${asked(request)}: ${message}`, { status, reason, retryAfterMs });
}

const retryAfterMaxSeconds = 60;

function noAnswer(request: Asked, cause: unknown): KubeError {
  const error = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const why = error instanceof Error ? error.message : String(error);
  return new KubeError(`${asked(request)}: no answer: ${why}`, { status: 0, reason: "NoAnswer", cause });
}

function asked({ method, path }: Asked): string {
  return `${method} ${path}`;
}
