import type { X509Certificate } from "node:crypto";
import { GatewayError } from "../../src/model/errors.ts";
import type { Detail, Party } from "../../src/model/message.ts";
import { digestOfCertificate, type AddressBook, type AddressEntry } from "./egvp/address-book.ts";
import { originOf } from "./egvp/origin.ts";
import { fieldOf } from "./keys.ts";
import { sameCertificate } from "./wire/keys.ts";
import type { Message } from "./wire/message-read.ts";
import type { CertificateInspection, ProcessCard } from "./wire/process-card.ts";

/**
 * Who sent a delivery. The sender's transport signature ends at the intermediary: it checks StoreDelivery, keeps the
 * certificates that came with it and signs its own answer (facts §2.6, §3.5). So a certificate in a fetched delivery
 * says who sent it only when all of this holds:
 *
 * 1. the answer is signed by the intermediary we know (checked before anything gets here),
 * 2. the operator states that this intermediary refuses unsigned deliveries (`demandsSignatures`): else anybody can put
 *    the public certificate of another into an unsigned one,
 * 3. every inspection of that certificate in the process card found it good (facts §4).
 */
export function vouchedSigner(
  message: Message,
  card: ProcessCard,
  demandsSignatures: boolean,
): X509Certificate | undefined {
  const certificate = roleOf(message, "SignatureCertificateOriginator");
  if (certificate === undefined || !demandsSignatures) return undefined;
  const about = card.inspections.filter((inspection) => isAbout(inspection, certificate));
  return about.length > 0 && about.every(isGood) ? certificate : undefined;
}

export function roleOf(
  { certificates }: Message,
  role: "SignatureCertificateOriginator" | "CipherCertificateOriginator",
): X509Certificate | undefined {
  return certificates.find((entry) => entry.role === role)?.certificate;
}

/**
 * By serial number and the common name of the issuer: names are written in many ways. Whoever brings a second
 * certificate with both the same makes both count, and then both must be good.
 */
function isAbout({ serialNumber, issuer }: CertificateInspection, certificate: X509Certificate) {
  if (!/^\d{1,60}$/.test(serialNumber.trim())) return false;
  if (BigInt(serialNumber.trim()) !== BigInt(`0x${certificate.serialNumber}`)) return false;
  const name = fieldOf(certificate, "CN", "issuer");
  return name === undefined || plain(issuer).includes(plain(`CN=${name}`));
}
function plain(name: string): string {
  return name.replaceAll("\\", "").replace(/\s+/g, "").toLowerCase();
}
function isGood({ mathResult, offlineResult, onlineResult = "ok" }: CertificateInspection) {
  return mathResult === "ok" && offlineResult === "valid" && onlineResult === "ok";
}

export interface Origin {
  readonly party: Party;
  /** By what cases know this sender: never only by what it claims of itself. */
  readonly counterpart: string;
  readonly proved: boolean;
  readonly details: readonly Detail[];
}

export interface OriginFacts {
  readonly originator: X509Certificate | undefined;
  readonly signer: X509Certificate | undefined;
  readonly authorities: readonly X509Certificate[];
  /** When it was deposited. */
  readonly at: Date;
  readonly messageId: string;
}

/**
 * Holds what a delivery says of its sender against certificates and address book. Throws CERTIFICATE_INVALID when they
 * contradict each other: a claimed SAFE-ID never passes with the certificate of another mailbox.
 */
export function judgeOrigin(
  claimed: Party,
  facts: OriginFacts,
  book: AddressBook | undefined,
  demandsSignatures: boolean,
): Origin {
  const { originator, signer, authorities, at } = facts;
  const entry = book?.find(claimed.address);
  const owner = originator && book?.byCipherCertificate(digestOfCertificate(originator));
  if (owner !== undefined && owner !== entry)
    throw contradiction("the mailbox certificate of another entry of the address book");
  if (entry !== undefined && owner === undefined)
    throw contradiction("another mailbox certificate than the address book has for this SAFE-ID");
  // Without anything to check a certificate against, nobody could ever be proved, and all would be strangers.
  const canProve = demandsSignatures && (authorities.length > 0 || hasSignatures(entry));
  const vhn = originOf(signer, authorities, at);
  const named = vhn.proved ? vhn.mailbox : undefined;
  if (named !== undefined && isSafeId(named) && !sameId(named, claimed.address))
    throw contradiction("a certificate of origin (VHN) of another SAFE-ID");
  const proved = (named !== undefined && sameId(named, claimed.address)) || isListed(signer, entry);
  return {
    party: partyOf(claimed, entry),
    counterpart: counterpartOf(
      entry?.safeId ?? claimed.address,
      markOf(facts, entry, proved, canProve),
    ),
    proved,
    details: detailsOf(entry, proved, canProve),
  };
}

/**
 * The name of a counterpart in the records of cases. `mark` tells senders apart who claim the same SAFE-ID and have not
 * shown that it is theirs: their letters never come into the room of the one they claim to be.
 */
export function counterpartOf(safeId: string, mark?: string): string {
  return mark === undefined ? safeId.toLowerCase() : `${safeId.toLowerCase()}|${mark}`;
}

/** undefined: it is the one it says, as far as anybody can know at this intermediary. */
function markOf(
  { originator, messageId }: OriginFacts,
  entry: AddressEntry | undefined,
  proved: boolean,
  canProve: boolean,
): string | undefined {
  if (proved) return undefined;
  if (entry !== undefined) return canProve ? "unproved" : undefined;
  return originator === undefined ? messageId : digestOfCertificate(originator);
}

function partyOf(claimed: Party, entry: AddressEntry | undefined): Party {
  if (entry === undefined) return claimed;
  const { safeId: address, name, role = claimed.role } = entry;
  return { address, name, ...(role === undefined ? {} : { role }) };
}

function detailsOf(entry: AddressEntry | undefined, proved: boolean, canProve: boolean): Detail[] {
  const details: Detail[] = [];
  if (entry === undefined)
    details.push({ label: "Adressbuch", value: "Absenderpostfach ist nicht verzeichnet" });
  if (!proved && canProve)
    details.push({
      label: "Absenderangabe",
      value: "nicht durch einen Herkunftsnachweis dieses Postfachs belegt",
    });
  return details;
}

function isListed(signer: X509Certificate | undefined, entry: AddressEntry | undefined): boolean {
  if (signer === undefined) return false;
  return entry?.signature?.some((known) => sameCertificate(known, signer)) ?? false;
}
function hasSignatures(entry: AddressEntry | undefined): boolean {
  return (entry?.signature?.length ?? 0) > 0;
}
function sameId(one: string, other: string): boolean {
  return one.trim().toLowerCase() === other.trim().toLowerCase();
}
/** Old certificates carry a govello number instead (facts §5.2). */
function isSafeId(text: string): boolean {
  return /^DE\./i.test(text);
}

function contradiction(what: string): GatewayError {
  return new GatewayError("CERTIFICATE_INVALID", `the delivery carries ${what}`);
}
