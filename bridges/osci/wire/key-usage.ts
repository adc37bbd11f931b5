import type { X509Certificate } from "node:crypto";

/** Object identifier 2.5.29.15, keyUsage. */
const keyUsageOid = Buffer.from("551d0f", "hex");
const SEQUENCE = 0x30;
const EXTENSIONS = 0xa3;
const OCTET_STRING = 0x04;
const BIT_STRING = 0x03;
/** Bits of KeyUsage (RFC 5280 §4.2.1.3), most significant first. */
const digitalSignature = 0x80;
const nonRepudiation = 0x40;
const keyEncipherment = 0x20;
const dataEncipherment = 0x10;

interface Tlv {
  readonly tag: number;
  readonly value: Buffer;
}

/**
 * Whether a certificate may sign messages and contents: without a KeyUsage extension yes, with one only when it names
 * digitalSignature or nonRepudiation (facts §3.5). A certificate whose extensions cannot be read may not.
 */
export function maySign(certificate: X509Certificate): boolean {
  const usage = keyUsageOf(certificate.raw);
  return usage === "none" || (usage & (digitalSignature | nonRepudiation)) !== 0;
}

/** Whether session keys may be wrapped for it: without a KeyUsage extension yes, with one only when it says so. */
export function mayDecipher(certificate: X509Certificate): boolean {
  const usage = keyUsageOf(certificate.raw);
  return usage === "none" || (usage & (keyEncipherment | dataEncipherment)) !== 0;
}

/** First octet of the KeyUsage bits; "none" when the extension is absent. */
function keyUsageOf(der: Buffer): number | "none" {
  const outer = elements(der)[0];
  const body = outer === undefined ? undefined : elements(outer.value)[0];
  if (body?.tag !== SEQUENCE) return 0;
  const wrapper = elements(body.value).find(({ tag }) => tag === EXTENSIONS);
  const list = wrapper === undefined ? undefined : elements(wrapper.value)[0];
  if (list === undefined) return "none";
  for (const extension of elements(list.value)) {
    const fields = elements(extension.value);
    if (fields[0]?.value.equals(keyUsageOid) !== true) continue;
    const octets = fields.find(({ tag }) => tag === OCTET_STRING);
    const bits = octets === undefined ? undefined : elements(octets.value)[0];
    return bits?.tag === BIT_STRING ? (bits.value[1] ?? 0) : 0;
  }
  return "none";
}

/** The elements that follow one another in `der` (DER, definite lengths); stops at the first that is broken. */
function elements(der: Buffer): readonly Tlv[] {
  const found: Tlv[] = [];
  for (let at = 0; at + 2 <= der.length;) {
    const tag = der[at] ?? 0;
    const first = der[at + 1] ?? 0;
    const extra = first < 0x80 ? 0 : first & 0x7f;
    if (extra > 4) break;
    const start = at + 2 + extra;
    const length = extra === 0 ? first : start > der.length ? -1 : der.readUIntBE(at + 2, extra);
    if (length < 0 || start + length > der.length) break;
    found.push({ tag, value: der.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}
