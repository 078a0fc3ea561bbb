import packageJson from "./package.json" with { type: "json" };

/** For people: logs, status pages, the registration. */
export const software = `sallyport/${packageJson.version}`;
