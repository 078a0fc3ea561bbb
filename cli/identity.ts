import {
  type Authority,
  type AuthorityFiles,
  createAuthority as create,
  createAuthorityFiles as createFiles,
  type OpenedAuthority,
  openAuthority as open,
  type Period,
} from "@sallyport/operator/identity/authority";

/** How long what `sallyport dev` and `sallyport identity` make is valid. */

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Clocks differ a little; a certificate is good from an hour before it was made. */
const backdatedMs = hourMs;
/** `sallyport dev` makes new ones at every start. */
const devDays = 30;

/** Makes a CA for one tunnel ("namespace/name"), ECDSA P-256. Its key stays in memory and cannot be taken out of it. */
export function createAuthority(trustDomain: string, tunnel: string, now = new Date()): Promise<Authority> {
  return create({ trustDomain, tunnel }, periodFrom(now, devDays));
}

/** Makes a CA for one tunnel, ECDSA P-256, to be kept. */
export function createAuthorityFiles(
  trustDomain: string,
  tunnel: string,
  days: number,
  now: Date,
): Promise<AuthorityFiles> {
  return createFiles({ trustDomain, tunnel }, periodFrom(now, days));
}

/**
 * Opens a CA that `createAuthorityFiles` made; its certificates are valid for `days` from now, and never longer than its
 * own. Throws what is wrong with it, in words for people.
 */
export function openAuthority(files: AuthorityFiles, days: number, now: Date): Promise<OpenedAuthority> {
  return open(files, periodFrom(now, days), now);
}

function periodFrom(now: Date, days: number): Period {
  return { notBefore: new Date(now.getTime() - backdatedMs), notAfter: new Date(now.getTime() + days * dayMs) };
}
