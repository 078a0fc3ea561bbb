import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Keys and certificates for WS-Security, made for one run and gone with it. */
export interface Keys {
  readonly folder: string;
  readonly password: string;
  remove(): Promise<void>;
}

/**
 * A key store each for `client`, `service` and `stranger`. Client and service have each other's certificate; the
 * stranger has the service's, and nobody his.
 */
export async function makeKeys(): Promise<Keys> {
  const folder = await mkdtemp(join(tmpdir(), "sallyport-cxf-"));
  const password = randomUUID();
  const keytool = (...args: string[]) =>
    run("keytool", ["-J-XX:TieredStopAtLevel=1", ...args, "-storetype", "PKCS12", "-storepass:env", "KEYS_PASSWORD"], {
      cwd: folder,
      env: { ...process.env, KEYS_PASSWORD: password },
      timeout: 30_000,
    });
  const make = (name: string) =>
    keytool(
      ...["-genkeypair", "-keystore", `${name}.p12`, "-alias", name, "-dname", `CN=${name}`],
      ...["-keyalg", "RSA", "-keysize", "2048", "-validity", "2"],
    );
  const tell = (name: string) =>
    keytool("-exportcert", "-rfc", "-keystore", `${name}.p12`, "-alias", name, "-file", `${name}.pem`);
  const trust = (who: string, whom: string) =>
    keytool("-importcert", "-noprompt", "-keystore", `${who}.p12`, "-alias", whom, "-file", `${whom}.pem`);
  await Promise.all(["client", "service", "stranger"].map(make));
  await Promise.all(["client", "service"].map(tell));
  await Promise.all([trust("client", "service"), trust("service", "client"), trust("stranger", "service")]);
  return { folder, password, remove: () => rm(folder, { recursive: true }) };
}
