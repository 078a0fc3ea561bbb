import type { KubernetesObject } from "../cluster/kubectl.ts";
import type { Images } from "./images.ts";

/** Where clients are that know nothing of Sallyport. */
export const clientNamespace = "clients";

/** The service of docs/kubernetes.md: a Service `calculator` in `apps`, port 80. */
export function calculator({ calculator: image }: Images, namespace = "apps"): KubernetesObject[] {
  const labels = { app: "calculator" };
  const readinessProbe = { tcpSocket: { port: 9000 }, periodSeconds: 1 };
  return [
    deployment("calculator", namespace, { image, ports: [{ containerPort: 9000 }], readinessProbe }),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "calculator", namespace },
      spec: { selector: labels, ports: [{ port: 80, targetPort: 9000 }] },
    },
  ];
}

/** A pod to call from. */
export function client({ runtime: image }: Images): KubernetesObject[] {
  const forever = "setInterval(() => {}, 1e9); process.on('SIGTERM', () => process.exit())";
  return [deployment("client", clientNamespace, { image, args: ["--eval", forever] })];
}

function deployment(name: string, namespace: string, container: object): KubernetesObject {
  const labels = { app: name };
  const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
  const containers = [{ name, imagePullPolicy: "IfNotPresent", securityContext, ...container }];
  const pod = { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers, securityContext: pod, terminationGracePeriodSeconds: 2 },
      },
    },
  };
}
