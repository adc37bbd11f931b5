import { z } from "zod";
import { baseUrl, duration, secret, settingsFile } from "../../../src/bridge/settings.ts";

/** Settings of the access point of a FINK account. Every key is described in an operator's words. */

/** `#` separates entity and mailbox in the message properties, so an entity id must not contain it. */
const entityId = z
  .string()
  .regex(/^[\x21-\x22\x24-\x7e]{1,255}$/, "must be an entity id without # and spaces");
const partyText = z.string().regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 printable characters");

const party = z.strictObject({
  id: partyText.describe("Party id, as in the PMode of the access point."),
  type: partyText.optional().describe("Type of that id; default: that of the profile."),
});

const remoteParty = z.strictObject({
  entityId: entityId.describe("Entity id of the other account in the federation's metadata."),
  ...party.shape,
});

const tls = {
  certificate: settingsFile()
    .optional()
    .describe("Client certificate (PEM) towards the access point, if it asks for one."),
  key: secret().optional().describe("Private key of that certificate (PEM)."),
  ca: settingsFile()
    .optional()
    .describe(
      "Authorities (PEM) that may vouch for the access point; default: those of the system.",
    ),
};

export const as4Settings = z
  .strictObject({
    url: baseUrl().describe(
      "Web service of the access point, for example https://ap.intern.example/domibus/services/wsplugin",
    ),
    rest: baseUrl()
      .optional()
      .describe(
        "REST interface of the access point, for example https://ap.intern.example/domibus. With it the signed receipt itself is kept as evidence.",
      ),
    user: z.string().min(1).max(255).optional().describe("Plug-in user at the access point."),
    password: secret().optional().describe("Password of the plug-in user."),
    ...tls,
    entityId: entityId.describe("Our own entity id in the federation."),
    party: party.describe("Our own party, as in the PMode of the access point."),
    domain: z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?$/, "must be a host name in lower case")
      .describe("Right part of our message ids. Never change it while letters are under way."),
    parties: z
      .array(remoteParty)
      .max(1_000)
      .default([])
      .describe("Parties of other accounts; goes before what the metadata says."),
    profile: settingsFile()
      .optional()
      .describe("Own profile (YAML); default: profiles/pfisk-as4.yaml."),
    pollEvery: duration()
      .default(10_000)
      .describe("Pause between two looks for new messages and receipts."),
    order: z
      .enum(["strict", "relaxed"])
      .default("strict")
      .describe(
        "strict: a letter waits until the receipt for the one before it in its conversation is there.",
      ),
    watch: duration()
      .default(14 * 86_400_000)
      .describe("How long the fate of a letter without a receipt is looked up."),
    keep: duration()
      .default(730 * 86_400_000)
      .describe("How long answers and acknowledgements can be matched to a letter."),
  })
  .refine((settings) => (settings.user === undefined) === (settings.password === undefined), {
    message: "user and password belong together",
    path: ["password"],
  })
  .refine((settings) => (settings.certificate === undefined) === (settings.key === undefined), {
    message: "certificate and key belong together",
    path: ["key"],
  });

export type As4Settings = z.output<typeof as4Settings>;

/** Base URLs that the account talks to. */
export function as4Remotes(settings: As4Settings): readonly string[] {
  return settings.rest === undefined ? [settings.url] : [settings.url, settings.rest];
}
