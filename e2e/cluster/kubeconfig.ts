/** How someone gets into a cluster: by a token, or by a certificate and its key (PEM). */
export type Credentials = { readonly token: string } | { readonly certificate: string; readonly key: string };

/** The text of a kubeconfig (JSON, which is YAML) for one cluster and one user. `authority` is PEM. */
export function kubeconfig(server: string, authority: string, credentials: Credentials): string {
  return `${JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "e2e",
        // The certificate names the service, not each address by which a test may come.
        cluster: { server, "tls-server-name": "kubernetes", "certificate-authority-data": base64(authority) },
      },
    ],
    users: [{ name: "e2e", user: user(credentials) }],
    contexts: [{ name: "e2e", context: { cluster: "e2e", user: "e2e" } }],
    "current-context": "e2e",
  })}\n`;
}

function user(credentials: Credentials): Record<string, string> {
  if ("token" in credentials) return credentials;
  return {
    "client-certificate-data": base64(credentials.certificate),
    "client-key-data": base64(credentials.key),
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
