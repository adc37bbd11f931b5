import { expect, test } from "vitest";
import type { Phase } from "../../../src/bridge/contract.ts";
import type { Side } from "../../../src/model/message.ts";
import type { StoredMessage } from "../../../src/store/store.ts";
import { clockDetail, clockOfLetter } from "../../../src/transition/letter-clock.ts";
import { clockOptionsOf } from "../../../src/transition/legal-config.ts";
import { deliverHead, leaseOf, letter, openTestStore } from "../../support/stores.ts";

const options = clockOptionsOf({ legalClock: [], holidays: [] });
const MONDAY = new Date("2025-06-02T09:00:00Z");
const LATER = new Date("2025-07-01T09:00:00Z");

/** A delivered letter with § 9 OZG as its legal basis, and what is known about it. */
async function delivered(phase: Phase | undefined, destination: Side) {
  const { store, dispose } = await openTestStore();
  const item = letter({
    ...{ destination, lane: "lane" },
    message: { case: { legalBasis: "§ 9 Abs. 1 OZG" } },
    ...(phase ? { decision: { phase, rule: "account" } } : {}),
  });
  await store.accept([item], MONDAY);
  await deliverHead(store, await leaseOf(store, "lane", { now: MONDAY }), MONDAY);
  const trace = await store.trace(item.message.id);
  await dispose();
  if (!trace) throw new Error("the letter is not there");
  return trace;
}

test.each<[Phase | undefined, Side, boolean]>([
  [undefined, "matrix", true],
  ["matrix", "matrix", true],
  ["matrix-first", "matrix", true],
  ["matrix-first", "legacy", false],
  ["mirror", "legacy", true],
  ["mirror", "matrix", false],
  ["observe", "legacy", true],
])("phase %s, letter to %s: one clock, on the side that counts", async (phase, side, counts) => {
  const { stored, receipts } = await delivered(phase, side);
  const clock = clockOfLetter(stored, receipts, options, LATER);
  if (counts) expect(clock).toMatchObject({ state: "deemed", day: "2025-06-06" });
  else expect(clock).toBeUndefined();
});

test("not delivered yet: not started; without legal basis: nothing", async () => {
  const { stored } = await delivered("matrix", "matrix");
  expect(clockOfLetter(stored, [], options, LATER)).toMatchObject({ state: "not-started" });
  const { case: _, ...plain } = stored.message;
  const without: StoredMessage = { ...stored, message: plain };
  expect(clockOfLetter(without, [], options, LATER)).toBeUndefined();
});

test("the line beside the letter in the room", () => {
  expect(clockDetail({ case: { legalBasis: "§ 9 OZG" } }, MONDAY, options)).toEqual({
    label: "Bekanntgabe",
    value:
      "Gilt als bekannt gegeben am Freitag, 06.06.2025 (§ 9 OZG: vierter Tag nach der Bereitstellung).",
  });
  expect(
    clockDetail({ case: { legalBasis: "§ 41 Abs. 2a VwVfG" } }, MONDAY, options)?.value,
  ).toContain("abrufbar bis Donnerstag, 12.06.2025");
  expect(clockDetail({ case: { legalBasis: "unbekannt" } }, MONDAY, options)).toBeUndefined();
  expect(clockDetail({}, MONDAY, options)).toBeUndefined();
});
