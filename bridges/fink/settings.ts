import { z } from "zod";
import { settingsFile } from "../../src/bridge/settings.ts";
import { as4Remotes, as4Settings } from "./as4/index.ts";
import {
  authoritySettings,
  serverSettings,
  soapSettings,
  unlinkedSetting,
} from "./bsp/settings.ts";
import { federationRemotes, federationSettings, participantsSettings } from "./federation/index.ts";

const PLACEHOLDER = "CHANGE-ME";
const FILE = `file:${PLACEHOLDER}`;

/** What `config.example.yaml` shows: both ways over SOAP, one participant. */
const EXAMPLE = {
  federation: {
    name: PLACEHOLDER,
    stage: "production",
    metadata: { url: `https://${PLACEHOLDER}.example.org`, pins: [FILE] },
    nodes: [`https://${PLACEHOLDER}.example.org`],
  },
  participants: {
    snapshot: "2026-11-01",
    list: [
      {
        code: "TH",
        agreement: "va",
        account: {
          entityIds: [`https://${PLACEHOLDER}.example.org/idp`],
          state: "production",
          since: "2025-01-01",
        },
        mailbox: { adapter: "bsp-soap", state: "production", since: "2025-01-01" },
      },
    ],
  },
  authority: { name: PLACEHOLDER, service: PLACEHOLDER },
  soap: { certificate: FILE, key: FILE },
  server: {
    listen: "127.0.0.1:8446",
    tls: { certificate: FILE, key: FILE },
    senders: [{ name: "bauamt", certificate: FILE }],
  },
};

/** `settings:` of a FINK account: one federation, and the ways in and out of its mailbox nodes. */
export const settingsSchema = z
  .strictObject({
    federation: federationSettings,
    participants: participantsSettings,
    authority: authoritySettings,
    unlinked: unlinkedSetting,
    profile: settingsFile()
      .optional()
      .describe(
        "Own profile file for what differs from the built-in description of BspNachricht (`extends: bsp-2.13`).",
      ),
    soap: soapSettings.optional(),
    server: serverSettings.optional(),
    as4: as4Settings.optional().describe("The access point through which AS4 is spoken."),
  })
  .superRefine(({ soap, server, as4 }, context) => {
    if (soap === undefined && server === undefined && as4 === undefined)
      context.addIssue({
        code: "custom",
        path: [],
        message: "needs `soap`, `server`, `as4`, or several of them",
      });
  })
  .describe("Mailboxes of interoperable service accounts (FINK).")
  .meta({ example: EXAMPLE });

export type Settings = z.output<typeof settingsSchema>;

/** Base URLs that the account may call: the only ones, whatever signed metadata say. */
export function remotesOf({ federation, as4 }: Settings): readonly string[] {
  const all = [...federationRemotes(federation), ...(as4 === undefined ? [] : as4Remotes(as4))];
  return [...new Set(all)];
}
