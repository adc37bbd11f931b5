import { describe, expect, test } from "vitest";
import type { LegacyReader, Phase } from "../../../src/bridge/contract.ts";
import { findConflicts } from "../../../src/transition/checks.ts";
import { differenceOf, isSame } from "../../../src/transition/difference.ts";
import type { Participant, Plan } from "../../../src/transition/plan.ts";
import { sketch } from "./plans.ts";

const nw: Participant = {
  code: "NW",
  agreement: "va",
  account: "production",
  mailbox: "production",
  coupled: false,
};

function conflicts(
  plan: Plan,
  {
    before,
    open = 0,
    readers = "forward",
  }: { before?: Plan; open?: number; readers?: LegacyReader } = {},
): string[] {
  const found = findConflicts(plan, {
    before,
    legacyReaders: new Map(plan.accounts.map(({ name }) => [name, readers])),
    unfinished: new Map([["first", open]]),
  });
  return found.map(({ kind, about, text }) => `${kind} ${about}: ${text}`);
}

describe("steps", () => {
  test("one step is allowed, a jump is named with the way to go", () => {
    expect(
      conflicts(sketch({ phase: "mirror" }), { before: sketch({ phase: "observe" }) }),
    ).toEqual([]);
    expect(
      conflicts(sketch({ phase: "matrix" }), { before: sketch({ phase: "observe" }) }),
    ).toEqual(["jump first: observe → matrix is not one step"]);
    expect(conflicts(sketch({ phase: "observe" }))).toEqual([]);
  });

  test("a cohort goes step by step, too; a new one begins where it likes", () => {
    const pilot = (phase: Phase) =>
      sketch({ phase: "observe", cohorts: [{ name: "pilot", phase }] });
    expect(conflicts(pilot("mirror"), { before: pilot("observe") })).toEqual([]);
    expect(conflicts(pilot("matrix"), { before: pilot("mirror") })).toEqual([
      "jump cohort pilot: mirror → matrix is not one step",
    ]);
    expect(conflicts(pilot("matrix"), { before: sketch({ phase: "observe" }) })).toEqual([]);
  });

  test("off with letters under way: a warning with their number", () => {
    const before = sketch();
    expect(conflicts(sketch({ phase: "off" }), { before, open: 3 })).toEqual([
      "warn first: 3 letters are not finished; they wait until the account is on again",
    ]);
    expect(conflicts(sketch({ phase: "off" }), { before })).toEqual([]);
  });

  test("an account that is missing in the file is a jump while it lives or has letters", () => {
    const gone = { ...sketch(), accounts: [] };
    expect(conflicts(gone, { before: sketch() })[0]).toMatch(
      /^jump first: is no longer in the file/,
    );
    expect(conflicts(gone, { before: sketch({ phase: "off" }) })[0]).toMatch(/^warn first/);
    expect(conflicts(gone, { before: sketch({ phase: "off" }), open: 1 })[0]).toMatch(
      /^jump first/,
    );
  });
});

describe("participants (bundid-fink.md §6.1)", () => {
  const plan = (
    participant: Partial<Participant>,
    phase: Phase = "matrix",
    cohorts: Plan["cohorts"] = [],
  ) =>
    sketch({
      phase,
      accounts: [{ participant: "NW" }],
      participants: [{ ...nw, ...participant }],
      cohorts: [...cohorts],
    });

  test("everything in order: nothing to say", () => {
    expect(conflicts(plan({}))).toEqual([]);
  });

  test("no agreement: letters must not move, also not by a cohort; observing is allowed", () => {
    const none = { agreement: "none", mailbox: "planned" } as const;
    expect(conflicts(plan(none))[0]).toMatch(/^refuse first: participant NW has neither agreement/);
    expect(conflicts(plan(none, "observe"))).toEqual([]);
    expect(conflicts(plan(none, "drain"))).toEqual([]);
    const cohorts = [{ name: "c", phase: "mirror" as const }];
    expect(conflicts(plan(none, "observe", cohorts))[0]).toMatch(/letters move \(mirror\)/);
    expect(conflicts(plan({ ...none, mailbox: "pilot" }))[0]).toMatch(/^warn first/);
    expect(conflicts(plan({ agreement: "loi" }))).toEqual([]);
  });

  test("production without agreement contradicts itself", () => {
    expect(conflicts(plan({ agreement: "none" }, "off"))).toEqual([
      "refuse NW: its mailbox is in production without agreement or letter of intent",
    ]);
  });

  test("coupled: account and mailbox go into production together", () => {
    const half = { coupled: true, account: "production", mailbox: "pilot" } as const;
    expect(conflicts(plan(half))).toEqual([
      "refuse NW: is coupled, but its account is production and its mailbox is pilot",
    ]);
    expect(conflicts(plan({ ...half, account: "pilot" }))).toEqual([]);
  });

  test("retired: only drain and off; without successor a warning", () => {
    expect(conflicts(plan({ mailbox: "retired", successor: "Bund" }))).toEqual([
      "refuse first: participant NW is retired; its successor is Bund",
    ]);
    expect(conflicts(plan({ mailbox: "retired" }, "drain"))).toEqual([
      "warn NW: is retired and names no successor",
    ]);
  });

  test("a participant that is not described", () => {
    expect(conflicts(sketch({ accounts: [{ participant: "XX" }] }))[0]).toMatch(/^warn first/);
  });
});

describe("what a bridge can do", () => {
  test("without readers in the old system observe and mirror are refused, also by a cohort", () => {
    for (const phase of ["observe", "mirror"] as const)
      expect(conflicts(sketch({ phase }), { readers: "none" })[0]).toMatch(
        /^refuse first: its settings of bridge sample leave no/,
      );
    const plan = sketch({ cohorts: [{ name: "c", phase: "mirror" }] });
    expect(conflicts(plan, { readers: "none" })[0]).toMatch(/^refuse/);
    const elsewhere = sketch({ cohorts: [{ name: "c", phase: "mirror", lands: ["BY"] }] });
    expect(conflicts(elsewhere, { readers: "none" })).toEqual([]);
  });

  test("matrix-first without a way to put a copy is a warning", () => {
    expect(conflicts(sketch({ phase: "matrix-first" }), { readers: "kept" })[0]).toMatch(
      /^warn first/,
    );
    expect(conflicts(sketch({ phase: "matrix-first" }))).toEqual([]);
  });
});

test("cohorts behind one that matches everything, and such that take nothing", () => {
  const cohorts = [
    { name: "all", phase: "mirror" as const, share: 100 },
    { name: "hidden", phase: "drain" as const, lands: ["NW"] },
  ];
  expect(conflicts(sketch({ phase: "mirror", cohorts }))).toEqual([
    "warn hidden: is never asked: cohort all before it matches every letter",
    "warn hidden: takes nothing (drain): letters of its mailboxes stay with their senders",
  ]);
});

describe("difference", () => {
  const a = { name: "a", phase: "mirror" as const, share: 10, mailboxes: ["1", "2"] };
  const b = { name: "b", phase: "mirror" as const };

  test("equal plans do not differ", () => {
    expect(isSame(differenceOf(sketch({ cohorts: [a, b] }), sketch({ cohorts: [a, b] })))).toBe(
      true,
    );
  });

  test("phases, places, cohorts and their order", () => {
    const before = sketch({ phase: "observe", cohorts: [a, b, { name: "c", phase: "mirror" }] });
    const changed = { ...a, share: 20, mailboxes: ["1", "2", "3"] };
    const after = sketch({
      phase: "mirror",
      accounts: [{ service: "Bafög" }],
      conversations: "follow",
      cohorts: [b, changed, { name: "d", phase: "mirror" }],
      participants: [nw],
    });
    const difference = differenceOf(before, after);
    expect(difference.accounts).toEqual([
      { account: "first", from: "observe", to: "mirror", also: ["service"] },
    ]);
    expect(difference.cohorts.map(({ cohort, change }) => [cohort, change])).toEqual([
      ["c", "removed"],
      ["b", "moved"],
      ["a", "changed"],
      ["d", "added"],
    ]);
    expect(difference.cohorts[2]?.detail).toBe("share: 10 → 20; mailboxes: 2 entries → 3 entries");
    expect(difference.participants).toEqual([{ code: "NW", change: "added" }]);
    expect(difference.conversations).toEqual({ from: "keep", to: "follow" });
    expect(isSame(difference)).toBe(false);
  });
});
