import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import * as tls from "node:tls";
import type { Authority } from "@sallyport/operator/identity/authority";
import { checkPeer, type Identity, spiffeId } from "@sallyport/tunnel/identity";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { createAuthority } from "./identity.ts";

const tunnel = "default/sample";
const dmzId = "spiffe://sallyport/tunnel/default/sample/dmz";
const intranetId = "spiffe://sallyport/tunnel/default/sample/intranet";
const now = new Date("2026-11-23T12:00:00Z");

describe("the certificates of a tunnel", () => {
  let authority: Authority;
  let dmz: Identity;
  let intranet: Identity;

  beforeAll(async () => {
    authority = await createAuthority("sallyport", tunnel, now);
    [dmz, intranet] = await Promise.all([authority.issue("dmz"), authority.issue("intranet")]);
  });

  it("leaf: names its side's SPIFFE URI and nothing else", () => {
    expect(new X509Certificate(dmz.certificateChain).subjectAltName).toBe(`URI:${dmzId}`);
    expect(new X509Certificate(intranet.certificateChain).subjectAltName).toBe(`URI:${intranetId}`);
    expect(new X509Certificate(dmz.certificateChain).subject).toBeUndefined();
    expect(spiffeId("sallyport", tunnel, "dmz")).toBe(dmzId);
  });

  it("leaf: is signed by the CA, on P-256, for both ends of TLS, and is no CA itself", () => {
    const leaf = new X509Certificate(dmz.certificateChain);
    const ca = new X509Certificate(dmz.trustedCas);
    expect({
      signed: leaf.verify(ca.publicKey),
      issued: leaf.checkIssued(ca),
      curve: leaf.publicKey.asymmetricKeyDetails?.namedCurve,
      usage: leaf.keyUsage,
      isCa: leaf.ca,
    }).toStrictEqual({
      signed: true,
      issued: true,
      curve: "prime256v1",
      usage: ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
      isCa: false,
    });
  });

  it("are valid from an hour before for 30 days", () => {
    for (const pem of [dmz.certificateChain, dmz.trustedCas]) {
      const { validFromDate, validToDate } = new X509Certificate(pem);
      expect([validFromDate.toISOString(), validToDate.toISOString()]).toStrictEqual([
        "2026-11-23T11:00:00.000Z",
        "2026-12-23T12:00:00.000Z",
      ]);
    }
  });

  it("CA: is one, signs itself, and is the same for both sides", () => {
    const ca = new X509Certificate(dmz.trustedCas);
    expect({
      isCa: ca.ca,
      selfSigned: ca.verify(ca.publicKey),
      shared: dmz.trustedCas === intranet.trustedCas,
    }).toStrictEqual({ isCa: true, selfSigned: true, shared: true });
  });

  it("each have a key and a serial number of their own, and the key is the leaf's", async () => {
    const another = await authority.issue("dmz");
    const leaves = [dmz, intranet, another].map(({ certificateChain }) => new X509Certificate(certificateChain));
    expect(new Set(leaves.map(({ serialNumber }) => serialNumber)).size).toBe(3);
    expect(new Set([dmz, intranet, another].map(({ privateKey }) => privateKey)).size).toBe(3);
    expect(createPublicKey(createPrivateKey(dmz.privateKey)).equals(leaves[0]!.publicKey)).toBe(true);
  });
});

describe("a TLS 1.3 handshake with them", () => {
  const open: (tls.Server | tls.TLSSocket)[] = [];
  afterEach(() => {
    for (const each of open.splice(0)) each instanceof tls.Server ? each.close() : each.destroy();
  });

  /** What each side makes of the other's certificate. */
  async function shakeHands(server: Identity, client: Identity) {
    const listening = tls.createServer({ ...options(server), requestCert: true }).listen(0, "127.0.0.1");
    open.push(listening);
    await once(listening, "listening");
    const { port } = listening.address() as AddressInfo;
    const dialled = tls.connect({ ...options(client), port, host: "127.0.0.1", checkServerIdentity: () => undefined });
    open.push(dialled);
    const [[accepted]] = (await Promise.all([once(listening, "secureConnection"), once(dialled, "secureConnect")])) as [
      [tls.TLSSocket],
      unknown,
    ];
    open.push(accepted);
    return {
      protocol: dialled.getProtocol(),
      byServer: checkPeer(accepted.getPeerCertificate(), intranetId)?.message,
      byClient: checkPeer(dialled.getPeerCertificate(), dmzId)?.message,
    };
  }

  function options({ certificateChain, privateKey, trustedCas }: Identity) {
    return { cert: certificateChain, key: privateKey, ca: trustedCas, minVersion: "TLSv1.3" as const };
  }

  it("succeeds between the two sides of a tunnel", async () => {
    const authority = await createAuthority("sallyport", tunnel);
    expect(await shakeHands(await authority.issue("dmz"), await authority.issue("intranet"))).toStrictEqual({
      protocol: "TLSv1.3",
      byServer: undefined,
      byClient: undefined,
    });
  });

  it("lets checkPeer refuse a peer of the wrong side", async () => {
    const authority = await createAuthority("sallyport", tunnel);
    const dmz = await authority.issue("dmz");
    expect((await shakeHands(dmz, dmz)).byServer).toBe(
      `the peer's certificate names ${dmzId}; this tunnel expects ${intranetId}`,
    );
  });

  it("fails with a certificate of another tunnel's CA", async () => {
    const [ours, theirs] = await Promise.all([
      createAuthority("sallyport", tunnel),
      createAuthority("sallyport", tunnel),
    ]);
    const handshake = shakeHands(await ours.issue("dmz"), await theirs.issue("intranet"));
    await expect(handshake).rejects.toMatchObject({ code: "SELF_SIGNED_CERT_IN_CHAIN" });
  });
});
