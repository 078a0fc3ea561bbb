/** A tunnel whose routes are the endpoints of the service at `url`, and one to a port where nobody listens. */
export function documents(port: number, url: string, nobodysPort: number): string {
  return `apiVersion: sallyport.dev/v1alpha1
kind: ReverseTunnel
metadata: { name: cxf }
spec:
  pairs: 1
  dmz:
    listeners: [{ name: http, protocol: HTTP, port: ${port} }]
---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: orders }
spec:
  parentRefs: [{ name: cxf }]
  matches:
${endpoints.map((path) => `    - path: { value: /${path} }`).join("\n")}
  backendRefs: [{ url: "${url}" }]
---
apiVersion: sallyport.dev/v1alpha1
kind: TunnelRoute
metadata: { name: nobody }
spec:
  parentRefs: [{ name: cxf }]
  matches: [{ path: { value: /unreachable } }]
  backendRefs: [{ url: "http://127.0.0.1:${nobodysPort}" }]
`;
}

/** Of ServiceHost.java. */
const endpoints = ["plain", "soap12", "addressing", "addressing12", "mtom", "gzip", "user", "signed", "signed12"];
