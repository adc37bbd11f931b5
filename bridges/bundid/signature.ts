import { constants, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { Profile } from "./profile.ts";

/**
 * The signature of a message (bundid-fink.md §1.3): over the UTF-8 bytes of exactly the embedded string, in padded
 * standard base64. PKCS #1 v1.5 padding is what the interface demands, whatever BSI TR-02102-1 says about it since 2026.
 */
type Algorithm = Profile["signature"]["algorithm"];

const PADDING: Readonly<Record<Algorithm, number>> = {
  "RSASSA-PKCS1-v1_5-SHA512": constants.RSA_PKCS1_PADDING,
  "RSASSA-PSS-SHA512": constants.RSA_PKCS1_PSS_PADDING,
};

export function signContent(content: string, key: KeyObject, algorithm: Algorithm): string {
  return sign("sha512", Buffer.from(content, "utf8"), {
    key,
    padding: PADDING[algorithm],
  }).toString("base64");
}

/** false also for a signature that is not spelled in the one canonical way. */
export function verifyContent(
  content: string,
  signature: string,
  key: KeyObject,
  algorithm: Algorithm,
): boolean {
  const bytes = Buffer.from(signature, "base64");
  if (signature === "" || bytes.toString("base64") !== signature) return false;
  if (key.asymmetricKeyType !== "rsa" || !content.isWellFormed()) return false;
  return verify(
    "sha512",
    Buffer.from(content, "utf8"),
    { key, padding: PADDING[algorithm] },
    bytes,
  );
}

/** `{content, sha512sum}`: what stands in the part `json` and in the body of a status message. */
export function wrapSigned(content: string, key: KeyObject, profile: Profile): string {
  const { algorithm, payloadMember, member } = profile.signature;
  const signature = signContent(content, key, algorithm);
  return JSON.stringify({ [payloadMember]: content, [member]: signature });
}
