import { z } from "zod";
import { matrixUser } from "../bridge/settings.ts";
import { isDay, type Day } from "../transition/berlin.ts";

/** Keys of an account that say who reads, who writes, and what a room may show. */

const MAX_DESKS = 200;
const MAX_NAMED = 1_000;
const day = () =>
  z
    .string()
    .refine(isDay, "must be a day of the calendar such as 2026-12-01")
    .transform((text) => text as Day);

const desk = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "must be 1 to 40 characters of a-z, 0-9 and -")
    .describe("Name of the function mailbox; appears with every letter written there.")
    .meta({ example: "wohngeld" }),
  title: z.string().min(1).max(100).describe("Name that people see.").meta({ example: "Wohngeld" }),
  clerks: z
    .array(matrixUser().meta({ example: "@clerk:CHANGE-ME" }))
    .min(1)
    .max(MAX_NAMED)
    .describe("Who reads and writes here; they need not stand under `clerks` of the account."),
  services: z
    .array(z.string().min(1).max(255))
    .min(1)
    .max(MAX_NAMED)
    .optional()
    .describe("Administrative services whose conversations belong here."),
  references: z
    .array(z.string().min(1).max(255))
    .min(1)
    .max(MAX_NAMED)
    .optional()
    .describe("How file numbers begin whose conversations belong here, for example 50.1-."),
});

const substitution = z
  .strictObject({
    absent: matrixUser().describe("Who is away.").meta({ example: "@clerk:CHANGE-ME" }),
    deputy: matrixUser().describe("Who stands in.").meta({ example: "@deputy:CHANGE-ME" }),
    from: day().describe("First day (Europe/Berlin).").meta({ example: "2026-12-01" }),
    until: day().describe("Last day (Europe/Berlin).").meta({ example: "2026-12-14" }),
  })
  .refine(({ from, until }) => from <= until, {
    path: ["until"],
    message: "must not be before `from`",
  });

export const accountPeople = {
  functionMailboxes: z
    .array(desk)
    .max(MAX_DESKS)
    .optional()
    .describe(
      "Function mailboxes of this authority: conversations of a service or file number go to its clerks. " +
        "The first that fits; none: to all `clerks`.",
    ),
  substitutions: z
    .array(substitution)
    .max(MAX_NAMED)
    .optional()
    .describe("Who stands in for whom; more: `postfach-bridge links substitute`."),
  claimsInRoom: z
    .enum(["confirm", "request"])
    .optional()
    .describe(
      "What readers may do by themselves in a chat with the gateway's user: confirm: give back a one-time code that a " +
        "portal asked for. request: ask for the code as well. Without it only the admin API does both.",
    ),
  levels: z
    .strictObject({
      roomMaximum: z
        .union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)])
        .describe("Highest trust level of letters that are shown in a room."),
      above: z
        .enum(["notice", "hold"])
        .describe(
          "Letters above it. notice: the room gets a notice with `link`, the letter goes to the old mailbox, or " +
            "waits in quarantine when there is none. hold: it waits in quarantine and nobody is told.",
        ),
      link: z
        .url({ protocol: /^https$/ })
        .describe("Where the reader signs in with a higher level.")
        .meta({ example: "https://CHANGE-ME.example.org" }),
    })
    .optional()
    .describe("What a room may show. Without it every letter is shown."),
};
export type LevelPolicy = NonNullable<z.output<typeof accountPeople.levels>>;
export type FunctionMailbox = z.output<typeof desk>;
