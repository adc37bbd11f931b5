import { expect, test } from "vitest";
import type { Link } from "../../src/store/store.ts";
import { cursorOfLink } from "../../src/store/sql/links.ts";
import { after, T0 } from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

const link: Link = {
  account: "a",
  mailbox: "m1",
  user: "@erika:example.org",
  provenance: "admin",
  by: "op",
};

export function factSuite(bench: Bench): void {
  test("a fact is there until it is replaced or removed", async () => {
    const { store } = bench;
    expect(await store.fact("s", "k")).toBeUndefined();
    await store.putFact("s", "k", "one");
    await store.putFact("s", "k", "zwei – ü");
    expect(await store.fact("s", "k")).toBe("zwei – ü");
    expect(await store.fact("other", "k")).toBeUndefined();
    await store.removeFact("s", "k");
    await store.removeFact("s", "k");
    expect(await store.fact("s", "k")).toBeUndefined();
  });

  test("claiming keeps what is there", async () => {
    const { store } = bench;
    expect(await store.claimFact("s", "k", "first")).toBe("first");
    expect(await store.claimFact("s", "k", "second")).toBe("first");
    expect(await store.fact("s", "k")).toBe("first");
  });

  test("facts are listed by prefix, in key order, page by page", async () => {
    const { store } = bench;
    for (const key of ["b/2", "a/1", "b/10", "b/ü", "b", "c/1", "B/3"])
      await store.putFact("s", key, `value of ${key}`);
    await store.putFact("other", "b/9", "elsewhere");
    const keys = async (prefix: string, options: { after?: string; limit: number }) =>
      (await store.listFacts("s", prefix, options)).map(({ key }) => key);
    expect(await keys("b/", { limit: 10 })).toEqual(["b/10", "b/2", "b/ü"]);
    expect(await keys("b/", { limit: 2 })).toEqual(["b/10", "b/2"]);
    expect(await keys("b/", { after: "b/2", limit: 2 })).toEqual(["b/ü"]);
    expect(await keys("", { limit: 10 })).toEqual(["B/3", "a/1", "b", "b/10", "b/2", "b/ü", "c/1"]);
    expect(await store.listFacts("s", "a", { limit: 1 })).toEqual([
      { key: "a/1", value: "value of a/1" },
    ]);
  });

  test("a fact may be large", async () => {
    const value = "ü".repeat(1_000_000);
    await bench.store.putFact("s", "large", value);
    expect(await bench.store.fact("s", "large")).toBe(value);
  });

  test("the probe writes", async () => {
    await bench.store.probe();
    await bench.store.probe();
    expect(await bench.store.fact("gateway", "probe")).toBeDefined();
  });

  test("a link is added once and can be removed", async () => {
    const { store } = bench;
    expect(await store.putLink(link, T0)).toBe("added");
    expect(await store.putLink({ ...link, by: "another" }, after(1))).toBe("unchanged");
    expect(await store.linksOf("a", "m1")).toEqual([link]);
    expect(await store.linksOf("b", "m1")).toEqual([]);
    expect(await store.removeLink("a", "m1", link.user, "op", after(2))).toBe(true);
    expect(await store.removeLink("a", "m1", link.user, "op", after(3))).toBe(false);
    expect(await store.linksOf("a", "m1")).toEqual([]);
    const audit = await store.listAudit({ limit: 10 });
    expect(audit).toMatchObject([
      { action: "link-removed", subject: "a/m1", detail: { user: link.user } },
      { action: "link-added", subject: "a/m1", actor: "op" },
    ]);
    expect(audit).toHaveLength(2);
  });

  test("links are found from both sides and listed page by page", async () => {
    const { store } = bench;
    const links: readonly Link[] = [
      link,
      { ...link, user: "@max:example.org", provenance: "import" },
      { ...link, mailbox: "m2" },
      { ...link, account: "b" },
    ];
    for (const one of links) await store.putLink(one, T0);
    const mailboxes = await store.mailboxesOf("a", link.user);
    expect(mailboxes.map(({ mailbox }) => mailbox)).toEqual(["m1", "m2"]);
    expect((await store.linksOf("a", "m1")).map(({ user }) => user)).toEqual([
      "@erika:example.org",
      "@max:example.org",
    ]);
    expect(await store.listLinks({ limit: 10 })).toEqual(links);
    expect(await store.listLinks({ account: "a", limit: 2 })).toEqual(links.slice(0, 2));
    const cursor = cursorOfLink(links[1] ?? link);
    expect(await store.listLinks({ limit: 10, after: cursor })).toEqual(links.slice(2));
    expect(await store.listLinks({ account: "a", limit: 10, after: cursor })).toEqual([links[2]]);
  });
}
