import { afterEach, beforeEach, expect, test } from "vitest";
import { openAdmin, type AdminSite } from "../ops/support.ts";

let site: AdminSite;
beforeEach(async () => {
  site = await openAdmin();
});
afterEach(() => site.stop());

test("the plan in force, its history and explanations are read by viewers", async () => {
  const plan = await site.ask("viewer", "GET", "/api/v1/plan");
  expect(plan.json).toMatchObject({
    seq: 1,
    accounts: [{ name: "first", phase: "matrix" }],
    order: [],
  });
  const history = await site.ask("viewer", "GET", "/api/v1/plan/history");
  expect(history.json["plans"]).toMatchObject([{ seq: 1, way: "start" }]);
  expect(history.text).not.toContain("document");
  const why = await site.ask("viewer", "GET", "/api/v1/plan/explain?account=first&mailbox=m1");
  expect(why.json).toMatchObject({ now: { phase: "matrix", rule: "account" } });
  const none = await site.ask("viewer", "GET", "/api/v1/plan/explain?message=none");
  expect(none.status).toBe(404);
  expect((await site.ask("viewer", "GET", "/api/v1/plan/explain")).status).toBe(400);
  expect((await site.ask("nobody", "GET", "/api/v1/plan")).status).toBe(401);
});

test("apply and rollback are for admins, are checked, and are in force at once", async () => {
  expect((await site.ask("operator", "POST", "/api/v1/plan/apply")).status).toBe(403);
  const same = await site.ask("admin", "POST", "/api/v1/plan/apply", {});
  expect(same).toMatchObject({ status: 200, json: { applied: false } });
  site.rewrite((text) => text.replace("    title:", "    phase: drain\n    title:"));
  const review = await site.ask("viewer", "GET", "/api/v1/plan/review");
  expect(review.json).toMatchObject({
    difference: { accounts: [{ from: "matrix", to: "drain" }] },
  });
  expect((await site.ask("admin", "POST", "/api/v1/plan/apply", { jmup: true })).status).toBe(400);
  const applied = await site.ask("admin", "POST", "/api/v1/plan/apply", {});
  expect(applied.json).toMatchObject({ applied: { seq: 2 } });
  const now = await site.ask("viewer", "GET", "/api/v1/plan");
  expect(now.json).toMatchObject({ seq: 2, accounts: [{ phase: "drain" }] });
  const back = await site.ask("admin", "POST", "/api/v1/plan/rollback", {});
  expect(back.json).toMatchObject({ applied: { seq: 3 } });
  expect((await site.ask("admin", "POST", "/api/v1/plan/rollback", { to: 77 })).status).toBe(404);
  const audit = await site.store.listAudit({ subject: "plan", limit: 9 });
  expect(audit.map(({ actor }) => actor)).toEqual(["admin-1", "admin-1", "start"]);
});

test("a wrong file is answered with its lines and changes nothing", async () => {
  site.rewrite((text) => text.replace("    title:", "    phase: darin\n    title:"));
  const answer = await site.ask("admin", "POST", "/api/v1/plan/apply", {});
  expect(answer.status).toBe(400);
  expect(answer.text).toContain("darin");
  site.rewrite((text) => text.replace("phase: darin", "phase: mirror"));
  const refused = await site.ask("admin", "POST", "/api/v1/plan/apply", {});
  expect(refused).toMatchObject({ status: 409, json: { code: "PLAN_REFUSED" } });
  expect(refused.json["message"]).toContain("leave no letters to readers in the old system");
  expect((await site.store.newestPlan())?.seq).toBe(1);
});

test("comparing: per day; unknown accounts and too long times are refused", async () => {
  const ask = (query: string) => site.ask("viewer", "GET", `/api/v1/plan/compare?${query}`);
  expect((await ask("account=first&since=2026-03-01&until=2026-03-02")).json).toEqual({
    account: "first",
    days: [],
  });
  expect((await ask("account=other&since=2026-03-01")).status).toBe(404);
  expect((await ask("account=first&since=2020-03-01")).status).toBe(400);
  expect((await ask("account=first&since=2026-02-30")).status).toBe(400);
});
