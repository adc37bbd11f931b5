import { beforeAll, expect, test } from "vitest";
import { HISTORY_RULE } from "../../../src/model/history.ts";
import { letter, T0 } from "../../support/stores.ts";
import { acceptLegalLetters, type LegalLetters } from "../ops/legal-letters.ts";
import { install, type Installation } from "./support.ts";

const LINE =
  "Gilt als bekannt gegeben am Freitag, 06.03.2026 (§ 9 OZG: vierter Tag nach der Bereitstellung).";
let here: Installation;
let ids: LegalLetters;
beforeAll(async () => {
  here = install();
  ids = await here.withStorage(({ store }) => acceptLegalLetters(store, T0));
});

test("show: what decided, and from when on it counts as notified, with rule and side", async () => {
  const { out } = await here.run("show", ids.deemed);
  expect(out).toMatch(/^decided +matrix-first by pilot-nw$/m);
  expect(out).toContain(`legal clock      ${LINE}\n`);
  expect(out).toMatch(/^clock counts +matrix, ozg-9 as valid from 2025-01-01$/m);
  expect(out).not.toMatch(/^copy of/m);
});

test("trace says the same above the steps", async () => {
  const { out } = await here.run("trace", ids.deemed);
  expect(out).toContain(`\nlegal clock: ${LINE}\n`);
  expect(out).toContain("\ndecided: matrix-first by pilot-nw\n");
  expect(out).toMatch(/Next: nothing, it arrived\n$/);
});

test("a copy names its letter and shows no clock", async () => {
  const { out } = await here.run("show", ids.copy);
  expect(out).toMatch(new RegExp(`^copy of +${ids.deemed}$`, "m"));
  expect(out).not.toContain("legal clock");
  expect((await here.run("trace", ids.copy)).out).toContain(
    `decided: matrix-first by pilot-nw; copy of ${ids.deemed}\n`,
  );
});

test.each([
  ["waiting", /^legal clock +(Noch nicht|Nicht) bekannt gegeben/m],
  ["pending", /^legal clock +no evidence yet that the mailbox has it$/m],
  ["foreign", /^legal clock +no rule for "§ 122 AO"$/m],
  ["plain", /^decided +not by a plan$/m],
] as const)("show %s", async (name, expected) => {
  expect((await here.run("show", ids[name])).out).toMatch(expected);
});

test("list: the phase that decided, and which ones are copies", async () => {
  const { out } = await here.run("list", "--oldest");
  const rows = out.trimEnd().split("\n").slice(1, 3);
  expect(rows[0]).toMatch(new RegExp(`^${ids.deemed} .* legacy → matrix +matrix-first +delivered`));
  expect(rows[1]).toMatch(new RegExp(`^${ids.copy} .* legacy → legacy, copy +matrix-first +`));
});

test("--json: show, trace and list agree", async () => {
  const { document: shown } = await here.json("show", ids.deemed);
  const { document: traced } = await here.json("trace", ids.deemed);
  const { steps, ...rest } = traced;
  expect(rest).toEqual(shown);
  expect(steps).toHaveLength(4);
  expect(shown["clock"]).toMatchObject({ day: "2026-03-06", channel: "matrix", line: LINE });
  const { document } = await here.json("list", "--oldest");
  expect((document["letters"] as unknown[])[0]).toMatchObject({ rule: "pilot-nw" });
});

test("moved history is named as such", async () => {
  const id = await here.withStorage(async ({ store }) => {
    const decision = { phase: "mirror", rule: HISTORY_RULE } as const;
    const legalBasis = "§ 9 OZG";
    const past = letter({
      account: "first",
      conversationId: "c9",
      message: { case: { legalBasis } },
      decision,
    });
    await store.accept([past], T0);
    return past.message.id;
  });
  const { out } = await here.run("show", id);
  expect(out).toMatch(/^decided +history that was moved; tells and counts nothing$/m);
  expect(out).not.toContain("legal clock");
  expect((await here.run("list")).out).toMatch(
    new RegExp(`^${id} .* legacy → matrix +\\(history\\) +pending`, "m"),
  );
});
