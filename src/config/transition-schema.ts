import { z } from "zod";
import { matrixUser, settingsFile } from "../bridge/settings.ts";
import { isDay, type Day } from "../transition/berlin.ts";
import { PHASE_NAMES } from "../transition/phases.ts";

/** The `transition:` part of the configuration: who moves when, and from when on a letter counts as notified. */

export const LANDS = [
  ...["Bund", "BW", "BY", "BE", "BB", "HB", "HH", "HE", "MV", "NI", "NW", "RP", "SL", "SN", "ST"],
  ...["SH", "TH"],
] as const;
const MAX_COHORTS = 200;
const MAX_NAMED = 1_000;

const [firstPhase = "off", ...otherPhases] = PHASE_NAMES;
export const phaseName = () => z.enum([firstPhase, ...otherPhases]);
const shortText = () => z.string().min(1).max(100);
const land = () => z.enum(LANDS as unknown as [string, ...string[]]);
const day = () =>
  z
    .string()
    .refine(isDay, "must be a day of the calendar such as 2026-12-01")
    .transform((text) => text as Day)
    .meta({ example: "2026-12-01" });
const listOf = <T extends z.ZodType>(item: T) => z.array(item).min(1).max(MAX_NAMED).optional();

/** Keys of an account that place it in the transition. */
export const accountPlace = {
  phase: phaseName()
    .default("matrix")
    .describe(
      "Where the account stands between the old mailbox and Matrix; docs/transition.md says what each phase means. " +
        "matrix: letters travel in both directions.",
    ),
  land: land().optional().describe("Land of the account, for cohorts."),
  participant: shortText()
    .optional()
    .describe("Participant of the interoperable accounts, as under transition.participants."),
  service: shortText()
    .optional()
    .describe("Administrative service of the account, for cohorts; a letter may name its own."),
};

const cohort = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "must be 1 to 40 characters of a-z, 0-9 and -")
      .refine((name) => name !== "account", "is the name of the rule behind all cohorts")
      .describe("Name of the cohort; appears with every letter that it decides.")
      .meta({ example: "pilot" }),
    phase: phaseName()
      .describe("Phase of its letters, instead of that of their account.")
      .meta({ example: "mirror" }),
    direction: z
      .enum(["inbound", "outbound"])
      .optional()
      .describe("Only letters from the old system (inbound) or only those written in Matrix."),
    lands: listOf(land()).describe("Only accounts of these Länder."),
    participants: listOf(shortText()).describe("Only accounts of these participants."),
    accounts: listOf(shortText()).describe("Only these accounts."),
    services: listOf(shortText()).describe("Only these administrative services."),
    mailboxes: settingsFile()
      .optional()
      .describe("Only the mailboxes in this file: one id per line, # begins a comment."),
    users: listOf(matrixUser().meta({ example: "@citizen:CHANGE-ME" })).describe(
      "Only mailboxes that one of these Matrix users reads.",
    ),
    domains: listOf(shortText()).describe(
      "Only mailboxes that somebody of these homeservers reads.",
    ),
    share: z
      .number()
      .min(0)
      .max(100)
      .multipleOf(0.01)
      .optional()
      .describe(
        "Only so many percent of the mailboxes. Raising it adds mailboxes, and takes none out.",
      )
      .meta({ example: 10 }),
    seed: shortText()
      .optional()
      .describe(
        "Draws the share; default: the name. Set it before renaming, so that nobody moves.",
      ),
    from: day().optional().describe("From this day on (Europe/Berlin)."),
    until: day().optional().describe("Up to and including this day (Europe/Berlin)."),
  })
  .refine((it) => it.from === undefined || it.until === undefined || it.from <= it.until, {
    message: "must not lie before `from`",
    path: ["until"],
  });

const progress = () => z.enum(["none", "planned", "pilot", "production", "retired"]);
const participant = z.strictObject({
  code: shortText().describe("Short name, for example the Land.").meta({ example: "NW" }),
  agreement: z
    .enum(["none", "loi", "va"])
    .default("none")
    .describe("Administrative agreement (va), letter of intent (loi), or neither."),
  account: progress().default("none").describe("How far its user account is."),
  mailbox: progress().default("none").describe("How far its mailbox is."),
  coupled: z
    .boolean()
    .default(false)
    .describe("Account and mailbox go into production together, never one alone."),
  successor: shortText().optional().describe("Who takes over when it is retired."),
});

const clockRule = z.strictObject({
  basis: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/, "must be 1 to 40 characters of a-z, 0-9 and -")
    .describe("Legal basis: ozg-9, vwvfg-41-2, vwvfg-41-2a, or a name of your own.")
    .meta({ example: "ozg-9" }),
  validFrom: day().describe("Holds for what is made available on this day or later."),
  start: z
    .enum(["available", "retrieved"])
    .default("available")
    .describe("What is counted from: being made available, or being retrieved."),
  days: z
    .int()
    .min(0)
    .max(60)
    .describe("Calendar days after that day. For § 9 OZG three or four is an open question.")
    .meta({ example: 4 }),
  shiftNonWorking: z
    .boolean()
    .default(false)
    .describe("Move the end from a weekend or holiday to the next working day."),
  firstRetrieval: z
    .boolean()
    .default(false)
    .describe("When made available again: an earlier first retrieval counts instead."),
  watchdogDays: z
    .int()
    .min(1)
    .max(60)
    .optional()
    .describe("Retrieved later than so many days, it does not count as notified."),
  text: z
    .string()
    .min(1)
    .max(200)
    .describe("The rule as it is shown in the room. German.")
    .meta({ example: "§ 9 OZG: vierter Tag nach der Bereitstellung" }),
});

export const transition = z
  .strictObject({
    conversations: z
      .enum(["keep", "follow"])
      .default("keep")
      .describe(
        "An open conversation keeps the phase of its last letter when the plan changes, or follows the plan.",
      ),
    participants: z
      .array(participant)
      .max(100)
      .default([])
      .describe("State of the roll-out; `plan` refuses what contradicts it."),
    cohorts: z
      .array(cohort)
      .max(MAX_COHORTS)
      .default([])
      .describe(
        "Who is ahead of the phase of the account, or behind. The first one that matches decides.",
      ),
    legalClock: z
      .array(clockRule)
      .max(100)
      .default([])
      .describe("Rules that replace or complete the built-in table of docs/transition.md."),
    holidays: z
      .array(day())
      .max(MAX_NAMED)
      .default([])
      .describe("Days of rest beside the national holidays, for rules with shiftNonWorking."),
  })
  .describe(
    "The way from the old mailboxes to Matrix. `postfach-bridge plan` shows what it changes.",
  );
