import { expect, test } from "vitest";
import { newId } from "../../src/model/id.ts";
import type { Acceptance, LetterDecision, NewPlan } from "../../src/store/store.ts";
import { after, deliverHead, leaseOf, letter, mustFind, T0 } from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

const plan = (after: number, planId = `plan-${after + 1}`): NewPlan => ({
  after,
  planId,
  fileId: "file-1",
  way: "apply",
  by: "op",
  keepSince: T0,
  document: JSON.stringify({ version: 1, note: "geheim ü" }),
});
const mirror = { phase: "mirror", rule: "pilot" } as const;

/** A letter for the legacy reader and its copy for Matrix, as the pipeline hands them over. */
function pair(sourceId: string, decision: LetterDecision = mirror): [Acceptance, Acceptance] {
  const toLegacy = { destination: "legacy", lane: "c1-legacy" } as const;
  const first = letter({ sourceId, ...toLegacy, decision, digest: `d-${sourceId}` });
  const copyOf = first.message.id;
  const options = { sourceId: `copy:${sourceId}`, digest: `d-${sourceId}` };
  return [first, letter({ ...options, decision: { ...decision, copyOf } })];
}

export function transitionSuite(bench: Bench): void {
  test("plans follow each other; two that replace the same one: the second is refused", async () => {
    const { store } = bench;
    expect(await store.newestPlan()).toBeUndefined();
    const first = await store.putPlan(plan(0), T0);
    expect(first).toMatchObject({ seq: 1, planId: "plan-1", appliedAt: T0 });
    await store.putPlan(plan(1), after(1));
    await expect(store.putPlan(plan(1, "late"), after(2))).rejects.toMatchObject({
      code: "NOT_ALLOWED",
    });
    expect(await store.newestPlan()).toMatchObject({
      seq: 2,
      document: plan(1).document,
      keepSince: T0,
    });
    const audit = await store.listAudit({ subject: "plan", limit: 10 });
    expect(audit.map(({ detail }) => detail?.["plan"])).toEqual(["plan-2", "plan-1"]);
    expect(await store.verifyAudit()).toBeUndefined();
  });

  test("of many that replace the same plan at once, one wins", async () => {
    const { store } = bench;
    const tries = Array.from({ length: 8 }, (_, n) => store.putPlan(plan(0, `p${n}`), T0));
    const settled = await Promise.allSettled(tries);
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await store.listPlans({ limit: 10 })).toHaveLength(1);
  });

  test("plans are listed from the newest on, page by page", async () => {
    const { store } = bench;
    for (let n = 0; n < 4; n += 1) await store.putPlan(plan(n), after(n));
    const seqs = async (filter: { before?: number; limit: number }) =>
      (await store.listPlans(filter)).map(({ seq }) => seq);
    expect(await seqs({ limit: 2 })).toEqual([4, 3]);
    expect(await seqs({ before: 3, limit: 9 })).toEqual([2, 1]);
  });

  test("a letter and its copy are stored together, each with its decision", async () => {
    const { store } = bench;
    const [first, copy] = pair("s1");
    const results = await store.accept([first, copy], T0);
    expect(results).toMatchObject([
      { outcome: "stored", destination: "legacy", phase: "mirror" },
      { outcome: "stored", destination: "matrix", phase: "mirror" },
    ]);
    expect(await mustFind(store, first.message.id)).toMatchObject(mirror);
    const copyOf = first.message.id;
    expect(await mustFind(store, copy.message.id)).toMatchObject({ ...mirror, copyOf });
    const copies = await store.copiesOf([copyOf, "nothing"]);
    expect(copies.map(({ id }) => id)).toEqual([copy.message.id]);
  });

  test("a letter that was decided without a copy gets none when it comes again, and the other way round", async () => {
    const { store } = bench;
    const alone = letter({
      sourceId: "s1",
      digest: "d-s1",
      decision: { phase: "matrix", rule: "account" },
    });
    await store.accept([alone], T0);
    const results = await store.accept(pair("s1"), after(1));
    expect(results).toMatchObject([
      { outcome: "duplicate", id: alone.message.id, destination: "matrix", phase: "matrix" },
      { outcome: "duplicate", id: alone.message.id },
    ]);
    expect(await store.messageBySource("a", "copy:s1")).toBeUndefined();
    const both = pair("s2");
    await store.accept(both, after(2));
    const later = letter({
      sourceId: "s2",
      digest: "d-s2",
      decision: { phase: "matrix", rule: "account" },
    });
    expect(await store.accept([later], after(3))).toMatchObject([
      { outcome: "duplicate", id: both[0].message.id, destination: "legacy", phase: "mirror" },
    ]);
    expect(await store.accept(pair("s2"), after(4))).toMatchObject([
      { outcome: "duplicate", id: both[0].message.id },
      { outcome: "duplicate", id: both[1].message.id },
    ]);
    const span = { account: "a", since: T0, until: after(99) };
    expect(await store.listOutlines(span, { limit: 99 })).toHaveLength(3);
  });

  test("a copy is counted while it is under way; once it arrived, its letter alone counts", async () => {
    const { store } = bench;
    const counts = async () =>
      (await store.stats(after(9))).messages.map(({ state, count }) => [state, count]);
    await store.accept(pair("s1"), T0);
    expect(await counts()).toEqual([["pending", 2]]);
    await deliverHead(store, await leaseOf(store, "c1-legacy"));
    expect(await counts()).toEqual([
      ["delivered", 1],
      ["pending", 1],
    ]);
    await deliverHead(store, await leaseOf(store, "c1-matrix"));
    expect(await counts()).toEqual([["delivered", 1]]);
  });

  test("other content under the id of a letter with a copy waits for a human once", async () => {
    const { store } = bench;
    await store.accept(pair("s1"), T0);
    const [first, copy] = pair("s1");
    const other = [
      { ...first, digest: "other" },
      { ...copy, digest: "other" },
    ];
    const results = await store.accept(other, after(1));
    expect(results.map(({ outcome }) => outcome)).toEqual(["conflict", "conflict"]);
    expect(await store.listQuarantine({ limit: 9 })).toHaveLength(1);
  });

  test("what a conversation is bound to: its last decided letter, of one origin or both, since a time", async () => {
    const { store } = bench;
    const put = (n: number, origin: "legacy" | "matrix", decision?: LetterDecision) =>
      store.accept([letter({ origin, ...(decision ? { decision } : {}) })], after(n));
    const last = (since: number, origin?: "legacy" | "matrix") =>
      store.lastDecision("c1", { since: after(since), ...(origin ? { origin } : {}) });
    expect(await last(0)).toBeUndefined();
    await put(1, "legacy", mirror);
    await put(2, "matrix", { phase: "matrix", rule: "x" });
    await put(3, "matrix", { phase: "drain", rule: "account" });
    await put(4, "legacy");
    expect(await last(0)).toEqual({ phase: "matrix", rule: "x" });
    expect(await last(0, "legacy")).toEqual(mirror);
    expect(await last(2, "legacy")).toBeUndefined();
    expect(await store.lastDecision("c2", { since: T0 })).toBeUndefined();
  });

  test("a letter decided on what is no longer so is not stored", async () => {
    const { store } = bench;
    const bound = (phase: "mirror" | undefined): LetterDecision => ({
      phase: "matrix-first",
      rule: "account",
      binding: { since: T0, phase },
    });
    await store.accept([letter({ sourceId: "s1", decision: mirror })], T0);
    const late = letter({ sourceId: "s2", decision: bound(undefined) });
    expect(await store.accept([late], after(1))).toMatchObject([{ outcome: "redecide" }]);
    expect(await store.message(late.message.id)).toBeUndefined();
    const good = letter({ sourceId: "s2", decision: bound("mirror") });
    expect(await store.accept([good], after(2))).toMatchObject([{ outcome: "stored" }]);
    // What is known already stays what it is, whatever was decided since.
    const again = letter({ sourceId: "s1", digest: "", decision: bound(undefined) });
    const known = await store.messageBySource("a", "s1");
    const same = { ...again, digest: known?.digest ?? "" };
    expect(await store.accept([same], after(3))).toMatchObject([
      { outcome: "duplicate", phase: "mirror" },
    ]);
  });

  test("of many first letters of one conversation, all that are stored agree", async () => {
    const { store } = bench;
    const phases = ["mirror", "matrix-first", "matrix"] as const;
    const tries = Array.from({ length: 12 }, (_, n) => {
      const phase = phases[n % 3] ?? "matrix";
      const decision = { phase, rule: "r", binding: { since: T0, phase: undefined } };
      return store.accept([letter({ sourceId: `s${n}`, decision })], T0);
    });
    const results = (await Promise.all(tries)).flat();
    expect(results.filter(({ outcome }) => outcome === "stored")).toHaveLength(1);
    expect(results.filter(({ outcome }) => outcome === "redecide")).toHaveLength(11);
  });

  test("a sighting counts once and keeps its first time", async () => {
    const { store } = bench;
    const sighting = { account: "a", sourceId: "s1", digest: "d1", rule: "account" };
    expect(await store.recordSighting(sighting, T0)).toBe(true);
    expect(await store.recordSighting({ ...sighting, digest: "d2" }, after(5))).toBe(false);
    expect(await store.recordSighting({ ...sighting, account: "b" }, after(1))).toBe(true);
    const span = { account: "a", since: T0, until: after(1) };
    const found = await store.listSightings(span, { limit: 9 });
    expect(found).toEqual([{ ...sighting, seenAt: T0, lastSeenAt: after(5) }]);
    expect(await store.listSightings({ ...span, until: T0 }, { limit: 9 })).toEqual([]);
  });

  test("sightings and outlines come page by page, none twice, none missing", async () => {
    const { store } = bench;
    for (let n = 0; n < 7; n += 1) {
      const at = after(Math.floor(n / 3));
      await store.recordSighting({ account: "a", sourceId: `s${n}`, digest: "d", rule: "r" }, at);
      await store.accept([letter({ sourceId: newId() })], at);
    }
    const span = { account: "a", since: T0, until: after(99) };
    const seen: string[] = [];
    for (let last; ;) {
      const page = await store.listSightings(span, { limit: 2, ...(last ? { after: last } : {}) });
      seen.push(...page.map(({ sourceId }) => sourceId));
      last = page.at(-1);
      if (!last) break;
    }
    expect(seen).toEqual(["s0", "s1", "s2", "s3", "s4", "s5", "s6"]);
    const some = await store.listOutlines(span, { limit: 3 });
    const rest = await store.listOutlines(span, { after: some.at(-1)?.seq ?? 0, limit: 99 });
    expect(new Set([...some, ...rest].map(({ id }) => id)).size).toBe(7);
    const early = { ...span, until: after(1) };
    expect(await store.listOutlines(early, { limit: 99 })).toHaveLength(3);
  });
}
