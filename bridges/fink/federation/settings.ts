import { z } from "zod";
import { baseUrl, duration, settingsFile } from "../../../src/bridge/settings.ts";
import { entityId, type Participants } from "./participants.ts";

/** `federation:` of a FINK account. One account belongs to one federation: test and production never mix. */

const HOUR_MS = 3_600_000;
const MAX_PINS = 8;
const MAX_OVERRIDES = 500;
const MAX_NODES = 500;
export const TRANSPORTS = ["bsp-soap", "as4-access-point"] as const;

const metadata = z
  .strictObject({
    url: baseUrl(["https"]).optional().describe("Where the metadata of the federation is fetched."),
    file: z
      .string()
      .max(1024)
      .regex(/^\//, "must be an absolute path")
      .optional()
      .describe(
        "A file that is taken as soon as it changes: the way for metadata that are pushed, for example under attack.",
      ),
    pins: z
      .array(settingsFile())
      .min(1)
      .max(MAX_PINS)
      .describe(
        "Certificates (PEM) of which one must have signed the metadata; two during a change. Nothing inside the metadata is trusted for that.",
      ),
    ca: settingsFile()
      .optional()
      .describe("Authorities (PEM) that may vouch for the server; default: those of the system."),
    pullEvery: duration()
      .refine((ms) => ms >= 60_000 && ms <= 24 * HOUR_MS, "must be 1m to 24h")
      .default(6 * HOUR_MS)
      .describe("How often the metadata are fetched; the federation wants it daily at least."),
    alarmAfter: duration()
      .refine((ms) => ms >= 60_000 && ms <= 168 * HOUR_MS, "must be 1m to 7d")
      .default(24 * HOUR_MS)
      .describe(
        "Age of the last good copy at which an alarm is raised; it serves on until it expires.",
      ),
  })
  .refine(({ url, file }) => url !== undefined || file !== undefined, {
    message: "needs `url`, `file`, or both",
    path: ["url"],
  });

const override = z.strictObject({
  entityId: entityId().describe("Entity id of the account whose mailbox node this is."),
  endpoint: baseUrl(["https"]).describe("Where its mailbox node is reached."),
  transport: z
    .enum(TRANSPORTS)
    .optional()
    .describe("How; default: by the adapter of the participant's mailbox."),
  certificates: settingsFile()
    .optional()
    .describe("Certificates (PEM) that the node must show; default: those of the metadata."),
  listed: z
    .boolean()
    .default(true)
    .describe(
      "false: this node need not stand in the metadata (a mailbox platform outside of the federation); needs `certificates`.",
    ),
});

export const federationSettings = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "must hold a-z, 0-9 and - only")
      .describe(
        "Name of the federation, for example production or test; copies are kept apart by it.",
      ),
    stage: z
      .enum(["test", "production"])
      .describe(
        "production: only participants with an agreement whose account and mailbox are in production. test: pilots too.",
      ),
    metadata: metadata.optional().describe("The signed metadata of the federation."),
    overrides: z
      .array(override)
      .max(MAX_OVERRIDES)
      .default([])
      .describe("Mailbox nodes whose address is fixed here; goes before the metadata."),
    nodes: z
      .array(baseUrl(["https"]))
      .max(MAX_NODES)
      .default([])
      .describe(
        "Base URLs of mailbox nodes that the metadata may name and this gateway itself may call; without it only those of `overrides`.",
      ),
    profile: settingsFile()
      .optional()
      .describe("Own file with the names of the mailbox extension in the metadata, whole."),
  })
  .superRefine(({ metadata, overrides }, context) => {
    const issue = (path: (string | number)[], message: string) =>
      context.addIssue({ code: "custom", path, message });
    if (metadata === undefined && overrides.length === 0)
      issue(["metadata"], "needs `metadata`, or `overrides` that are not listed");
    overrides.forEach((entry, index) => {
      const at = (key: string) => ["overrides", index, key];
      if (overrides.findIndex(({ entityId }) => entityId === entry.entityId) !== index)
        issue(at("entityId"), "is used twice");
      if (!entry.listed && entry.certificates === undefined)
        issue(at("certificates"), "is needed when the node is not listed");
      if (metadata === undefined && entry.listed)
        issue(at("listed"), "there are no metadata in which it could be listed");
    });
  })
  .describe("Federation of interoperable accounts (FINK): who takes part, and where.");

export type FederationSettings = z.output<typeof federationSettings>;
export type MetadataSettings = z.output<typeof metadata>;
export type Override = z.output<typeof override>;

/** Base URLs that an account with these settings may be sent to: for `remotes` of the bridge. */
export function federationRemotes({ metadata, overrides, nodes }: FederationSettings): string[] {
  return [
    ...(metadata?.url === undefined ? [] : [metadata.url]),
    ...overrides.map(({ endpoint }) => endpoint),
    ...nodes,
  ];
}

/** What a federation is made from besides its context. */
export interface FederationConfig {
  readonly federation: FederationSettings;
  readonly participants: Participants;
}
