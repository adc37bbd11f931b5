import { z } from "zod";
import {
  baseUrl,
  duration,
  listenAddress,
  secret,
  settingsFile,
} from "../../src/bridge/settings.ts";
import { levelSchema } from "../../src/model/message.ts";

/** `settings:` of a BundID account. Every key is described in an operator's words. */

const identity = {
  certificate: settingsFile()
    .optional()
    .describe("The BundID mailbox certificate (PEM), as issued by ITZBund."),
  key: secret().optional().describe("The private key of that certificate (PEM)."),
  keyPassphrase: secret().optional().describe("Passphrase of the private key, if it has one."),
  pkcs12: settingsFile()
    .optional()
    .describe("Instead of certificate and key: a PKCS#12 file (.p12, .pfx) with both."),
  pin: secret().optional().describe("PIN of the PKCS#12 file."),
};

const sender = z
  .strictObject({
    url: baseUrl(["https"]).describe(
      "Where the BundID mailbox (ZBP) is reached, without /v6, for example https://int.zbp.bund.de",
    ),
    ...identity,
    ca: settingsFile()
      .optional()
      .describe("Authorities (PEM) that may vouch for the server; default: those of the system."),
    signer: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe("Name (CN) that the certificate must carry; a safeguard against mixed-up files."),
    name: z.string().min(1).max(255).describe("Name of the authority that citizens see as sender."),
    service: z
      .string()
      .min(1)
      .max(255)
      .describe("Name of the administrative service that citizens see."),
    senderUrl: z
      .url({ protocol: /^https$/ })
      .max(255)
      .optional()
      .describe("Web page of the authority (https)."),
    minimumLevel: levelSchema
      .default(1)
      .describe(
        "Trust level (1 to 4) that every letter asks of its reader at least. A letter that asks for more keeps its own.",
      ),
    clockOffset: z
      .int()
      .min(-300)
      .max(300)
      .default(0)
      .describe("Seconds by which the time in our tokens is shifted, if ZBP finds them too new."),
    defaultTitle: z
      .string()
      .min(1)
      .max(255)
      .default("Neue Nachricht")
      .describe("Subject of a letter that has none."),
    attachmentText: z
      .string()
      .min(1)
      .max(2_000)
      .default("Diese Nachricht besteht aus den beigefügten Dateien.")
      .describe("Text of a letter that consists of files only; ZBP requires a text."),
    forbiddenHtml: z
      .enum(["text", "refuse"])
      .default("text")
      .describe(
        "A letter with formatting that ZBP does not allow: send its plain text, or refuse it.",
      ),
    replies: z
      .strictObject({
        enabled: z
          .boolean()
          .default(false)
          .describe("Take part in the reply channel (ZBP R4, BiDi): letters can be answered."),
        pollEvery: duration().default(60_000).describe("How often replies are fetched."),
      })
      .prefault({})
      .describe("Replies of citizens out of ZBP."),
  })
  .describe("Letters from Matrix to citizens who read in the BundID mailbox.");

const tls = z
  .strictObject({
    certificate: settingsFile().describe("Certificate of this server (PEM), with its chain."),
    key: secret().describe("Its private key (PEM)."),
    keyPassphrase: secret().optional().describe("Passphrase of the private key, if it has one."),
  })
  .describe("Certificate and key of the server.");

const receipts = z
  .strictObject({
    listen: listenAddress().describe("Where the mail server delivers confirmation mails (SMTP)."),
    domain: z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9.-]{0,120}[a-z0-9])?$/, "must be a mail domain in lower case")
      .describe("Mail domain of the confirmation addresses; its MX must lead to `listen`."),
    tls: tls.optional().describe("Offers STARTTLS when given."),
  })
  .describe("Confirmations by mail: a letter was opened, or a mailbox deleted.");

const knownSender = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "must hold a-z, 0-9 and - only")
    .describe("Short name of this system in logs."),
  certificate: settingsFile().describe(
    "Its BundID mailbox certificate (PEM). Only exactly this certificate is let in.",
  ),
  unlinked: z
    .enum(["forward", "hold", "reject"])
    .describe(
      "A letter to a mailbox that nobody reads in Matrix: forward it unchanged to ZBP, hold it in quarantine (the sender gets 202), or reject it (404).",
    ),
  strictDuplicates: z
    .boolean()
    .default(false)
    .describe("Refuse (409) a second letter with the same reference but other content."),
  replies: z
    .enum(["pull", "mail", "none"])
    .default("pull")
    .describe(
      "How answers of citizens come back: the system fetches them, they are mailed to the letter's reply address, or not at all.",
    ),
});

const inlet = z
  .strictObject({
    listen: listenAddress().describe("Where legacy systems deliver, in place of ZBP (HTTPS)."),
    tls,
    senders: z.array(knownSender).min(1).max(500).describe("Legacy systems that may deliver here."),
    forwardWait: duration()
      .default(30_000)
      .describe(
        "How long a legacy system waits for the outcome of a forwarded letter before it is told to come again.",
      ),
    mail: z
      .strictObject({
        server: listenAddress().describe("Mail server to hand mails to, as <host>:<port>."),
        tls: z
          .enum(["required", "implicit", "none"])
          .default("required")
          .describe("STARTTLS, TLS from the beginning, or none (own network only)."),
        ca: settingsFile().optional().describe("Authorities (PEM) that may vouch for the server."),
        user: z.string().min(1).max(255).optional().describe("User name, if the server wants one."),
        password: secret().optional().describe("Password of that user."),
        from: z.email().max(320).describe("Sender address of our mails."),
      })
      .optional()
      .describe("For retrieval confirmations and for answers by mail; without it neither is sent."),
  })
  .describe("Letters from legacy systems to citizens who read in Matrix.");

export const settingsSchema = z
  .strictObject({
    profile: settingsFile()
      .optional()
      .describe(
        "Own profile file for what differs from the built-in description of the interface (`extends: zbp-v6`).",
      ),
    sender: sender.optional(),
    receipts: receipts.optional(),
    inlet: inlet.optional(),
  })
  .superRefine((settings, context) => {
    for (const { path, message } of contradictions(settings))
      context.addIssue({ code: "custom", path: [...path], message });
  })
  .describe("BundID mailbox (ZBP).");

export type Settings = z.output<typeof settingsSchema>;
export type SenderSettings = z.output<typeof sender>;
export type InletSettings = z.output<typeof inlet>;
export type ReceiptsSettings = z.output<typeof receipts>;
export type KnownSender = z.output<typeof knownSender>;

function contradictions(settings: {
  sender?: SenderSettings | undefined;
  receipts?: ReceiptsSettings | undefined;
  inlet?: InletSettings | undefined;
}): { path: (string | number)[]; message: string }[] {
  const found: { path: (string | number)[]; message: string }[] = [];
  const { sender, receipts, inlet } = settings;
  if (sender === undefined && inlet === undefined)
    found.push({ path: [], message: "needs `sender`, `inlet`, or both" });
  if (receipts !== undefined && sender === undefined)
    found.push({ path: ["receipts"], message: "confirmations need `sender`" });
  if (sender !== undefined) {
    const pem = sender.certificate !== undefined && sender.key !== undefined;
    const store = sender.pkcs12 !== undefined && sender.pin !== undefined;
    const halves = [sender.certificate, sender.key, sender.pkcs12, sender.pin];
    if (pem === store || halves.filter((half) => half !== undefined).length !== 2)
      found.push({
        path: ["sender"],
        message: "needs either `certificate` and `key`, or `pkcs12` and `pin`",
      });
  }
  inlet?.senders.forEach((known, index) => {
    const path = ["inlet", "senders", index];
    if (known.unlinked === "forward" && sender === undefined)
      found.push({ path: [...path, "unlinked"], message: "`forward` needs `sender`" });
    if (known.replies === "mail" && inlet.mail === undefined)
      found.push({ path: [...path, "replies"], message: "`mail` needs `inlet.mail`" });
    if (inlet.senders.findIndex(({ name }) => name === known.name) !== index)
      found.push({ path: [...path, "name"], message: "is used twice" });
  });
  return found;
}
