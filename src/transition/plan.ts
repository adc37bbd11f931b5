import { z } from "zod";
import type { CoreConfig } from "../config/schema.ts";
import { digestOf } from "../model/id.ts";
import { PHASE_NAMES } from "./phases.ts";

/**
 * Everything that decides where letters go, cut out of the configuration: what `plan` compares, what is swapped at once,
 * what stands in the database. No secrets. The order of `cohorts` is the order in which they are asked.
 */
const phase = z.enum(PHASE_NAMES as [(typeof PHASE_NAMES)[number], ...typeof PHASE_NAMES]);
const texts = z.array(z.string()).readonly();

const cohortSchema = z.object({
  name: z.string(),
  phase,
  direction: z.enum(["inbound", "outbound"]).optional(),
  lands: texts.optional(),
  participants: texts.optional(),
  accounts: texts.optional(),
  services: texts.optional(),
  mailboxes: texts.optional(),
  users: texts.optional(),
  domains: texts.optional(),
  share: z.number().optional(),
  seed: z.string().optional(),
  from: z.string().optional(),
  until: z.string().optional(),
});
const participantSchema = z.object({
  code: z.string(),
  agreement: z.enum(["none", "loi", "va"]),
  account: z.enum(["none", "planned", "pilot", "production", "retired"]),
  mailbox: z.enum(["none", "planned", "pilot", "production", "retired"]),
  coupled: z.boolean(),
  successor: z.string().optional(),
});
const accountSchema = z.object({
  name: z.string(),
  bridge: z.string(),
  phase,
  land: z.string().optional(),
  participant: z.string().optional(),
  service: z.string().optional(),
});
const planSchema = z.object({
  version: z.literal(1),
  conversations: z.enum(["keep", "follow"]),
  accounts: z.array(accountSchema).readonly(),
  participants: z.array(participantSchema).readonly(),
  cohorts: z.array(cohortSchema).readonly(),
});

export type Plan = Readonly<z.output<typeof planSchema>>;
export type Cohort = Plan["cohorts"][number];
export type PlannedAccount = Plan["accounts"][number];
export type Participant = Plan["participants"][number];

/** One id per line, `#` begins a comment; a plan that lists more is a configuration fault. */
export const MAX_LISTED_MAILBOXES = 200_000;

export function planOf(config: Pick<CoreConfig, "accounts" | "transition">): Plan {
  const { transition } = config;
  return planSchema.parse({
    version: 1,
    conversations: transition.conversations,
    accounts: config.accounts.map(({ name, bridge, phase, land, participant, service }) => ({
      ...{ name, bridge, phase, land, participant, service },
    })),
    participants: transition.participants,
    cohorts: transition.cohorts.map(({ mailboxes, ...rest }) => ({
      ...rest,
      ...(mailboxes === undefined ? {} : { mailboxes: mailboxesOf(mailboxes.text) }),
    })),
  });
}

/** Sorted, without doubles; a UUID counts the same in either case (RFC 9562 §4). */
export function mailboxesOf(text: string): readonly string[] {
  const ids = text
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter((line) => line !== "")
    .map((id) => (UUID.test(id) ? id.toLowerCase() : id));
  return [...new Set(ids)].sort();
}
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function writePlan(plan: Plan): string {
  return JSON.stringify(plan, sortedKeys);
}
/** Throws a ZodError for anything that is no plan. */
export function readPlan(text: string): Plan {
  return planSchema.parse(JSON.parse(text));
}

/** Same plan, same id, on every node. Twelve characters of a SHA-256. */
export function planIdOf(plan: Plan): string {
  return digestOf("plan", writePlan(plan)).slice(0, 12);
}

/** Keys in one order, lists as they are: their order decides. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(([, below]) => below !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function accountIn(plan: Plan, name: string): PlannedAccount | undefined {
  return plan.accounts.find((account) => account.name === name);
}
