import { z } from "zod";
import {
  baseUrl,
  byteSize,
  duration,
  listenAddress,
  mailboxId,
  matrixUser,
  secret,
} from "../bridge/settings.ts";
import { accountPeople } from "./people-schema.ts";
import { accountPlace, transition } from "./transition-schema.ts";

const TOKEN_LENGTH = 32;
const shortName = (length: number) =>
  z
    .string()
    .regex(
      new RegExp(`^[a-z0-9-]{1,${length}}$`),
      `must be 1 to ${length} characters of a-z, 0-9 and -`,
    );
const networks = z
  .string()
  .refine(
    (text) => z.union([z.cidrv4(), z.cidrv6()]).safeParse(text).success,
    "must be an address range such as 10.0.0.0/8 or fd00::/8",
  );

/** The core's settings. Bridges contribute `settings:` of their accounts. Every key is described in an operator's words. */

const homeserver = z
  .strictObject({
    url: baseUrl()
      .describe("Where the gateway reaches the homeserver's client API.")
      .meta({ example: "http://CHANGE-ME:8008" }),
    name: z
      .string()
      .regex(/^[^\s@:]+(:\d{1,5})?$/, "must be a server name such as example.org")
      .describe("server_name of the homeserver, the part behind the colon of its user ids.")
      .meta({ example: "CHANGE-ME.example.org" }),
    roomVersion: z
      .enum(["11", "12"])
      .default("11")
      .describe("Version of the rooms that the gateway creates."),
    federate: z
      .boolean()
      .default(false)
      .describe("May users of other homeservers be invited to case rooms?"),
    edits: z
      .enum(["correction", "refuse"])
      .default("correction")
      .describe(
        "What an edited message becomes: a new letter that corrects the first one, or a refusal.",
      ),
    historyVisibility: z
      .enum(["invited", "joined"])
      .default("invited")
      .describe(
        "From when on a new member of a case room can read: since the invitation or since joining.",
      ),
    sweepEvery: duration()
      .default(10_000)
      .describe("How often the gateway asks the homeserver for events that it failed to push."),
    requestTimeout: duration()
      .default(60_000)
      .describe("Longest wait for one answer of the homeserver (not for media)."),
  })
  .describe("The Matrix homeserver.");

const appservice = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z0-9_.-]{1,64}$/, "must be 1 to 64 characters of a-z, 0-9, _, . and -")
      .default("postfach-bridge")
      .describe("Name of the registration at the homeserver."),
    listen: listenAddress()
      .describe("Where the homeserver delivers events to.")
      .meta({ example: "127.0.0.1:9009" }),
    url: baseUrl()
      .describe("The same address as the homeserver reaches it.")
      .meta({ example: "http://CHANGE-ME:9009" }),
    asToken: secret()
      .describe(
        "Token with which the gateway proves itself to the homeserver: openssl rand -hex 32",
      )
      .meta({ example: "file:CHANGE-ME/as-token", secretLength: TOKEN_LENGTH }),
    hsToken: secret()
      .describe(
        "Token with which the homeserver proves itself to the gateway: openssl rand -hex 32",
      )
      .meta({ example: "file:CHANGE-ME/hs-token", secretLength: TOKEN_LENGTH }),
    prefix: z
      .string()
      .regex(/^_[a-z0-9_]{2,24}_$/, "must begin and end with _ and hold a-z, 0-9 and _ only")
      .default("_postfach_")
      .describe("First part of all user ids and room aliases that belong to the gateway."),
  })
  .describe(
    "The application service; `postfach-bridge registration` writes the file for the homeserver.",
  );

const key = z.strictObject({
  id: shortName(32)
    .describe("Name of the key, written beside everything sealed with it.")
    .meta({ example: "key-1" }),
  secret: secret()
    .describe("32 random bytes in base64: openssl rand -base64 32")
    .meta({ example: "file:CHANGE-ME/key-1" }),
});

const store = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("sqlite").describe("One node: a file in the data folder, no service needed."),
    }),
    z.strictObject({
      kind: z.literal("postgres").describe("Several nodes."),
      url: secret()
        .describe("postgres://user:password@host/database")
        .meta({ example: "file:CHANGE-ME/postgres-url" }),
      poolSize: z.int().min(2).max(100).default(10).describe("Connections of one node."),
    }),
  ])
  .describe("The database: the truth about every letter.");

const doorbell = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("memory").describe("One node.") }),
    z.strictObject({
      kind: z
        .literal("redis")
        .describe("Several nodes; may be lost at any time without losing a letter."),
      url: secret().describe("redis://host:6379").meta({ example: "file:CHANGE-ME/redis-url" }),
    }),
  ])
  .describe("How nodes tell each other that a conversation has work.");

const delivery = z
  .strictObject({
    concurrency: z
      .int()
      .min(1)
      .max(256)
      .default(16)
      .describe("Conversations worked on at the same time by one node."),
    firstRetry: duration()
      .default(5_000)
      .describe("Pause after the first failed attempt; it doubles each time."),
    maxRetry: duration().default(3_600_000).describe("Longest pause between two attempts."),
    giveUpAfter: duration()
      .default(259_200_000)
      .describe("After this time a letter is failed and its sender told."),
    attemptTimeout: duration()
      .default(300_000)
      .describe("Longest time for one attempt, attachments included."),
    delayNotice: duration()
      .default(300_000)
      .describe("After this time of failing attempts the sender is told that it takes longer."),
  })
  .describe("How letters are handed over.");

const admin = z
  .strictObject({
    listen: listenAddress()
      .describe("Admin API, health and metrics. Keep it off public networks.")
      .meta({ example: "127.0.0.1:9010" }),
    tokens: z
      .array(
        z.strictObject({
          name: shortName(32)
            .describe("Who; appears in the audit log.")
            .meta({ example: "operations" }),
          role: z
            .enum(["viewer", "operator", "admin"])
            .describe("viewer reads, operator resends and releases, admin links.")
            .meta({ example: "admin" }),
          token: secret()
            .describe("At least 32 characters: openssl rand -hex 32")
            .meta({ example: "file:CHANGE-ME/admin-token", secretLength: TOKEN_LENGTH }),
        }),
      )
      .min(1)
      .max(100)
      .describe("Who may use the admin API."),
  })
  .describe("For operators.");

const link = z.strictObject({
  mailbox: mailboxId().describe("Mailbox id in the legacy system.").meta({ example: "CHANGE-ME" }),
  user: matrixUser().describe("Who reads it in Matrix.").meta({ example: "@citizen:CHANGE-ME" }),
});

const account = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/, "must begin with a letter and hold a-z, 0-9 and - only")
    .describe("Name of the account; never change it: letters belong to it.")
    .meta({ example: "mailbox-1" }),
  bridge: z
    .string()
    .min(1)
    .describe("Which bridge speaks for it: a built-in one, or an npm package."),
  ...accountPlace,
  title: z
    .string()
    .min(1)
    .max(100)
    .describe("Name that people see, for example of the authority.")
    .meta({ example: "CHANGE-ME" }),
  clerks: z
    .array(matrixUser().meta({ example: "@clerk:CHANGE-ME" }))
    .max(1000)
    .default([])
    .describe("Matrix users who write and read in the name of this authority."),
  links: z
    .array(link)
    .max(10_000)
    .default([])
    .describe(
      "Mailboxes of citizens and who reads them in Matrix. More: `postfach-bridge links import`.",
    ),
  ...accountPeople,
  onUnknown: z
    .enum(["wait", "continue"])
    .default("wait")
    .describe(
      "While the outcome of a letter is being checked: do later letters of the same conversation wait?",
    ),
  readReceipts: z
    .boolean()
    .default(true)
    .describe("Tell the sender when the letter was read in Matrix, if the sender asked for it."),
  privateNetworks: z
    .array(networks.meta({ example: "10.0.0.0/8" }))
    .max(50)
    .default([])
    .describe(
      "Private address ranges in which this account's legacy system may be, for example 10.0.0.0/8.",
    ),
  settings: z.unknown().describe("Settings of the bridge."),
});

export const coreSchema = z
  .strictObject({
    version: z.literal(1).describe("Version of this file's form."),
    data: z
      .string()
      .min(1)
      .default("./data")
      .describe("Folder for the database (SQLite) and the attachments."),
    homeserver,
    appservice,
    keys: z
      .array(key)
      .min(1)
      .max(20)
      .describe("Keys that seal everything at rest. The first one seals, all of them open."),
    store: store.default({ kind: "sqlite" }),
    doorbell: doorbell.default({ kind: "memory" }),
    delivery: delivery.prefault({}),
    admin,
    limits: z
      .strictObject({
        attachmentBytes: byteSize()
          .default(1_000_000_000)
          .describe("Largest attachment that is taken at all."),
        transactionBytes: byteSize()
          .default(64_000_000)
          .describe("Largest transaction of the homeserver that is taken."),
      })
      .prefault({})
      .describe("Upper limits; legacy systems have their own."),
    log: z
      .strictObject({
        level: z
          .enum(["debug", "info", "warn", "error"])
          .default("info")
          .describe("How much is logged. Content never is."),
      })
      .prefault({})
      .describe("The log, JSON lines on standard output."),
    transition: transition.prefault({}),
    accounts: z.array(account).min(1).max(1000).describe("Mailboxes and sender identities."),
  })
  .describe("Configuration of the Postfachbrücke.");

export type CoreConfig = z.output<typeof coreSchema>;
export type AccountConfig = CoreConfig["accounts"][number];
export type HomeserverConfig = CoreConfig["homeserver"];
export type AppserviceConfig = CoreConfig["appservice"];
export type TransitionConfig = CoreConfig["transition"];
export type DeliveryConfig = CoreConfig["delivery"];
