import { afterEach, beforeEach, expect, test } from "vitest";
import { deliverHead, leaseOf, letter, T0 } from "../../support/stores.ts";
import { acceptLegalLetters, type LegalLetters } from "./legal-letters.ts";
import { openAdmin, type AdminSite } from "./support.ts";

let site: AdminSite;
let ids: LegalLetters;
beforeEach(async () => {
  site = await openAdmin();
  ids = await acceptLegalLetters(site.store, T0);
});
afterEach(() => site.stop());

async function detail(id: string): Promise<Record<string, unknown>> {
  return (await site.ask("viewer", "GET", `/api/v1/letters/${id}`)).json;
}

test("a letter says what decided about it, and from when on it counts as notified", async () => {
  const letter = await detail(ids.deemed);
  expect(letter).toMatchObject({
    phase: "matrix-first",
    rule: "pilot-nw",
    next: "nothing, it arrived",
    parts: [`$${ids.deemed}`],
  });
  expect(letter["copyOf"]).toBeUndefined();
  expect(letter["clock"]).toEqual({
    state: "deemed",
    channel: "matrix",
    legalBasis: "§ 9 Abs. 1 OZG",
    line: "Gilt als bekannt gegeben am Freitag, 06.03.2026 (§ 9 OZG: vierter Tag nach der Bereitstellung).",
    day: "2026-03-06",
    by: "fiction",
    rule: {
      basis: "ozg-9",
      validFrom: "2025-01-01",
      days: 4,
      start: "available",
      text: "§ 9 OZG: vierter Tag nach der Bereitstellung",
      openQuestion: expect.stringContaining("§ 9 OZG") as unknown,
    },
  });
});

test("the same line as `plan explain --message`", async () => {
  const path = `/api/v1/plan/explain?message=${ids.deemed}`;
  const { json } = await site.ask("viewer", "GET", path);
  const { clock } = (await detail(ids.deemed)) as { clock: { line: string } };
  expect(json["letter"]).toMatchObject({ clock: clock.line, phase: "matrix-first" });
});

test("a copy names the letter that counts, and has no clock", async () => {
  const copy = await detail(ids.copy);
  expect(copy).toMatchObject({ copyOf: ids.deemed, phase: "matrix-first", state: "delivered" });
  expect(copy).not.toHaveProperty("clock");
});

test("clocks that do not run to a day say why", async () => {
  expect((await detail(ids.waiting))["clock"]).toMatchObject({
    state: "waits",
    until: "2026-03-12",
    rule: { basis: "vwvfg-41-2a", start: "retrieved", days: 1 },
    line: expect.stringContaining("abrufbar bis") as unknown,
  });
  expect((await detail(ids.pending))["clock"]).toEqual({
    ...{ state: "not-started", why: "not-available", channel: "matrix", legalBasis: "§ 9 OZG" },
  });
  expect((await detail(ids.foreign))["clock"]).toEqual({
    ...{ state: "no-rule", channel: "matrix", legalBasis: "§ 122 AO" },
  });
});

test("an answer written in Matrix is no decision, whatever the case rests on", async () => {
  const answer = letter({
    ...{ account: "first", conversationId: "c7", origin: "matrix" },
    message: { case: { legalBasis: "§ 9 OZG" } },
    decision: { phase: "matrix", rule: "account" },
  });
  await site.store.accept([answer], T0);
  await deliverHead(site.store, await leaseOf(site.store, "c7-legacy"));
  const shown = await detail(answer.message.id);
  expect(shown).toMatchObject({ state: "delivered", direction: "matrix → legacy" });
  expect(shown).not.toHaveProperty("clock");
});

test("without a legal basis and without a plan there is nothing to say", async () => {
  const plain = await detail(ids.plain);
  for (const name of ["clock", "phase", "rule", "copyOf"]) expect(plain).not.toHaveProperty(name);
});

test("the list has the decision too; the clock needs the evidence of one letter", async () => {
  const { json } = await site.ask("viewer", "GET", "/api/v1/letters?order=oldest");
  const letters = json["letters"] as Record<string, unknown>[];
  expect(letters.map(({ id, copyOf }) => [id, copyOf])).toEqual([
    [ids.deemed, undefined],
    [ids.copy, ids.deemed],
    ...[ids.waiting, ids.pending, ids.foreign, ids.plain].map((id) => [id, undefined]),
  ]);
  expect(letters[0]).toMatchObject({ phase: "matrix-first", rule: "pilot-nw" });
  expect(letters[0]).not.toHaveProperty("clock");
});

test("the steps say whether the origin was told", async () => {
  const { steps } = (await detail(ids.deemed)) as { steps: { step: string }[] };
  expect(steps.map(({ step }) => step)).toContain("receipt delivered (origin: due)");
});

test.each([
  ["2026-03-02", 6],
  ["2026-03-02T09:00:00Z", 6],
  ["2026-03-02T10:00:00%2B01:00", 6],
  ["2026-03-02T09:00:00.001Z", 0],
])("since %s finds %i", async (since, count) => {
  const { json } = await site.ask("viewer", "GET", `/api/v1/letters?since=${since}`);
  expect(json["letters"]).toHaveLength(count);
});

test.each(["1", "yesterday", "2026-02-30", "2026-03-02T09:00:00"])(
  "since %s is refused",
  async (since) => {
    const answer = await site.ask("viewer", "GET", `/api/v1/letters?since=${since}`);
    expect(answer).toMatchObject({ status: 400, json: { code: "INPUT_INVALID" } });
  },
);
