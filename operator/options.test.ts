import { describe, expect, it } from "vitest";
import { type Flags, operatorCommand } from "./options.ts";

const images = ["--dmz-image=r1", "--intranet-image=r2"];

async function parse(...args: string[]): Promise<Flags | string> {
  let flags: Flags | undefined;
  let said = "";
  const command = operatorCommand(async (given) => {
    flags = given;
  })
    .exitOverride()
    .configureOutput({ writeErr: (text) => (said += text), writeOut: (text) => (said += text) });
  await command.parseAsync(args, { from: "user" }).catch(() => {});
  return flags ?? said;
}

describe("the operator's flags", () => {
  it("need no more than the routers' images", async () => {
    expect(await parse(...images)).toEqual({
      ...{ dmzImage: "r1", intranetImage: "r2", imagePullPolicy: "IfNotPresent", imagePullSecrets: [] },
      ...{ watchNamespaces: [], trustDomain: "sallyport", clusterDomain: "cluster.local", caSettleTime: "10m" },
      ...{ metricsPort: 8080, healthPort: 8081, logLevel: "info" },
    });
  });

  it("take lists with commas", async () => {
    const flags = await parse(...images, "--watch-namespaces=a, b,", "--image-pull-secrets=x");
    expect(flags).toMatchObject({ watchNamespaces: ["a", "b"], imagePullSecrets: ["x"] });
  });

  it.each([
    [[], /required option '--dmz-image/],
    [[...images, "--metrics-port=70000"], /It is not a port, 0 to 65535/],
    [[...images, "--watch-namespaces=a,B!"], /"B!" is not a name/],
    [[...images, "--trust-domain=a b"], /It is not a domain name/],
    [[...images, "--ca-settle-time=10"], /It is not a duration from 5s to 24h/],
    [[...images, "--ca-settle-time=1s"], /It is not a duration from 5s to 24h/],
    [[...images, "--log-level=loud"], /Allowed choices are trace, debug, info/],
    [[...images, "--unknown"], /unknown option '--unknown'/],
    [[...images, "more"], /too many arguments/],
  ])("refuse %j, and say why", async (args, message) => {
    expect(await parse(...args)).toMatch(message);
  });

  it("are shown with examples", async () => {
    expect(await parse("--help")).toMatch(/runs tunnels in a cluster/);
  });
});
