import { expect, test } from "vitest";
import { findUnread } from "../../../src/transition/unread.ts";
import { sketch } from "./plans.ts";

const directory = {
  readersOf: (account: string, mailbox: string) =>
    Promise.resolve(account === "first" && mailbox.startsWith("read") ? ["@a:b"] : []),
};
const pilot = (more: object) => ({ name: "pilot", phase: "mirror" as const, ...more });
const warnings = async (cohort: object, accounts = [{}]) =>
  (await findUnread(sketch({ accounts, cohorts: [pilot(cohort)] }), directory)).map(
    ({ kind, about, text }) => `${kind} ${about}: ${text}`,
  );

test("listed mailboxes that nobody in Matrix reads are counted and named", async () => {
  const mailboxes = ["read1", "one", "two", "three", "four"];
  expect(await warnings({ mailboxes })).toEqual([
    "warn cohort pilot: nobody in Matrix reads 4 of 5 mailboxes of its list (one, two, three, …); their letters go on to the old mailbox or are held",
  ]);
  expect(await warnings({ mailboxes: ["read1", "read2"] })).toEqual([]);
});

test("nothing is said of phases that leave the letters in the old mailbox, or without a list", async () => {
  expect(await warnings({ mailboxes: ["one"], phase: "observe" })).toEqual([]);
  expect(await warnings({})).toEqual([]);
});

test("only accounts that can come into the cohort count", async () => {
  const accounts = [{}, { name: "second", land: "TH" }];
  expect(await warnings({ mailboxes: ["read1"], lands: ["TH"] }, accounts)).toHaveLength(1);
  expect(await warnings({ mailboxes: ["read1"], lands: ["NW"] }, accounts)).toEqual([]);
});
