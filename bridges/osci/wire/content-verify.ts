import { giveWay } from "../../../src/guard/xml-pace.ts";
import { attributeOf, elementsOf, indexIds } from "../../../src/guard/xml.ts";
import type { RoleCertificate } from "./certificates.ts";
import type { Content, ContentContainer } from "./content.ts";
import type { DigestValues } from "./digests.ts";
import { asMalformed } from "./errors.ts";
import type { SignedPart } from "./references.ts";
import { readSignature } from "./signature-read.ts";
import {
  examineSignature,
  type SignaturePolicy,
  type SignatureReport,
} from "./signature-verify.ts";

export interface ContentVerification {
  /** Of the whole message. */
  readonly certificates: readonly RoleCertificate[];
  /** By cid: digests of the plaintext of each attachment (facts §3.4). */
  readonly attachments: ReadonlyMap<string, DigestValues>;
  readonly trusts: SignaturePolicy["trusts"];
  readonly signal?: AbortSignal;
}

/** Roles that may sign contents. */
const authors: readonly string[] = [
  "SignatureCertificateOriginator",
  "SignatureCertificateOtherAuthor",
  "SignatureCertificateAddressee",
];

/**
 * Checks every signature of a container, each by itself: several authors may sign the same contents (facts §3.6). A
 * signature must cover all contents: inline data by their decoded bytes, attachments by their reference and by their
 * plaintext, what is nested by its canonical form.
 */
export async function examineContents(
  container: ContentContainer,
  { certificates, attachments, trusts, signal }: ContentVerification,
): Promise<readonly SignatureReport[]> {
  if (container.signatures.length === 0) return [];
  asMalformed("the signed content", () => indexIds(container.document.root));
  const parts = [
    ...container.contents.flatMap((content) => partsOf(content, attachments)),
    ...container.encrypted.map(({ element }): SignedPart => ({ kind: "element", element })),
  ];
  const reports: SignatureReport[] = [];
  for (const element of container.signatures) {
    await giveWay(signal);
    const signature = readSignature(element);
    const report = await examineSignature(signature, parts, certificates, {
      accepts: ({ certificate, role }) => authors.includes(role) && trusts(certificate, role),
      mayCoverMore: signature.objects.flatMap((object) =>
        [...elementsOf(object)]
          .filter((inner) => attributeOf(inner, "Id") !== undefined)
          .map((inner): SignedPart => ({ kind: "element", element: inner })),
      ),
      signal,
    });
    reports.push(report);
  }
  return reports;
}

function partsOf(content: Content, attachments: ReadonlyMap<string, DigestValues>): SignedPart[] {
  if (content.kind === "data") return [{ kind: "base64", element: content.element }];
  const element: SignedPart = { kind: "element", element: content.element };
  if (content.kind === "container") return [element];
  const digests = attachments.get(content.cid) ?? new Map<string, Buffer>();
  return [element, { kind: "attachment", cid: content.cid, digests }];
}
