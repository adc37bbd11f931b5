import { createHash, X509Certificate } from "node:crypto";
import {
  attributeOf,
  childElements,
  requiredChild,
  textOf,
  type XmlElement,
} from "../../../src/guard/xml.ts";
import { element as writeElement } from "./element.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { asMalformed, hostile, malformed } from "./errors.ts";
import { NS } from "./names.ts";

/**
 * Certificates of the roles in a message, in the order in which the library writes them (facts §2.5). The schema wants
 * SignatureCertificateOtherAuthor before …Addressee; so does nobody else.
 */
export const NON_INTERMEDIARY_ROLES = Object.freeze([
  "CipherCertificateOriginator",
  "CipherCertificateOtherAuthor",
  "CipherCertificateAddressee",
  "CipherCertificateOtherReader",
  "SignatureCertificateOriginator",
  "SignatureCertificateAddressee",
  "SignatureCertificateOtherAuthor",
] as const);
export const INTERMEDIARY_ROLES = Object.freeze([
  "CipherCertificateIntermediary",
  "SignatureCertificateIntermediary",
] as const);

export type NonIntermediaryRole = (typeof NON_INTERMEDIARY_ROLES)[number];
export type IntermediaryRole = (typeof INTERMEDIARY_ROLES)[number];
export type CertificateRole = NonIntermediaryRole | IntermediaryRole;

export interface RoleCertificate<R extends CertificateRole = CertificateRole> {
  readonly role: R;
  /** What RetrievalMethod elements point to. */
  readonly id: string;
  readonly certificate: X509Certificate;
}

/** Of one block; real messages have a handful. */
const maxCertificates = 500;
/** Base64 characters of one certificate. */
const maxCertificateLength = 64 * 1024;
/** Roles of which a block may hold several. */
const repeatable: readonly CertificateRole[] = [
  "CipherCertificateOtherAuthor",
  "CipherCertificateOtherReader",
  "SignatureCertificateOtherAuthor",
];
/** How the library begins the ids of the roles that occur once (facts §1.1). */
const idPrefixes: Readonly<Partial<Record<CertificateRole, string>>> = {
  CipherCertificateOriginator: "originator_cipher",
  SignatureCertificateOriginator: "originator_signature",
  CipherCertificateAddressee: "addressee_cipher",
  SignatureCertificateAddressee: "addressee_signature",
  CipherCertificateIntermediary: "intermed_cipher",
  SignatureCertificateIntermediary: "intermed_signature",
};

/** A certificate of a role with an id as the library makes them; `ordinal` tells several readers or authors apart. */
export function roleCertificate<R extends CertificateRole>(
  role: R,
  certificate: X509Certificate,
  ordinal = 0,
): RoleCertificate<R> {
  const digest = createHash("sha256").update(certificate.raw).digest("hex");
  return { role, id: `${idPrefixes[role] ?? otherPrefix(role, ordinal)}_${digest}`, certificate };
}

function otherPrefix(role: CertificateRole, ordinal: number): string {
  const kind = role.startsWith("Cipher") ? "cipher" : "signature";
  return `${role.endsWith("Reader") ? "reader" : "author"}${String(ordinal)}_${kind}`;
}

/** Reads NonIntermediaryCertificates or IntermediaryCertificates; unknown elements and second ones are refused. */
export function readRoleCertificates<R extends CertificateRole>(
  block: XmlElement,
  roles: readonly R[],
): readonly RoleCertificate<R>[] {
  return asMalformed(block.local, () => readCertificates(block, roles));
}

function readCertificates<R extends CertificateRole>(
  block: XmlElement,
  roles: readonly R[],
): readonly RoleCertificate<R>[] {
  const elements = childElements(block);
  if (elements.length > maxCertificates) throw hostile("too many certificates");
  const found = elements.map((element) => {
    const role = roles.find((name) => name === element.local);
    if (role === undefined || element.uri !== NS.osci)
      throw malformed(`an unknown element among the certificates of ${block.local}`);
    return { role, id: requireId(element), certificate: readX509Data(element) };
  });
  for (const role of roles)
    if (!repeatable.includes(role) && found.filter((entry) => entry.role === role).length > 1)
      throw malformed(`${role} occurs twice`);
  return found;
}

/** `ds:X509Data/ds:X509Certificate` below `parent`. */
export function readX509Data(parent: XmlElement): X509Certificate {
  const data = requiredChild(parent, NS.ds, "X509Data");
  const text = textOf(requiredChild(data, NS.ds, "X509Certificate"));
  if (text.length > maxCertificateLength) throw hostile("a certificate is too long");
  try {
    return new X509Certificate(decodeBase64(text));
  } catch (cause) {
    throw malformed("a certificate cannot be read", cause);
  }
}

export function writeX509Data(certificate: X509Certificate): string {
  const encoded = writeElement("ds:X509Certificate", [], encodeBase64(certificate.raw));
  return writeElement("ds:X509Data", [], encoded);
}

/** The elements of a certificate block, in the documented order. */
export function writeRoleCertificates<R extends CertificateRole>(
  certificates: readonly RoleCertificate<R>[],
  order: readonly R[],
): string {
  return order
    .flatMap((role) => certificates.filter((entry) => entry.role === role))
    .map(({ role, id, certificate }) =>
      writeElement(`osci:${role}`, [["Id", id]], writeX509Data(certificate)),
    )
    .join("");
}

function requireId(element: XmlElement): string {
  const id = attributeOf(element, "Id");
  if (id === undefined || id === "") throw malformed(`${element.local} has no Id`);
  return id;
}
