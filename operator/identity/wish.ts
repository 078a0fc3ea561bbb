import { durationMs } from "@sallyport/proto/duration";
import type { ReverseTunnel } from "@sallyport/proto/resource";
import { annotations, type IdentityWish } from "./plan.ts";

/** How the operator was started. */
export interface WishOptions {
  readonly trustDomain: string;
  readonly caSettleMs: number;
}

/** What a tunnel asks for, where the operator signs its certificates. */
export function identityWish(
  { metadata, spec }: ReverseTunnel,
  { trustDomain, caSettleMs }: WishOptions,
): IdentityWish {
  const { duration, renewBefore } = spec.identity.certificate;
  const leafLifetimeMs = durationMs(duration);
  const given = (metadata.annotations as Readonly<Record<string, string>> | undefined)?.[annotations.renewCa];
  return {
    trustDomain,
    tunnel: `${metadata.namespace}/${metadata.name}`,
    leafLifetimeMs,
    renewBeforeMs: renewBefore === undefined ? leafLifetimeMs / 3 : durationMs(renewBefore),
    settleMs: caSettleMs,
    renewCa: given,
  };
}
