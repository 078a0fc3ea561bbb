/**
 * @peculiar/x509 is wired by tsyringe, which asks `Reflect` for the types that TypeScript's decorators leave behind. The
 * classes of x509 leave none, so "none" is the whole answer. Import this before x509. A real polyfill that is there
 * already stays.
 */
const none = () => undefined;

for (const name of ["getMetadata", "getOwnMetadata"]) {
  if (name in Reflect) continue;
  Object.defineProperty(Reflect, name, { value: none, configurable: true, writable: true });
}
