// Run by `helm test` in a pod of the operator's image, which has Node and no shell.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";

// Both are set by tests only.
const account = process.env.ACCOUNT_FOLDER ?? "/var/run/secrets/kubernetes.io/serviceaccount";
const attemptsMax = Number(process.env.ATTEMPTS_MAX ?? 20);
const pauseMs = 1500;

for (let attempt = 1; ; attempt++) {
  try {
    await checkResources();
    await checkOperator();
    break;
  } catch (error) {
    if (attempt === attemptsMax) {
      console.error(error.message);
      process.exit(1);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function checkResources() {
  const host = process.env.KUBERNETES_SERVICE_HOST;
  const url = `https://${host.includes(":") ? `[${host}]` : host}:${process.env.KUBERNETES_SERVICE_PORT}`;
  const headers = { authorization: `Bearer ${readFileSync(`${account}/token`, "utf8")}` };
  const ca = readFileSync(`${account}/ca.crt`);
  const list = JSON.parse(await get(https, `${url}/apis/sallyport.dev/v1alpha1`, { headers, ca }));
  const served = list.resources.map(({ name }) => name);
  for (const name of ["reversetunnels", "tunnelroutes"]) {
    if (!served.includes(name)) throw new Error(`${name}.sallyport.dev is not served: install the CRDs (crds.enabled)`);
  }
  console.log("reversetunnels and tunnelroutes are served");
}

/** Only ready pods are behind the Service. */
async function checkOperator() {
  if (!process.env.OPERATOR_URL) return;
  const page = await get(http, process.env.OPERATOR_URL, {});
  if (!page.includes("sallyport_operator_")) throw new Error(`${process.env.OPERATOR_URL} is not the operator's page`);
  console.log("the operator is ready");
}

function get(client, url, options) {
  return new Promise((resolve, reject) => {
    const failed = (error) => reject(new Error(`GET ${url}: ${error.message || error.code}`));
    const request = client.get(url, { ...options, timeout: 5000 }, (response) => {
      let body = "";
      response
        .setEncoding("utf8")
        .on("data", (text) => (body += text))
        .on("error", failed);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(body);
        else failed(new Error(`${response.statusCode} ${body.slice(0, 200)}`));
      });
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 5 s"))).on("error", failed);
  });
}
