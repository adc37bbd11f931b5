import { isIP } from "node:net";
import { z } from "zod";
import { duration, listenAddress, secret, settingsFile } from "../../../src/bridge/settings.ts";
import { levelSchema } from "../../../src/model/message.ts";

/** Settings of the BSP part of a FINK account. Every key is described in an operator's words. */

const line = (max = 255) => z.string().min(1).max(max);

export const authoritySettings = z
  .strictObject({
    name: line().describe("Name of the authority that citizens see as sender (Mandant)."),
    service: line().describe("Name of the administrative service (Dienst)."),
    procedure: line().optional().describe("Name of the specialist procedure (Verfahren)."),
    municipality: z
      .string()
      .regex(/^\d{2,12}$/, "must be digits")
      .optional()
      .describe("Official municipality key (Gemeindeschluessel)."),
    mailbox: line()
      .optional()
      .describe("Handle under which this authority itself takes letters and answers."),
    email: z.email().max(255).optional().describe("Mail address shown to citizens."),
    phone: line(64).optional().describe("Telephone number shown to citizens."),
    link: z
      .url({ protocol: /^https$/ })
      .max(1_024)
      .optional()
      .describe("Web page shown to citizens (https)."),
    nameClerk: z
      .boolean()
      .default(true)
      .describe(
        "Does a letter name the Matrix user of the clerk who wrote it (Anwenderkennung)? The mailbox node logs it; citizens do not see it.",
      ),
    minimumLevel: levelSchema
      .default(1)
      .describe(
        "Trust level (1 to 4) that every letter asks of its reader at least. A letter that asks for more keeps its own.",
      ),
    defaultTitle: line().default("Neue Nachricht").describe("Subject of a letter that has none."),
    attachmentText: line(2_000)
      .default("Diese Nachricht besteht aus den beigefügten Dateien.")
      .describe("Text of a letter that consists of files only; a text is required."),
  })
  .describe("Who we are in letters that we send.");

export const soapSettings = z
  .strictObject({
    certificate: settingsFile()
      .optional()
      .describe(
        "Client certificate (PEM) that mailbox nodes know; without it they know our address.",
      ),
    key: secret().optional().describe("Private key of that certificate (PEM)."),
    keyPassphrase: secret().optional().describe("Passphrase of the private key, if it has one."),
    trust: z
      .enum(["metadata", "authorities"])
      .default("metadata")
      .describe(
        "Which server certificate counts: the one that the metadata or the override name for the node, or one of the authorities in `ca` (default: those of the system).",
      ),
    ca: settingsFile().optional().describe("Authorities (PEM) for `trust: authorities`."),
    operation: z
      .enum(["native", "okkomm"])
      .default("native")
      .describe("native: sendBspNachrichtNative. okkomm: sendBspNachricht, if a site insists."),
    formatting: z
      .enum(["text", "html", "html-then-text"])
      .default("text")
      .describe(
        "How formatted letters go out: as plain text, as HTML, or as HTML and, when the node refuses that (31), as plain text.",
      ),
  })
  .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
    message: "certificate and key belong together",
    path: ["key"],
  })
  .describe("Letters to mailbox nodes that speak the old SOAP interface (BspNachricht).");

const sender = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "must hold a-z, 0-9 and - only")
      .describe("Short name of this authority in addresses and logs; never reuse it for another."),
    certificate: settingsFile()
      .optional()
      .describe("Its client certificate (PEM). Only exactly this certificate is let in."),
    addresses: z
      .array(z.string().refine((text) => isIP(text) !== 0, "must be an IP address"))
      .min(1)
      .max(64)
      .optional()
      .describe("IP addresses from which it may deliver; beside or instead of a certificate."),
    entityId: z
      .string()
      .regex(/^[\x21-\x7b\x7d\x7e]{1,1024}$/, "must be an entity id without blanks and |")
      .optional()
      .describe(
        "Entity id of the account at which its own mailbox is reached; with it letters can be answered.",
      ),
  })
  .refine(({ certificate, addresses }) => certificate !== undefined || addresses !== undefined, {
    message: "needs `certificate`, `addresses`, or both",
    path: ["certificate"],
  });

export const serverSettings = z
  .strictObject({
    listen: listenAddress().describe("Where legacy authorities deliver (HTTPS)."),
    tls: z
      .strictObject({
        certificate: settingsFile().describe("Certificate of this server (PEM), with its chain."),
        key: secret().describe("Its private key (PEM)."),
        keyPassphrase: secret()
          .optional()
          .describe("Passphrase of the private key, if it has one."),
      })
      .describe("Certificate and key of the server."),
    path: z
      .string()
      .regex(/^\/[\x21-\x7e]{0,200}$/, "must begin with /")
      .default("/bspx-postkorb-okkomm-ws/bspservices/postkorbkomm")
      .describe("Path of the service; legacy software knows it from the old node."),
    senders: z.array(sender).min(1).max(2_000).describe("Authorities that may deliver here."),
    idle: duration()
      .refine((ms) => ms >= 1_000 && ms <= 600_000, "must be 1s to 10m")
      .default(120_000)
      .describe("Longest time that one delivery may take to arrive."),
  })
  .superRefine(({ senders }, context) => {
    senders.forEach(({ name }, index) => {
      if (senders.findIndex((other) => other.name === name) !== index)
        context.addIssue({
          code: "custom",
          path: ["senders", index, "name"],
          message: "is used twice",
        });
    });
  })
  .describe("The mailbox node: letters of legacy authorities to citizens who read in Matrix.");

export const unlinkedSetting = z
  .enum(["reject", "hold"])
  .default("reject")
  .describe(
    "A letter to a mailbox that nobody reads in Matrix: reject it (code 30), or hold it in quarantine and answer 99 (come again) until somebody is linked.",
  );

export type AuthoritySettings = z.output<typeof authoritySettings>;
export type SoapSettings = z.output<typeof soapSettings>;
export type ServerSettings = z.output<typeof serverSettings>;
export type SenderSettings = z.output<typeof sender>;
export type Unlinked = z.output<typeof unlinkedSetting>;
