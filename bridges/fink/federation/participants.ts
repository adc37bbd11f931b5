import { z } from "zod";
import { parsePlanDate, PRECISIONS, type PlanDate, type Precision } from "./plan-date.ts";

/**
 * `participants:` of a FINK account: where every Land and the federation stand in the roll-out of interoperable accounts
 * and mailboxes (bundid-fink.md §6.1). A snapshot that an operator keeps up to date; no other source says it.
 */
export const CODES = [
  ...["Bund", "BW", "BY", "BE", "BB", "HB", "HH", "HE", "MV"],
  ...["NI", "NW", "RP", "SL", "SN", "ST", "SH", "TH"],
] as const;
const STATES = ["none", "planned", "pilot", "production", "retired"] as const;
/** Interfaces of mailbox nodes (§2.6). This gateway has no transport for osi-v2; it may be written down all the same. */
export const ADAPTERS = ["as4-pfisk", "bsp-soap", "osi-v2"] as const;
export type Adapter = (typeof ADAPTERS)[number];
export type RolloutState = (typeof STATES)[number];

const MAX_ENTITIES = 20;
const MAX_MILESTONES = 50;

/** An entity id of SAML metadata: a URI of at most 1024 characters (SAML core §8.3.6). */
export function entityId() {
  return z
    .string()
    .max(1024)
    .regex(
      /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7E]+$/,
      "must be the entity id of the metadata (a URI)",
    )
    .refine((id) => !/[|\\^`{}<>"]/.test(id), "holds a character that a URI does not have");
}

const precision = () =>
  z
    .enum(PRECISIONS)
    .optional()
    .describe(
      "How exact the date is, when it is less than it looks: a day that stands for its quarter.",
    );
const planDate = () =>
  z.string().refine((text) => parsePlanDate(text) !== undefined, {
    message: "must be a date such as 2020-07-01, 2020-07, 2021-Q2 or 2021",
  });

const account = z.strictObject({
  state: z.enum(STATES).describe("Where the service account stands."),
  since: planDate().optional().describe("Since when it is in this state."),
  plannedFor: planDate().optional().describe("When it is planned to be in production."),
  precision: precision(),
  entityIds: z
    .array(entityId())
    .max(MAX_ENTITIES)
    .default([])
    .describe("Entity ids in the metadata of the federation that belong to this participant."),
});

const mailbox = z.strictObject({
  state: z.enum(STATES).describe("Where the mailbox node stands."),
  since: planDate().optional().describe("Since when it is in this state."),
  plannedFor: planDate().optional().describe("When it is planned to be in production."),
  precision: precision(),
  adapter: z.enum(ADAPTERS).optional().describe("Which interface the mailbox node speaks."),
  specVersion: z
    .string()
    .min(1)
    .max(40)
    .optional()
    .describe("Version of the mailbox specification, for example basis-1."),
});

const milestone = z.strictObject({
  no: z.int().min(1).max(99).describe("Number of the milestone in the roll-out plan."),
  plan: planDate().optional().describe("Planned for."),
  previous: planDate().optional().describe("Planned for in the report before."),
  actual: planDate().nullable().optional().describe("When it was reached; null: not yet."),
});

const successor = z.strictObject({
  code: z.enum(CODES).describe("Participant that takes the users over."),
  from: planDate().describe("From when."),
  userMigration: z
    .enum(["same-email", "new-registration", "automatic", "unknown"])
    .default("unknown")
    .describe("How users get over."),
});

const participant = z.strictObject({
  code: z.enum(CODES).describe("Land, or Bund."),
  agreement: z
    .enum(["none", "loi", "va"])
    .describe(
      "Letter of Intent accepted, administrative agreement (Verwaltungsabkommen) signed, or none. Needed for production.",
    ),
  account: account.describe("The service account (Nutzerkonto)."),
  mailbox: mailbox.describe("The mailbox (Postfach) of that account."),
  coupled: z
    .boolean()
    .default(false)
    .describe("Account and mailbox go live together: neither before the other."),
  blockedBecause: z
    .string()
    .min(1)
    .max(200)
    .nullable()
    .default(null)
    .describe("Why nothing goes there at present, in words; null: not blocked."),
  milestones: z
    .array(milestone)
    .max(MAX_MILESTONES)
    .default([])
    .describe("Milestones of the plan."),
  successor: successor.optional().describe("Who follows a retired account."),
  postalFallback: z
    .boolean()
    .default(false)
    .describe("A retired account without successor: letters go by post from now on."),
});

export type Participant = z.output<typeof participant>;

/** The dates of one state, with how exact they are. */
export function dateOf(
  place: { readonly precision?: Precision | undefined },
  text: string | undefined,
): PlanDate | undefined {
  return text === undefined ? undefined : parsePlanDate(text, place.precision);
}

export const participantsSettings = z
  .strictObject({
    snapshot: z.iso
      .date()
      .describe(
        "Day on which these facts were collected; they age, and the date is shown with them.",
      ),
    list: z
      .array(participant)
      .min(1)
      .max(CODES.length)
      .describe("One entry for the Bund and for each Land that takes part."),
  })
  .superRefine(({ list }, context) => {
    for (const { path, message } of contradictionsOf(list))
      context.addIssue({ code: "custom", path: ["list", ...path], message });
  })
  .describe("Where every participant stands in the roll-out.");

export type Participants = z.output<typeof participantsSettings>;

interface Contradiction {
  readonly path: (string | number)[];
  readonly message: string;
}

/** The rules of §6.1 that no single key can show. */
function contradictionsOf(list: readonly Participant[]): Contradiction[] {
  const found = list.flatMap((entry, index) =>
    [
      ...agreementRule(entry),
      ...dateRules(entry),
      ...coupling(entry),
      ...orderRules(entry),
      ...retirement(entry, list),
    ].map(({ path, message }) => ({ path: [index, ...path], message })),
  );
  const codes = new Set<string>();
  const entities = new Set<string>();
  list.forEach(({ code, account: { entityIds } }, index) => {
    if (codes.has(code))
      found.push({ path: [index, "code"], message: `${code} stands here twice` });
    codes.add(code);
    entityIds.forEach((id, n) => {
      if (entities.has(id))
        found.push({
          path: [index, "account", "entityIds", n],
          message: "belongs to two participants",
        });
      entities.add(id);
    });
  });
  return found;
}

function agreementRule({ agreement, account, mailbox }: Participant): Contradiction[] {
  const live = account.state === "production" || mailbox.state === "production";
  if (agreement !== "none" || !live) return [];
  return [{ path: ["agreement"], message: "production needs an agreement: loi or va" }];
}

function dateRules(entry: Participant): Contradiction[] {
  return (["account", "mailbox"] as const).flatMap((part) => {
    const place = entry[part];
    const found: Contradiction[] = [];
    for (const key of ["since", "plannedFor"] as const)
      if (place[key] !== undefined && dateOf(place, place[key]) === undefined)
        found.push({ path: [part, "precision"], message: `is finer than \`${key}\` is written` });
    if (
      place.precision !== undefined &&
      place.since === undefined &&
      place.plannedFor === undefined
    )
      found.push({ path: [part, "precision"], message: "says how exact a date is; there is none" });
    if ((place.state === "production" || place.state === "retired") && place.since === undefined)
      found.push({ path: [part, "since"], message: `is needed for the state ${place.state}` });
    return found;
  });
}

function coupling({ coupled, account, mailbox }: Participant): Contradiction[] {
  if (!coupled) return [];
  const rule = "account and mailbox are coupled: ";
  if ((account.state === "production") !== (mailbox.state === "production"))
    return [{ path: ["mailbox", "state"], message: `${rule}both are in production or neither is` }];
  for (const key of ["since", "plannedFor"] as const) {
    const one = dateOf(account, account[key]);
    const other = dateOf(mailbox, mailbox[key]);
    const both = key === "since" ? account.state === "production" : true;
    if (both && (one?.first !== other?.first || one?.last !== other?.last))
      return [{ path: ["mailbox", key], message: `${rule}they have the same date` }];
  }
  return [];
}

/** A mailbox service always belongs to one service account (§2.1). */
function orderRules({ account, mailbox }: Participant): Contradiction[] {
  const path = ["mailbox", "state"];
  if (mailbox.state === "production" && account.state !== "production")
    return [{ path, message: "a mailbox in production needs its account in production" }];
  if (mailbox.state === "production" && mailbox.adapter === undefined)
    return [{ path: ["mailbox", "adapter"], message: "is needed for a mailbox in production" }];
  if (account.state === "retired" && mailbox.state !== "retired" && mailbox.state !== "none")
    return [{ path, message: "the account is retired, so its mailbox is, or there never was one" }];
  return [];
}

function retirement(entry: Participant, list: readonly Participant[]): Contradiction[] {
  const { code, account, mailbox, successor, postalFallback } = entry;
  const retired = account.state === "retired" || mailbox.state === "retired";
  if (retired && successor === undefined && !postalFallback)
    return [{ path: [], message: "retired: needs `successor`, or `postalFallback: true`" }];
  if (successor === undefined) return [];
  const path = ["successor", "code"];
  if (successor.code === code) return [{ path, message: "is the participant itself" }];
  return list.some((other) => other.code === successor.code)
    ? []
    : [{ path, message: `${successor.code} is not in the list` }];
}
