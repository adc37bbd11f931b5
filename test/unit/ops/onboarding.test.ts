import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Party } from "../../../src/model/message.ts";
import { followLater } from "../../../src/people/later.ts";
import { openAdmin, type AdminSite } from "./support.ts";

let site: AdminSite;
beforeEach(async () => void (site = await openAdmin()));
afterEach(() => site.stop());

describe("looking a recipient up", () => {
  const path = (query: string, account = "first") =>
    `/api/v1/recipients?account=${account}&query=${query}`;
  const look = (query: string, account?: string) => site.ask("viewer", "GET", path(query, account));
  function directory(resolve: (query: string) => Promise<readonly Party[]>): void {
    Object.assign(site.deps.accounts.get("first")?.bridge ?? {}, { resolve });
  }
  const some = (...hits: Party[]) => directory(() => Promise.resolve(hits));

  test("one, none, several: the answer never depends on the order of the directory", async () => {
    const [a, b] = [
      { address: "a", name: "Anna" },
      { address: "b", name: "Berta" },
    ];
    some(a);
    expect((await look("x")).json).toEqual({ result: "found", recipient: a });
    some();
    expect(await look("x")).toMatchObject({ status: 200, json: { result: "none" } });
    const other = { address: "a", name: "Zweitname" };
    const wanted = { result: "several", recipients: [a, b], more: false };
    for (const hits of [
      [a, b, other],
      [other, b, a],
      [b, other, a],
    ]) {
      some(...hits);
      expect((await look("x")).json).toEqual(wanted);
    }
    some(...Array.from({ length: 25 }, (_, n) => ({ address: `m${String(99 - n)}` })));
    const { json } = await look("x");
    expect(json).toMatchObject({ result: "several", more: true });
    expect((json["recipients"] as Party[]).map(({ address }) => address)).toEqual(
      Array.from({ length: 20 }, (_, n) => `m${String(75 + n)}`),
    );
  });

  test("a directory that is down says nothing about people: 503, with the code that names it", async () => {
    directory(() => Promise.reject(new Error("LDAP is away")));
    const { status, json } = await look("x");
    expect([status, json["code"]]).toEqual([503, "REMOTE_UNAVAILABLE"]);
    expect(String(json["message"])).toContain("the directory does not answer");
  });

  test("no directory, no account, no question: each has its own answer", async () => {
    expect(await look("x")).toMatchObject({ status: 409, json: { code: "NOT_ALLOWED" } });
    expect(await look("x", "nowhere")).toMatchObject({ status: 404, json: { code: "NOT_FOUND" } });
    expect((await look("")).status).toBe(400);
    expect((await look("x".repeat(256))).status).toBe(400);
    expect((await site.ask("nobody", "GET", path("x"))).status).toBe(401);
  });
});

describe("the wish to move with a cohort", () => {
  const wish = (account: string, cohort: string) =>
    site.ask("operator", "POST", "/api/v1/onboarding/cohort", { account, cohort });
  const wishes = async () =>
    (await site.ask("viewer", "GET", "/api/v1/onboarding/cohorts")).json["wishes"];
  const cohort = (accounts: string) => (text: string) =>
    `${text.replace(/transition:[\s\S]*$/, "")}transition:\n  cohorts: [{ name: pilot, phase: matrix, accounts: [${accounts}] }]\n`;
  const apply = async () => {
    const { status } = await site.ask("admin", "POST", "/api/v1/plan/apply", { jump: true });
    expect(status).toBe(200);
  };

  test("is shown with what to do, until the plan in force selects the account", async () => {
    expect((await wish("first", "pilot")).json).toEqual({ recorded: true, known: false });
    expect(await wishes()).toMatchObject([
      {
        ...{ account: "first", cohort: "pilot", by: "operator-1", state: "open" },
        next: expect.stringContaining("add it with `accounts: [first]`") as string,
      },
    ]);
    site.rewrite(cohort(""));
    site.rewrite((text) => text.replace("accounts: [] }", 'accounts: ["first"], share: 100 }'));
    await apply();
    expect(await wishes()).toMatchObject([{ account: "first", state: "selected" }]);
    expect((await wish("first", "pilot")).json).toEqual({ recorded: true, known: true });
  });

  test("of an account that is not there yet says so", async () => {
    await wish("neu", "pilot");
    expect(await wishes()).toMatchObject([
      { state: "open", next: expect.stringContaining("put the account neu into") as string },
    ]);
  });

  test("is declined once, stays declined, and may be repeated", async () => {
    const decline = () =>
      site.ask("operator", "POST", "/api/v1/onboarding/cohort/decline", { account: "first" });
    expect((await decline()).status).toBe(404);
    await wish("first", "pilot");
    expect((await decline()).json).toEqual({ declined: true });
    expect((await decline()).status).toBe(404);
    expect(await wishes()).toMatchObject([{ state: "declined" }]);
    await wish("first", "pilot");
    expect(await wishes()).toMatchObject([{ state: "open" }]);
    const entries = await site.store.listAudit({ subject: "first", limit: 10 });
    expect(entries.map(({ action, actor }) => [action, actor])).toEqual([
      ["cohort-wished", "operator-1"],
      ["cohort-declined", "operator-1"],
      ["cohort-wished", "operator-1"],
    ]);
  });

  test("needs an operator; a viewer only reads", async () => {
    const body = { account: "first", cohort: "pilot" };
    expect((await site.ask("viewer", "POST", "/api/v1/onboarding/cohort", body)).status).toBe(403);
    expect(await wishes()).toEqual([]);
  });
});

test("a homeserver that is away does not make a substitution look undone", async () => {
  site.world.refresh = () => Promise.reject(new Error("away"));
  const chairs = { account: "first", absent: "@a:example.org", deputy: "@b:example.org" };
  const wanted = { ...chairs, until: "2026-03-10" };
  const begun = await site.ask("admin", "POST", "/api/v1/substitutions", wanted);
  expect(begun.status).toBe(200);
  const refresh = { account: "first" };
  expect((await site.ask("admin", "POST", "/api/v1/substitutions/refresh", refresh)).json).toEqual({
    refreshed: false,
  });
  const end = { id: begun.json["id"] };
  expect((await site.ask("admin", "POST", "/api/v1/substitutions/end", end)).status).toBe(200);
  const { json } = await site.ask("viewer", "GET", "/api/v1/substitutions");
  expect(json["substitutions"]).toEqual([]);
  expect(site.logged.filter(({ event }) => event === "readers-not-refreshed")).toHaveLength(3);
});

test("rooms that could not follow a link are noted, and followed later", async () => {
  site.world.refresh = () => Promise.reject(new Error("away"));
  const link = { account: "first", mailbox: "m1", user: "@erika:example.org" };
  const added = await site.ask("admin", "POST", "/api/v1/people/links", link);
  expect(added.json).toMatchObject({ added: 1, roomsRefreshed: 0, roomsLater: 1 });
  const { store } = site;
  const follow = () =>
    followLater({ store, matrix: site.deps.matrix, runs: (account) => account === "first" });
  await expect(follow()).rejects.toThrow("away");
  site.world.refresh = () => Promise.resolve();
  await follow();
  await follow();
  expect(site.refreshed).toEqual(["first/m1"]);
});
