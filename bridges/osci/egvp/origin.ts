import type { X509Certificate } from "node:crypto";
import type { Party } from "../../../src/model/message.ts";
import { EGVP } from "./profile.ts";

/** What the certificate of the verified transport signature proves about the sender (VHN, facts §5.3). */
export interface Origin {
  /** Name of the kind in the profile; undefined: no VHN. */
  readonly kind?: string;
  /** The issuer is one that the operator trusts. Without this the names in the certificate are claims. */
  readonly proved: boolean;
  readonly sentence: string;
  readonly role?: Party["role"];
  /** Mailbox named by the certificate (`UID`): a SAFE-ID, or a govello number of old. */
  readonly mailbox?: string;
}

/**
 * `authorities`: certificates that issue VHN; none: the operator named none, so the issuer stays unchecked.
 * `at`: the certificate must have been valid then.
 */
export function originOf(
  signer: X509Certificate | undefined,
  authorities: readonly X509Certificate[] | undefined,
  at: Date,
): Origin {
  const unknown: Origin = { proved: false, sentence: EGVP.origin.unknown };
  if (signer === undefined || !isValidAt(signer, at)) return unknown;
  const issuer = nameOf(signer.issuer, "CN");
  const subject = nameOf(signer.subject, "CN");
  const kind = EGVP.origin.kinds.find(
    (known) => known.issuer.test(issuer ?? "") && known.subject.test(subject ?? ""),
  );
  if (kind === undefined) return unknown;
  const proved = authorities?.some((authority) => isIssuedBy(signer, authority, at)) ?? false;
  if ((authorities?.length ?? 0) > 0 && !proved) return unknown;
  const mailbox = nameOf(signer.subject, "UID");
  return {
    kind: kind.name,
    proved,
    sentence: proved
      ? kind.sentence
      : EGVP.origin.unproved.replace("{sentence}", () => kind.sentence),
    ...(kind.role === undefined ? {} : { role: kind.role }),
    ...(mailbox === undefined ? {} : { mailbox }),
  };
}

function isIssuedBy(signer: X509Certificate, authority: X509Certificate, at: Date): boolean {
  return (
    authority.ca &&
    isValidAt(authority, at) &&
    signer.checkIssued(authority) &&
    signer.verify(authority.publicKey)
  );
}

function isValidAt({ validFromDate, validToDate }: X509Certificate, at: Date): boolean {
  return validFromDate <= at && at <= validToDate;
}

/** One attribute of a name as Node prints it, one per line; undefined when it is missing or stands there twice. */
export function nameOf(distinguished: string, attribute: string): string | undefined {
  const found = distinguished
    .split("\n")
    .filter((line) => line.startsWith(`${attribute}=`))
    .map((line) => line.slice(attribute.length + 1).normalize("NFC"));
  return found.length === 1 ? found[0] : undefined;
}
