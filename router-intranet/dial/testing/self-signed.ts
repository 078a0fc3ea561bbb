/** PEM, both. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate for tests that trusts itself. */
export async function selfSigned(names: { type: "dns" | "ip"; value: string }[]): Promise<Certificate> {
  // x509 asks Reflect for metadata that is not there without a polyfill; none is needed.
  for (const name of ["getMetadata", "getOwnMetadata"]) {
    if (!(name in Reflect)) Object.defineProperty(Reflect, name, { value: () => undefined });
  }
  const x509 = await import("@peculiar/x509");
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=test",
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [new x509.SubjectAlternativeNameExtension(names)],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  return { cert: certificate.toString("pem"), key };
}
