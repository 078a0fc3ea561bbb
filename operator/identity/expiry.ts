import { certificatesOf } from "@sallyport/proto/pem";
import type { ReverseTunnelStatus } from "@sallyport/proto/resource-status";
import { roles } from "@sallyport/proto/spiffe";
import type { IdentityState, StoredSecret } from "./plan.ts";

type CertificateStatus = NonNullable<ReverseTunnelStatus["certificates"]>[number];

/** `renewBeforeMs`: undefined where the operator does not renew them. */
export interface ExpiryOptions {
  readonly renewBeforeMs: number | undefined;
}

/** `status.certificates`, of the Secrets that there are. */
export function certificatesStatus(
  { ca, leaves }: IdentityState,
  { renewBeforeMs }: ExpiryOptions,
): CertificateStatus[] {
  const isRenewed = renewBeforeMs !== undefined;
  return [
    ...statusOf("ca", ca, "tls.crt", isRenewed ? caRenewBefore : undefined),
    ...statusOf("previous-ca", ca, "previous.crt", undefined),
    ...roles.flatMap((role) =>
      statusOf(role, leaves[role], "tls.crt", isRenewed ? leafRenewBefore(renewBeforeMs) : undefined),
    ),
  ];
}

/** Milliseconds before its end, of a certificate with a life. */
type RenewBefore = (lifetimeMs: number) => number;

const caRenewBefore: RenewBefore = (lifetimeMs) => lifetimeMs / 3;
const leafRenewBefore =
  (ms: number): RenewBefore =>
  (lifetimeMs) =>
    ms < lifetimeMs ? ms : lifetimeMs / 3;

function statusOf(
  name: CertificateStatus["name"],
  secret: StoredSecret | undefined,
  key: string,
  renewBefore: RenewBefore | undefined,
): CertificateStatus[] {
  const [certificate] = certificatesOf(secret?.data[key] ?? "") ?? [];
  if (certificate === undefined) return [];
  const { validFromDate, validToDate } = certificate;
  const notAfter = rfc3339(validToDate);
  if (renewBefore === undefined) return [{ name, notAfter }];
  const lifetimeMs = validToDate.getTime() - validFromDate.getTime();
  return [{ name, notAfter, renewalTime: rfc3339(new Date(validToDate.getTime() - renewBefore(lifetimeMs))) }];
}

/** Whole seconds, as Kubernetes writes times. */
function rfc3339(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
