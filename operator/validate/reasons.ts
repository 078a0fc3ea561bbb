/**
 * Every reason that a condition can have. docs/operator.md has a line for each, with its mend; a test holds this list
 * against that table.
 */
export const reasons = {
  // Conditions that hold.
  accepted: "Accepted",
  resolvedRefs: "ResolvedRefs",
  programmed: "Programmed",
  available: "Available",
  ready: "Ready",
  // Accepted, of a tunnel.
  invalid: "Invalid",
  namespaceNotFound: "NamespaceNotFound",
  namespaceClosed: "NamespaceClosed",
  namespaceNotAllowed: "NamespaceNotAllowed",
  namespaceNotWatched: "NamespaceNotWatched",
  // ResolvedRefs, of a tunnel.
  secretNotFound: "SecretNotFound",
  invalidCertificate: "InvalidCertificate",
  certificateExpired: "CertificateExpired",
  certificateNotYetValid: "CertificateNotYetValid",
  identityMismatch: "IdentityMismatch",
  untrustedCertificate: "UntrustedCertificate",
  certManagerMissing: "CertManagerMissing",
  // Programmed, of a tunnel.
  notAccepted: "NotAccepted",
  applyFailed: "ApplyFailed",
  forbidden: "Forbidden",
  identityFailed: "IdentityFailed",
  routesTooLarge: "RoutesTooLarge",
  rollingOut: "RollingOut",
  terminating: "Terminating",
  cleanupFailed: "CleanupFailed",
  // Available and Ready, of a tunnel.
  noPairReady: "NoPairReady",
  pairsNotReady: "PairsNotReady",
  // Accepted, of a route.
  tunnelNotFound: "TunnelNotFound",
  noMatchingParent: "NoMatchingParent",
  notAllowedByListeners: "NotAllowedByListeners",
  conflicted: "Conflicted",
  partlyConflicted: "PartlyConflicted",
  // ResolvedRefs, of a route.
  backendNotFound: "BackendNotFound",
  refNotPermitted: "RefNotPermitted",
  // Programmed, of a route.
  pending: "Pending",
  notReported: "NotReported",
  refused: "Refused",
  partlyRefused: "PartlyRefused",
} as const;

export type Reason = (typeof reasons)[keyof typeof reasons];
