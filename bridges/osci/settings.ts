import { z } from "zod";
import { baseUrl, byteSize, duration, secret, settingsFile } from "../../src/bridge/settings.ts";
import { CIPHER_NAMES, SIGNATURE_NAMES } from "./suite.ts";

/** `settings:` of an OSCI/EGVP account. Every key is described in an operator's words. */

const SAFE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{3,199}$/;
const DAY = 86_400_000;

const keyStore = (what: string) =>
  z.strictObject({
    pkcs12: settingsFile().describe(`PKCS#12 file (.p12, .pfx) with ${what}.`),
    pin: secret().describe("PIN of that file."),
  });

const line = (max = 255) => z.string().min(1).max(max);

const card = z
  .strictObject({
    addition: line().optional().describe("Second line of the organisation's name."),
    salutation: line(40).optional().describe("Salutation of a contact person."),
    academicTitle: line(80).optional().describe("Academic title of a contact person."),
    firstName: line().optional().describe("First name of a contact person."),
    lastName: line().optional().describe("Last name of a contact person."),
    street: line().optional().describe("Street."),
    houseNumber: line(40).optional().describe("House number."),
    postcode: line(20).optional().describe("Postal code."),
    city: line().optional().describe("City."),
    state: line(80).optional().describe("Federal state."),
    country: line(80).optional().describe("Country."),
    email: line().optional().describe("E-mail address."),
    mobile: line(60).optional().describe("Mobile phone."),
    phone: line(60).optional().describe("Phone."),
    fax: line(60).optional().describe("Fax."),
  })
  .prefault({})
  .describe("Further lines of the business card that goes with every letter.");

const mailbox = z
  .strictObject({
    safeId: z
      .string()
      .regex(
        SAFE_ID,
        "must be a SAFE-ID such as DE.Justiz.11111111-2222-4333-8444-555555555555.abcd",
      )
      .describe("SAFE-ID of this mailbox."),
    organisation: line().describe("Name of the authority, as it stands in the directory (SAFE)."),
    role: line(80)
      .default("egvp_bebpo")
      .describe("Role of this mailbox in EGVP, for example egvp_bebpo or egvp_justiz."),
    card,
  })
  .describe("The mailbox that this account is.");

const keys = z
  .strictObject({
    cipher: keyStore("the key and certificate of the mailbox").describe(
      "Key and certificate of the mailbox: letters to it are encrypted for them.",
    ),
    signature: keyStore("the key and certificate for transport signatures (VHN)").describe(
      "Key and certificate that sign every request; the proof of origin (VHN) for recipients.",
    ),
    older: z
      .array(keyStore("an older key of the mailbox"))
      .max(20)
      .default([])
      .describe("Earlier keys of the mailbox: they only decrypt what was sent before a change."),
  })
  .describe("Private keys of this account.");

const intermediary = z
  .strictObject({
    url: baseUrl().describe(
      "Where the intermediary of this mailbox is reached. Plain http is usual: OSCI protects the message itself.",
    ),
    cipher: settingsFile().describe("Its cipher certificate (PEM): requests are encrypted for it."),
    signatures: z
      .array(settingsFile())
      .min(1)
      .max(5)
      .describe(
        "Its signature certificates (PEM); answers signed by anything else are refused. Several during a change.",
      ),
    demandsSignatures: z
      .boolean()
      .default(false)
      .describe(
        "Does it refuse deliveries without the sender's transport signature (ask its operator)? Only then does a certificate of origin (VHN) in a delivery prove who sent it; otherwise every sender is shown as not proved.",
      ),
  })
  .describe("The intermediary at which this mailbox lies.");

const addressBook = z
  .strictObject({
    file: settingsFile().describe(
      "Address book (YAML): recipients with their certificates and intermediaries. Read once at start: restart the gateway after a change.",
    ),
    sha256: z
      .array(z.string().regex(/^[0-9a-fA-F]{64}$/, "must be a SHA-256 digest, 64 hex digits"))
      .max(10)
      .default([])
      .describe("SHA-256 of that file (sha256sum); several while a new version is rolled out."),
    publicKey: settingsFile()
      .optional()
      .describe(
        "Instead: key (PEM, Ed25519 or RSA) whose signature of the file lies beside it as <file>.sig.",
      ),
  })
  .refine(
    ({ sha256, publicKey }) => sha256.length > 0 || publicKey !== undefined,
    "needs `sha256` or `publicKey`: whoever can change the address book redirects letters",
  )
  .optional()
  .describe("Whom this account can write to. Without it, it only receives.");

const crypto = z
  .strictObject({
    cipher: z
      .enum(CIPHER_NAMES)
      .default("aes256-gcm")
      .describe("Symmetric cipher for what we send."),
    ivLength: z
      .union([z.literal(12), z.literal(16)])
      .default(12)
      .describe("Bytes of the IV; 16 for recipients whose OSCI library is older than 2.0.1."),
    digest: z
      .enum(["sha256", "sha512", "sha3-256", "sha3-384", "sha3-512"])
      .default("sha256")
      .describe("Digest of the parts that are signed."),
    signature: z
      .enum(SIGNATURE_NAMES)
      .optional()
      .describe("Signature method; default: rsa-sha256 or ecdsa-sha256, as fits the key."),
    oaepHash: z.enum(["sha256", "sha512"]).default("sha256").describe("Hash of RSA-OAEP."),
    legacy: z
      .strictObject({
        cbc: z
          .boolean()
          .default(false)
          .describe("Also take AES-CBC, which cannot notice tampering (CVE-2017-10668)."),
        rsa15: z.boolean().default(false).describe("Also take RSA PKCS#1 v1.5 key transport."),
      })
      .prefault({})
      .describe("Methods of old peers. Switch on only where nothing else works."),
  })
  .prefault({})
  .describe("Cryptography of what this account sends, and what it takes.");

const policy = z
  .strictObject({
    originators: z
      .enum(["mark", "require"])
      .default("mark")
      .describe(
        "A delivery whose sender is not proved by a certificate of origin: take it and mark it, or put it into quarantine.",
      ),
    vhnAuthorities: z
      .array(settingsFile())
      .max(50)
      .default([])
      .describe(
        "Certificates (PEM) of the authorities that issue certificates of origin (VHN). Without them a VHN is shown as not checked.",
      ),
    signContent: z
      .boolean()
      .default(false)
      .describe("Also sign the contents themselves with the signature key."),
    files: z.int().min(1).max(1000).default(1000).describe("Most files of one letter we send."),
    bytes: byteSize().default(200_000_000).describe("Largest sum of files of one letter we send."),
    fileNameLength: z
      .int()
      .min(20)
      .max(255)
      .default(90)
      .describe("Longest file name, with its extension."),
    fileTypes: z
      .array(z.string().regex(/^[a-z0-9]{1,10}$/, "must be a file extension without dot"))
      .min(1)
      .max(100)
      .default(["pdf", "tif", "tiff", "xml"])
      .describe("File extensions that may be sent."),
  })
  .prefault({})
  .describe("What may be sent and what is taken.");

const timeouts = z
  .strictObject({
    exchange: duration().default(120_000).describe("Longest time for one small request."),
    transfer: duration()
      .default(900_000)
      .describe("Longest time for handing over or fetching one delivery."),
  })
  .prefault({})
  .describe("How long the intermediary may take.");

export const settingsSchema = z
  .strictObject({
    mailbox,
    keys,
    intermediary,
    addressBook,
    pollEvery: duration().default(60_000).describe("How often the mailbox is looked at."),
    cardsEvery: duration()
      .default(300_000)
      .describe("How often we ask whether our letters were collected; less often as they age."),
    cardsFor: duration()
      .default(400 * DAY)
      .describe("How long we ask for one letter; EGVP keeps uncollected letters for a year."),
    crypto,
    policy,
    timeouts,
  })
  .superRefine((settings, context) => {
    for (const { path, message } of contradictions(settings))
      context.addIssue({ code: "custom", path: [...path], message });
  })
  .describe("EGVP mailbox over OSCI-Transport 1.2.");

export type Settings = z.output<typeof settingsSchema>;
export type KeyStore = Settings["keys"]["cipher"];
export type CardSettings = Settings["mailbox"]["card"];

function contradictions(settings: {
  crypto: z.output<typeof crypto>;
  policy: z.output<typeof policy>;
  intermediary: z.output<typeof intermediary>;
}): { path: string[]; message: string }[] {
  const found: { path: string[]; message: string }[] = [];
  const { cipher, ivLength, legacy } = settings.crypto;
  if (cipher.endsWith("-cbc") && !legacy.cbc)
    found.push({ path: ["crypto", "cipher"], message: "AES-CBC needs `crypto.legacy.cbc: true`" });
  if (cipher.endsWith("-cbc") && ivLength !== 16)
    found.push({ path: ["crypto", "ivLength"], message: "AES-CBC needs an IV of 16 bytes" });
  if (settings.policy.originators === "require" && !settings.intermediary.demandsSignatures)
    found.push({
      path: ["policy", "originators"],
      message: "`require` needs `intermediary.demandsSignatures: true`: else no sender is proved",
    });
  return found;
}
