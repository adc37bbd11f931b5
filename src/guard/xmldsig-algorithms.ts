/**
 * Algorithms of XML signatures that are verified here, by their URIs (RFC 9231, XML Signature 1.1). The only list;
 * frozen. Hashes and key lengths are those of the preset (`crypto.ts`). SHA-1, MD5, DSA, HMAC and the parametrised
 * `rsa-pss` are not here on purpose: what is not on the list is refused.
 */
import { constants, verify, type X509Certificate } from "node:crypto";
import { GatewayError } from "../model/errors.ts";
import { CRYPTO } from "./crypto.ts";

const XMLENC = "http://www.w3.org/2001/04/xmlenc#";
const MORE_2001 = "http://www.w3.org/2001/04/xmldsig-more#";
const MORE_2007 = "http://www.w3.org/2007/05/xmldsig-more#";

type HashName = (typeof CRYPTO.hashes)[number];
interface SignatureMethod {
  /** rsa: PKCS #1 v1.5. pss: salt as long as the digest, MGF1 with the same hash. ecdsa: raw r‖s. */
  readonly scheme: "rsa" | "pss" | "ecdsa";
  readonly hash: HashName;
}

const DIGESTS: ReadonlyMap<string, HashName> = new Map<string, HashName>([
  [`${XMLENC}sha256`, "sha256"],
  [`${MORE_2001}sha384`, "sha384"],
  [`${XMLENC}sha512`, "sha512"],
]);
const METHODS: ReadonlyMap<string, SignatureMethod> = new Map(
  (["sha256", "sha384", "sha512"] as const).flatMap((hash): [string, SignatureMethod][] => [
    [`${MORE_2001}rsa-${hash}`, { scheme: "rsa", hash }],
    [`${MORE_2007}${hash}-rsa-MGF1`, { scheme: "pss", hash }],
    [`${MORE_2001}ecdsa-${hash}`, { scheme: "ecdsa", hash }],
  ]),
);
/** As `node:crypto` names them (BSI TR-02102-1: at least 250 bits). */
const CURVES: readonly string[] = [
  ...["prime256v1", "secp384r1", "secp521r1"],
  ...["brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"],
];

/** The hash of a digest method. Throws SIGNATURE_INVALID for one that is not on the list. */
export function digestName(uri: string): HashName {
  const name = DIGESTS.get(uri);
  if (name === undefined) throw new GatewayError("SIGNATURE_INVALID", forbidden("digest", uri));
  return name;
}

/** Throws SIGNATURE_INVALID for a signature method that is not on the list. */
export function requireMethod(uri: string): SignatureMethod {
  const method = METHODS.get(uri);
  if (method === undefined)
    throw new GatewayError("SIGNATURE_INVALID", forbidden("signature", uri));
  return method;
}

function forbidden(kind: string, uri: string): string {
  return `${kind} method ${uri.slice(0, 100)} is not allowed`;
}

/** Why this certificate cannot be what signed, whatever the value is; undefined: it can. */
export function unfit(
  certificate: X509Certificate,
  { scheme }: SignatureMethod,
  now: Date,
): string | undefined {
  const { publicKey, validFromDate, validToDate } = certificate;
  const { modulusLength = 0, namedCurve = "" } = publicKey.asymmetricKeyDetails ?? {};
  if (now < validFromDate) return "is not valid yet";
  if (now > validToDate) return "has expired";
  if (scheme === "ecdsa")
    return publicKey.asymmetricKeyType === "ec" && CURVES.includes(namedCurve)
      ? undefined
      : "has no key on an allowed curve";
  if (publicKey.asymmetricKeyType !== "rsa") return "has no RSA key";
  const { minBits } = CRYPTO.rsa;
  return modulusLength >= minBits ? undefined : `has a key of less than ${String(minBits)} bits`;
}

export function verifyValue(
  { scheme, hash }: SignatureMethod,
  certificate: X509Certificate,
  data: Uint8Array,
  value: Uint8Array,
): boolean {
  const options = {
    rsa: { padding: constants.RSA_PKCS1_PADDING },
    pss: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
    ecdsa: { dsaEncoding: "ieee-p1363" as const },
  }[scheme];
  try {
    return verify(hash, data, { key: certificate.publicKey, ...options }, value);
  } catch {
    // A value that cannot be one of this key (length, range): as wrong as any other.
    return false;
  }
}
