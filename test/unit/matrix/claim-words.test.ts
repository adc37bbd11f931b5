import { expect, test } from "vitest";
import { claimHelp, readClaimCommand } from "../../../src/matrix/claim-words.ts";

const MAILBOX = "c1a7a000-1111-4222-8333-444455556666";

test.each([
  ["!postfach bestätigen ABCDE-FGHJK", "ABCDE-FGHJK"],
  ["!Postfach Bestätigen abcde fghjk", "abcdefghjk"],
  ["！postfach bestaetigen ABCDE-FGHJK", "ABCDE-FGHJK"],
  ["\u200e!postfach besta\u0308tigen\u00a0ABCDE-FGHJK ", "ABCDE-FGHJK"],
  ["! postfach bestätigen ABCDE-\nFGHJK", "ABCDE-FGHJK"],
])("%j gives a code back", (text, code) => {
  expect(readClaimCommand(text)).toEqual({ kind: "confirm", code });
});

test.each([
  [`!postfach verknüpfen bauamt ${MAILBOX}`],
  [`!POSTFACH VERKNUEPFEN bauamt ${MAILBOX}`],
  [`!postfach verknu\u0308pfen  bauamt\t${MAILBOX}`],
])("%j asks for a code", (text) => {
  expect(readClaimCommand(text)).toEqual({ kind: "request", account: "bauamt", mailbox: MAILBOX });
});

test.each([
  "postfach bestätigen ABCDE",
  "!postfach",
  "!postfach bestätigen",
  "!postfach bestätigen   ",
  "!postfach löschen alles",
  "!postfachbestätigen ABCDE",
  "!postfach verknüpfen bauamt",
  `!postfach verknüpfen Bauamt! ${MAILBOX}`,
  `!postfach verknüpfen bauamt ${MAILBOX} dazu`,
  `!postfach bestätigen ${"A".repeat(65)}`,
  `!postfach bestätigen ABCDE${" ".repeat(500)}`,
  "",
])("%j is neither", (text) => {
  expect(readClaimCommand(text)).toEqual({ kind: "other" });
});

test("the help offers no more than is allowed", () => {
  expect(claimHelp(true)).toContain("!postfach verknüpfen");
  expect(claimHelp(false)).not.toContain("verknüpfen");
});
