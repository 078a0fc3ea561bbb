import { StatusServer, text } from "@sallyport/tunnel/status-server";

/** T7: the load balancer's page, alone on its port. docs/protocol.md, "Registration", says when it is active. */
export function healthServer(active: () => boolean): StatusServer {
  return new StatusServer("health port", {
    "/healthcheck": () =>
      active() ? text(200, "ManagementConnection: ACTIVE\n") : text(503, "ManagementConnection: INACTIVE\n"),
  });
}
