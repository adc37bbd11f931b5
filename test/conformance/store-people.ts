import { expect, test } from "vitest";
import { newId } from "../../src/model/id.ts";
import type { Link, NewClaim } from "../../src/store/store.ts";
import { T0 } from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

const DAY = 86_400_000;
const day = (n: number) => new Date(T0.getTime() + n * DAY);
const link: Link = {
  account: "a",
  mailbox: "m1",
  user: "@erika:example.org",
  provenance: "admin",
  by: "op",
};
const claimOf = (fields: Partial<NewClaim> = {}): NewClaim => ({
  id: newId(),
  account: "a",
  mailbox: "m1",
  user: "@erika:example.org",
  mac: "right",
  by: "portal",
  expiresAt: day(7),
  ...fields,
});
const limits = { since: day(-1), perMailbox: 3, perUser: 4 };

export function peopleSuite(bench: Bench): void {
  test("a link has a time and a role, and every change stays in its history", async () => {
    const { store } = bench;
    await store.putLink({ ...link, until: day(5), role: "Betreuerin" }, T0);
    expect(await store.putLink({ ...link, until: day(9) }, day(1))).toBe("changed");
    expect(await store.putLink(link, day(2))).toBe("unchanged");
    expect(await store.linksOf("a", "m1")).toEqual([
      { ...link, until: day(9), role: "Betreuerin" },
    ]);
    expect(await store.putLink(link, day(10)), "it had ended, and begins anew").toBe("changed");
    expect(await store.linksOf("a", "m1")).toEqual([link]);
    await store.removeLink("a", "m1", link.user, "another", day(11));
    const history = await store.linkHistory({ account: "a", mailbox: "m1", limit: 10 });
    expect(history.map(({ change, by, at, until }) => [change, by, at, until])).toEqual([
      ["removed", "another", day(11), undefined],
      ["changed", "op", day(10), undefined],
      ["changed", "op", day(1), day(9)],
      ["added", "op", T0, day(5)],
    ]);
    const before = history[1]?.seq ?? 0;
    expect(await store.linkHistory({ account: "a", before, limit: 1 })).toEqual([history[2]]);
    expect(await store.linkHistory({ account: "b", limit: 10 })).toEqual([]);
  });

  test("what begins or ends in a time is found, each border once", async () => {
    const { store } = bench;
    await store.putLink({ ...link, from: day(1), until: day(3) }, T0);
    const m1 = [{ account: "a", mailbox: "m1" }];
    expect(await store.linksTurning(T0, day(1))).toEqual(m1);
    expect(await store.linksTurning(day(1), day(2))).toEqual([]);
    expect(await store.linksTurning(day(2), day(3))).toEqual(m1);
    const one = { account: "a", absent: "@x:o", deputy: "@y:o", by: "op" };
    await store.addSubstitution({ ...one, id: "s1", from: day(1), until: day(4) }, T0);
    expect(await store.substitutionsTurning(T0, day(1))).toEqual(["a"]);
    expect(await store.substitutionsTurning(day(1), day(3))).toEqual([]);
    expect(await store.endSubstitution("s1", "op", day(2))).toBe(true);
    expect(await store.endSubstitution("s1", "op", day(2))).toBe(false);
    expect(await store.listSubstitutions(day(2))).toEqual([]);
    expect(await store.listSubstitutions(day(1), "a")).toMatchObject([{ until: day(2) }]);
    expect(await store.listSubstitutions(day(1), "b")).toEqual([]);
    expect(await store.substitutionsTurning(day(1), day(3))).toEqual(["a"]);
  });

  test("the right code links once; whoever else has it gets nothing", async () => {
    const { store } = bench;
    const claim = claimOf();
    await store.openClaim(claim, limits, T0);
    const answer = { id: claim.id, user: claim.user, mac: "right", by: "portal", maxTries: 3 };
    const stranger = { ...answer, user: "@eve:example.org" };
    expect(await store.answerClaim(stranger, T0)).toBe("unknown");
    expect(await store.answerClaim({ ...answer, mac: "wrong" }, T0)).toBe("wrong-code");
    expect(await store.answerClaim(answer, day(1))).toBe("linked");
    expect(await store.answerClaim(answer, day(1))).toBe("closed");
    expect(await store.linksOf("a", "m1")).toMatchObject([{ provenance: "claim" }]);
    const audit = (await store.listAudit({ subject: "a/m1", limit: 10 })).map((e) => e.action);
    expect(audit).toEqual(["claim-proved", "link-added", "claim-wrong-code", "claim-requested"]);
  });

  test("guessing ends, time ends, and a new code makes the old one worthless", async () => {
    const { store } = bench;
    const [first, second] = [claimOf(), claimOf()];
    await store.openClaim(first, limits, T0);
    await store.openClaim(second, limits, T0);
    const answer = { id: first.id, user: first.user, mac: "right", by: "portal", maxTries: 2 };
    expect(await store.answerClaim(answer, T0)).toBe("closed");
    const guess = { ...answer, id: second.id, mac: "wrong" };
    const guesses = await Promise.all([1, 2, 3].map(() => store.answerClaim(guess, T0)));
    expect(guesses.sort()).toEqual(["blocked", "blocked", "wrong-code"]);
    expect(await store.answerClaim({ ...guess, mac: "right" }, T0)).toBe("blocked");
    const third = claimOf();
    await store.openClaim(third, limits, T0);
    expect(await store.answerClaim({ ...answer, id: third.id }, day(7))).toBe("expired");
    expect(await store.linksOf("a", "m1")).toEqual([]);
  });

  test("a code without its claim counts for the claim that it belongs to; a wrong one is a try of each", async () => {
    const { store } = bench;
    const user = "@erika:example.org";
    const [first, second] = [claimOf({ id: "c1" }), claimOf({ id: "c2", mailbox: "m2" })];
    const elsewhere = claimOf({ id: "c3", account: "b" });
    for (const claim of [first, second, elsewhere])
      await store.openClaim({ ...claim, mac: `mac-${claim.id}` }, limits, T0);
    const give = (code: string, changes: object = {}, at = T0) =>
      store.answerAnyClaim(
        {
          ...{ user, accounts: ["a"], by: user, maxTries: 3 },
          macOf: (id) => (code === id ? `mac-${id}` : "nothing"),
          ...changes,
        },
        at,
      );
    expect(await give("c3"), "of an account that does not allow it").toMatchObject({
      result: "wrong-code",
    });
    expect((await store.claim("c3"))?.tries).toBe(0);
    expect(await give("c1", { user: "@eve:example.org" })).toEqual({ result: "unknown" });
    expect(await give("c1")).toEqual({ result: "linked", id: "c1" });
    expect(await give("c1"), "only once").toMatchObject({ result: "wrong-code" });
    expect((await store.claim("c2"))?.tries).toBe(2);
    expect(await give("c2", {}, day(7)), "its time is over").toEqual({ result: "unknown" });
    expect(await give("none")).toMatchObject({ result: "blocked" });
    expect(await give("c2"), "guessing has ended").toEqual({ result: "unknown" });
    expect(await store.linksOf("a", "m2")).toEqual([]);
    expect(await store.linksOf("a", "m1")).toMatchObject([{ provenance: "claim", by: user }]);
  });

  test("codes are limited per mailbox and per user, also when asked for at once", async () => {
    const { store } = bench;
    const ask = (fields: Partial<NewClaim>) => store.openClaim(claimOf(fields), limits, T0);
    const users = ["@a:o", "@b:o", "@c:o", "@d:o", "@e:o"];
    const asked = await Promise.allSettled(users.map((user) => ask({ user })));
    expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    for (const mailbox of ["m2", "m3", "m4", "m5"]) await ask({ mailbox, user: "@z:o" });
    await expect(ask({ mailbox: "m6", user: "@z:o" })).rejects.toMatchObject({
      code: "NOT_ALLOWED",
    });
    await store.openClaim(claimOf(), { ...limits, since: T0 }, day(1));
  });
}
