import { createHmac, timingSafeEqual } from "node:crypto";
import { CRYPTO } from "../../src/guard/crypto.ts";

/**
 * How an answer finds its letter (bundid-fink.md §7.4): our id with a MAC, and nothing personal. Two forms, with
 * separate MACs: the routing information that ZBP hands back with a reply, and the address of confirmation mails.
 */
export interface Routing {
  /** `mxgw1.<id>.<mac>` */
  routingInfo(id: string): string;
  /** The id, or undefined when it is not ours or was changed. */
  readRoutingInfo(text: string): string | undefined;
  /** Local part of the confirmation address: `<prefix><id without dashes>.<mac>`, at most 64 characters (RFC 5321). */
  localPart(id: string): string;
  /** Case does not matter: mail servers may change it. */
  readLocalPart(text: string): string | undefined;
}

const VERSION = "mxgw1";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** `key`: 32 bytes, `context.derive("routing")`. `prefix`: of the profile, such as `ack+`. */
export function createRouting(key: Uint8Array, prefix: string): Routing {
  const mac = (purpose: string, id: string) =>
    createHmac("sha256", key).update(`${purpose}:${id}`).digest().subarray(0, CRYPTO.macBytes);
  const matches = (expected: string, given: string) =>
    expected.length === given.length && timingSafeEqual(Buffer.from(expected), Buffer.from(given));
  const routingInfo = (id: string) => `${VERSION}.${id}.${mac("reply", id).toString("base64url")}`;
  const localPart = (id: string) => `${prefix}${id.replaceAll("-", "")}.${base32(mac("mail", id))}`;
  return {
    routingInfo,
    localPart,
    readRoutingInfo(text) {
      const [version, id = "", , ...rest] = text.split(".");
      if (version !== VERSION || rest.length > 0 || !UUID.test(id)) return undefined;
      return matches(routingInfo(id), text) ? id : undefined;
    },
    readLocalPart(text) {
      const given = text.toLowerCase();
      if (!given.startsWith(prefix)) return undefined;
      const id = withDashes(given.slice(prefix.length).split(".")[0] ?? "");
      return UUID.test(id) && matches(localPart(id), given) ? id : undefined;
    },
  };
}

function withDashes(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** RFC 4648 §6 in lower case, without padding. */
function base32(bytes: Uint8Array): string {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => BASE32.charAt(Number.parseInt(group.padEnd(5, "0"), 2))).join("");
}
