import type { LookupAddress } from "node:dns";
import { describe, expect, test } from "vitest";
import { allowAllButMetadata, guardedLookup } from "./address.ts";

describe("outside a cluster", () => {
  test.each(["127.0.0.1", "::1", "10.0.0.7", "192.168.1.1", "203.0.113.9", "fd00::1", "2001:db8::1", "fec0::1"])(
    "M4: %s may be dialled",
    (address) => expect(allowAllButMetadata(address)).toBe(true),
  );

  test.each([
    "169.254.169.254",
    "169.254.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "not an address",
  ])("M4: %s may not be dialled", (address) => expect(allowAllButMetadata(address)).toBe(false));
});

describe("a guarded lookup", () => {
  const loopback = (address: string) => address === "127.0.0.1" || address === "::1";

  test("answers the allowed addresses, all or one", async () => {
    const all = (await resolve(guardedLookup(loopback), { all: true })) as LookupAddress[];
    expect(all.length).toBeGreaterThan(0);
    expect(all.every(({ address }) => loopback(address))).toBe(true);
    expect(
      await resolve(
        guardedLookup((address) => address === "127.0.0.1"),
        { family: 4 },
      ),
    ).toBe("127.0.0.1");
  });

  test("M4: with no allowed address fails, names the host and the mend, not the address", async () => {
    await expect(
      resolve(
        guardedLookup(() => false),
        { all: true },
      ),
    ).rejects.toMatchObject({
      code: "POLICY",
      message:
        'destination "localhost" has no address that may be dialled (link-local and cloud metadata addresses are not ' +
        "allowed); point the route's backendRefs at the service itself",
    });
  });
});

function resolve(lookup: ReturnType<typeof guardedLookup>, options: { all?: boolean; family?: number }) {
  return new Promise((done, fail) => {
    lookup("localhost", options, (error, address) => (error ? fail(error) : done(address)));
  });
}
