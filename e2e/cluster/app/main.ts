// A small service to try a cluster with: GET /config answers a mounted file, GET /ready whether it is up, GET /fetch?url=…
// what it gets from there, anything else its name.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { hostname } from "node:os";

const port = 8080;
const fetchLimitMs = 5_000;

const server = createServer(async (request, response) => {
  try {
    response.end(await answer(new URL(request.url ?? "/", "http://app")));
  } catch (error) {
    response.writeHead(502).end(String((error as Error).cause ?? error));
  }
});
server.listen(port, () => console.log(`listening on ${port}`));
process.on("SIGTERM", () => {
  server.close();
  server.closeIdleConnections();
});

async function answer({ pathname, searchParams }: URL): Promise<string> {
  if (pathname === "/ready") return "yes";
  if (pathname === "/config") return readFileSync("/etc/app/greeting", "utf8");
  if (pathname !== "/fetch") return `${hostname()} ${process.version}`;
  const got = await fetch(searchParams.get("url") ?? "", { signal: AbortSignal.timeout(fetchLimitMs) });
  return got.text();
}
