import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type IdentityOptions, makeIdentities } from "./identity-files.ts";

const now = new Date("2026-11-23T12:00:00Z");
let folder: string;
let out: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-identity-"));
  out = join(folder, "ids");
});

afterEach(() => rmSync(folder, { recursive: true }));

function make(options: Partial<IdentityOptions> = {}, at = now): Promise<string[]> {
  const defaults = { tunnel: "default/partners", trustDomain: undefined, days: 365, renew: false, force: false };
  return makeIdentities({ out, ...defaults, verbose: false, ...options }, at);
}

const files = [
  ...["ca/certificate.pem", "ca/private-key.pem"],
  ...["r1", "r2"].flatMap((side) =>
    ["certificate.pem", "private-key.pem", "trusted-cas.pem"].map((name) => `${side}/${name}`),
  ),
];
const text = (name: string) => readFileSync(join(out, name), "utf8");
const all = () => Object.fromEntries(files.map((name) => [name, text(name)]));
const certificate = (name: string) => new X509Certificate(text(name));

describe("sallyport identity", () => {
  it("makes a CA and both routers' files, and says what belongs where", async () => {
    expect(await make()).toStrictEqual([
      `made  ${out}/ca  the CA of tunnel default/partners (trust domain sallyport), valid until 2036-11-20`,
      `made  ${out}/r1  for the machine in the DMZ, valid until 2027-11-23`,
      `made  ${out}/r2  for the machine in the intranet, valid until 2027-11-23`,
      `Keep ${out}/ca in the intranet, on no router: whoever has its key can be either router.`,
    ]);
    const found = readdirSync(out, { recursive: true }).map(String).sort();
    expect(found).toStrictEqual(["ca", "r1", "r2", ...files].sort());
  });

  it("leaves keys to their owner alone", async () => {
    await make();
    const modes = Object.fromEntries(files.map((name) => [name, (statSync(join(out, name)).mode & 0o777).toString(8)]));
    const expected = Object.fromEntries(files.map((name) => [name, name.includes("key") ? "600" : "644"]));
    expect(modes).toStrictEqual(expected);
    expect((statSync(join(out, "ca")).mode & 0o777).toString(8)).toBe("700");
  });

  it("names each router by its side, signed by the CA, which is the same for both", async () => {
    await make({ trustDomain: "example.com" });
    const ca = certificate("ca/certificate.pem");
    const leaves = [certificate("r1/certificate.pem"), certificate("r2/certificate.pem")];
    expect(leaves.map(({ subjectAltName }) => subjectAltName)).toStrictEqual([
      "URI:spiffe://example.com/tunnel/default/partners/dmz",
      "URI:spiffe://example.com/tunnel/default/partners/intranet",
    ]);
    expect(leaves.map((leaf) => leaf.checkIssued(ca) && leaf.verify(ca.publicKey))).toStrictEqual([true, true]);
    expect([text("r1/trusted-cas.pem"), text("r2/trusted-cas.pem")]).toStrictEqual(
      Array.from({ length: 2 }, () => text("ca/certificate.pem")),
    );
  });

  it("the CA's key is in its own folder and nowhere else", async () => {
    await make();
    const key = text("ca/private-key.pem");
    expect(files.filter((name) => text(name).includes(key))).toStrictEqual(["ca/private-key.pem"]);
  });

  it("writes over nothing", async () => {
    await make();
    const before = all();
    await expect(make()).rejects.toMatchObject({
      exitCode: 2,
      message: `${out}/ca/certificate.pem is there already; --renew makes new certificates from its CA, --force everything anew, another --out keeps it`,
    });
    expect(all()).toStrictEqual(before);
  });

  it("with --force makes everything new", async () => {
    await make();
    const before = all();
    await make({ force: true, tunnel: "default/other" });
    expect(files.filter((name) => text(name) === before[name])).toStrictEqual([]);
    expect(certificate("r1/certificate.pem").subjectAltName).toContain("/tunnel/default/other/dmz");
  });
});

describe("sallyport identity --renew", () => {
  const later = new Date("2027-11-01T00:00:00Z");

  it("makes new keys and certificates, and keeps the CA and what it is for", async () => {
    await make({ trustDomain: "example.com" });
    const before = all();
    const lines = await make({ renew: true, tunnel: undefined }, later);
    expect(lines).toStrictEqual([
      `kept  ${out}/ca  the CA of tunnel default/partners (trust domain example.com), valid until 2036-11-20`,
      `made  ${out}/r1  for the machine in the DMZ, valid until 2028-10-31`,
      `made  ${out}/r2  for the machine in the intranet, valid until 2028-10-31`,
    ]);
    const kept = [...files.filter((name) => /^ca|cas/.test(name))];
    expect(files.filter((name) => text(name) === before[name])).toStrictEqual(kept);
    expect(certificate("r2/certificate.pem").subjectAltName).toBe(
      "URI:spiffe://example.com/tunnel/default/partners/intranet",
    );
  });

  it("issues nothing that outlives the CA", async () => {
    await make();
    await make({ renew: true, days: 3650 }, later);
    expect(certificate("r1/certificate.pem").validTo).toBe(certificate("ca/certificate.pem").validTo);
  });

  it("makes the files again that were moved to their machine", async () => {
    await make();
    rmSync(join(out, "r1"), { recursive: true });
    await make({ renew: true });
    expect(existsSync(join(out, "r1/private-key.pem"))).toBe(true);
  });

  const refused: Record<string, [() => void, Partial<IdentityOptions>, Date, string]> = {
    "there is no CA": [
      () => rmSync(join(out, "ca"), { recursive: true }),
      {},
      later,
      "OUT/ca/certificate.pem: there is no such file; --renew takes the CA that was made before",
    ],
    "the CA is of another tunnel": [
      () => {},
      { tunnel: "default/other" },
      later,
      "OUT/ca is of tunnel default/partners, trust domain sallyport; leave the options out, or take another folder",
    ],
    "the CA has ended": [
      () => {},
      {},
      new Date("2036-12-01T00:00:00Z"),
      "OUT/ca: the CA expired on 2036-11-20T12:00:00.000Z; make a new one",
    ],
  };
  it.each(Object.entries(refused))("is refused when %s", async (_, [spoil, options, at, message]) => {
    await make();
    spoil();
    await expect(make({ renew: true, ...options }, at)).rejects.toThrow(message.replace("OUT", out));
  });

  it("is refused when the CA's key is another one's", async () => {
    await make();
    const key = text("ca/private-key.pem");
    await make({ force: true });
    writeFileSync(join(out, "ca/private-key.pem"), key);
    await expect(make({ renew: true })).rejects.toThrow(`${out}/ca: the CA's key is not its certificate's`);
  });
});
