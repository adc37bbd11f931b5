import { expect, test } from "vitest";
import { createAddressRule } from "../../../src/guard/addresses.ts";

const inward = [
  ["127.0.0.1", "loopback"],
  ["127.255.255.254", "loopback"],
  ["0.0.0.0", "unspecified"],
  ["10.1.2.3", "private"],
  ["172.16.0.1", "private"],
  ["172.31.255.255", "private"],
  ["192.168.1.1", "private"],
  ["100.64.0.1", "carrier-grade NAT"],
  ["169.254.169.254", "link-local, metadata"],
  ["224.0.0.1", "multicast"],
  ["255.255.255.255", "broadcast"],
  ["::", "unspecified"],
  ["::1", "loopback"],
  ["::ffff:127.0.0.1", "mapped loopback"],
  ["::ffff:8.8.8.8", "mapped public"],
  ["::127.0.0.1", "compatible"],
  ["fe80::1", "link-local"],
  ["fe80::1%eth0", "link-local with zone"],
  ["fc00::1", "unique local"],
  ["fd12:3456::1", "unique local"],
  ["ff02::1", "multicast"],
  ["64:ff9b::7f00:1", "NAT64 of loopback"],
  ["2002:7f00:1::", "6to4 of loopback"],
  ["2001::1", "Teredo"],
  ["2001:db8::1", "documentation"],
  ["localhost", "no address at all"],
  ["", "nothing"],
] as const;

test.each(inward)("%s is refused by default (%s)", (address) => {
  expect(createAddressRule([])(address)).toBe(false);
});

test.each(["8.8.8.8", "172.32.0.1", "172.15.255.255", "2a01:4f8::1", "2600::1"])(
  "%s is public",
  (address) => {
    expect(createAddressRule([])(address)).toBe(true);
  },
);

test("a named network opens exactly itself", () => {
  const rule = createAddressRule(["10.20.0.0/16", "fd12::/32", "127.0.0.1/32"]);
  expect(rule("10.20.255.1")).toBe(true);
  expect(rule("10.21.0.1")).toBe(false);
  expect(rule("fd12::5")).toBe(true);
  expect(rule("fd13::5")).toBe(false);
  expect(rule("127.0.0.1")).toBe(true);
  expect(rule("127.0.0.2")).toBe(false);
  expect(rule("::ffff:10.20.0.1")).toBe(true);
  expect(rule("::ffff:10.21.0.1")).toBe(false);
});

test.each(["10.0.0.0", "10.0.0.0/33", "example.org/8", "10.0.0.0/x", ""])(
  "%s is not a network",
  (range) => {
    expect(() => createAddressRule([range])).toThrow();
  },
);
