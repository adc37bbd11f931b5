import { createHmac } from "node:crypto";

/**
 * Every name the gateway gives itself on the homeserver. Names of people, mailboxes and cases are HMACs under a key of
 * the account: nobody can compute them from a known mailbox id, and two accounts never share one.
 */
export interface Names {
  /** Creates rooms and spaces, is in all of them, and syncs; the sender of the registration cannot `/sync`. */
  readonly keeper: string;
  /** `sender_localpart` of the registration; does nothing but answer `whoami`. */
  readonly bot: string;
  readonly server: string;
  /** Does this user id belong to the gateway? */
  isOwn(userId: string): boolean;
  ghost(bridge: string, key: Uint8Array, address: string): string;
  /** Localpart of the alias of a case room. */
  caseAlias(key: Uint8Array, conversationId: string): string;
  /** Localpart of the alias of a space. */
  spaceAlias(key: Uint8Array, address: string): string;
  alias(localpart: string): string;
}

export function createNames(prefix: string, server: string): Names {
  const user = (localpart: string) => `@${localpart}:${server}`;
  const suffix = `:${server}`;
  return {
    keeper: user(`${prefix}keeper`),
    bot: user(senderLocalpart(prefix)),
    server,
    isOwn: (userId) => userId.startsWith(`@${prefix}`) && userId.endsWith(suffix),
    ghost: (bridge, key, address) => user(`${prefix}${plain(bridge)}_${mac(key, address)}`),
    caseAlias: (key, conversationId) => `${prefix}case_${mac(key, conversationId)}`,
    spaceAlias: (key, address) => `${prefix}space_${mac(key, address)}`,
    alias: (localpart) => `#${localpart}${suffix}`,
  };
}

export function senderLocalpart(prefix: string): string {
  return `${prefix}bot`;
}

export function localpartOf(id: string): string {
  return id.slice(1, id.indexOf(":"));
}

/**
 * Users of any application service: the specification advises namespaces that begin with an underscore. They are never
 * answered, because two bridges that answer each other do so for ever.
 */
export function isApplicationUser(userId: string): boolean {
  return userId.startsWith("@_");
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
/** 26 characters of 5 bits: 130 bits of the MAC. */
const MAC_LENGTH = 26;

function mac(key: Uint8Array, text: string): string {
  return base32(createHmac("sha256", key).update(text, "utf8").digest()).slice(0, MAC_LENGTH);
}

/** RFC 4648 §6 without padding, in lower case because user ids allow no other. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((buffer >> bits) & 31);
    }
  }
  return bits > 0 ? text + ALPHABET.charAt((buffer << (5 - bits)) & 31) : text;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
