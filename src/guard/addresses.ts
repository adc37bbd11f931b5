import { BlockList, isIP } from "node:net";

/**
 * Ranges that are not the public internet, so that a name an outsider controls can never lead inside
 * (IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 6890, RFC 4291, RFC 6052).
 */
const NOT_PUBLIC_V4 = [
  "0.0.0.0/8", // this network, unspecified
  "10.0.0.0/8",
  "100.64.0.0/10", // carrier-grade NAT
  "127.0.0.0/8",
  "169.254.0.0/16", // link-local, cloud metadata
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, broadcast
] as const;
/** Everything public in IPv6 is inside this range; loopback, local, mapped and translated addresses are not. */
const GLOBAL_V6 = "2000::/3";
const NOT_PUBLIC_V6 = [
  "2001::/23", // protocol assignments, Teredo
  "2001:db8::/32",
  "2002::/16", // 6to4 carries an IPv4 address
  "3fff::/20",
] as const;

const notPublicV4 = blockListOf(NOT_PUBLIC_V4);
const globalV6 = blockListOf([GLOBAL_V6]);
const notPublicV6 = blockListOf(NOT_PUBLIC_V6);

/** May a connection go to this address? Private ranges only when they are named. Takes and judges literals only. */
export type AddressRule = (address: string) => boolean;

/** `privateNetworks`: CIDR ranges, IPv4 or IPv6, in which private addresses are allowed. Throws for anything else. */
export function createAddressRule(privateNetworks: readonly string[]): AddressRule {
  const named = blockListOf(privateNetworks);
  return (address) => {
    const bare = address.replace(/%.*$/, "");
    const family = isIP(bare);
    if (family === 0) return false;
    if (named.check(bare, family === 4 ? "ipv4" : "ipv6")) return true;
    if (family === 4) return !notPublicV4.check(bare, "ipv4");
    return globalV6.check(bare, "ipv6") && !notPublicV6.check(bare, "ipv6");
  };
}

function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits = ""] = range.split("/");
    const family = isIP(address);
    if (family === 0 || !/^\d{1,3}$/.test(bits)) throw new TypeError(`not a CIDR range: ${range}`);
    list.addSubnet(address, Number(bits), family === 4 ? "ipv4" : "ipv6");
  }
  return list;
}
