import packageJson from "./package.json" with { type: "json" };

export const version: string = packageJson.version;

/** For people: logs, status pages, the registration. */
export const software = `sallyport/${version}`;
