import { z } from "zod";

/**
 * The form of an address book, the file that stands in for the SAFE directory (facts §5.7):
 *
 * ```yaml
 * version: 1
 * intermediaries:
 *   justiz-nord:
 *     url: https://osci.example.de/osci-manager/entry
 *     cipher: { file: certificates/manager-cipher.pem, sha256: "<hex digest of the DER form>" }
 *     signature: { pem: "-----BEGIN CERTIFICATE-----…" }   # or a list while it changes
 * entries:
 *   - safeId: DE.Justiz.11111111-2222-4333-8444-555555555555.abcd
 *     name: Amtsgericht Musterstadt
 *     place: Musterstadt            # searched like the name
 *     role: authority               # citizen, authority, organisation
 *     cipher: { file: certificates/ag.pem, sha256: "…" }
 *     signature: [{ file: certificates/ag-vhn.pem, sha256: "…" }]
 *     intermediary: justiz-nord
 * ```
 *
 * A certificate in a file of its own is named with its digest (in quotes: YAML takes some digests for numbers); the digest
 * or signature of the book then covers it too.
 */

const words = z.string().trim().min(1).max(500);
const certificate = z.union(
  [
    z.strictObject({
      file: z
        .string()
        .max(500)
        .regex(
          /^(?![/\\])(?!.*(?:^|[/\\])\.\.(?:[/\\]|$))(?!.*[\\:]).+$/,
          "must be a path below the folder of the address book",
        ),
      sha256: z
        .string()
        .regex(/^[0-9a-fA-F]{64}$/, "must be the SHA-256 of the DER form, 64 hex digits")
        .transform((digest) => digest.toLowerCase()),
    }),
    z.strictObject({ pem: z.string().max(50_000).includes("-----BEGIN CERTIFICATE-----") }),
  ],
  {
    error:
      "must be { file: <path below this folder>, sha256: <64 hex digits, in quotes> } or { pem }",
  },
);
export type CertificateSource = z.output<typeof certificate>;

const url = z
  .string()
  .max(2_000)
  .refine(isPlainUrl, "must be an absolute http or https URL without user and fragment");

/** One, or while the intermediary changes its certificate the old and the new one: answers of either are believed. */
const signatures = z.union([
  z.array(certificate).min(1).max(5),
  certificate.transform((one) => [one]),
]);
const intermediary = z.strictObject({ url, cipher: certificate, signature: signatures });

const entry = z.strictObject({
  safeId: z
    .string()
    .max(255)
    .regex(/^[A-Za-z0-9._-]+$/, "must be a SAFE-ID such as DE.Justiz.<uuid>.<4 hex digits>"),
  name: words,
  place: words.optional(),
  role: z.enum(["citizen", "authority", "organisation"]).optional(),
  cipher: certificate,
  signature: z.array(certificate).max(10).optional(),
  intermediary: z.string().max(100),
});

export const MAX_ENTRIES = 20_000;

export const addressBookForm = z.strictObject({
  version: z.literal(1),
  intermediaries: z.record(z.string().min(1).max(100), intermediary),
  entries: z.array(entry).min(1).max(MAX_ENTRIES),
});
export type AddressBookForm = z.output<typeof addressBookForm>;

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const parsed = new URL(text);
  return (
    ["http:", "https:"].includes(parsed.protocol) &&
    parsed.username === "" &&
    parsed.password === "" &&
    parsed.hash === ""
  );
}
