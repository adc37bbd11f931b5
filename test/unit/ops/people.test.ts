import { afterEach, beforeEach, expect, test } from "vitest";
import { openAdmin, type AdminSite } from "./support.ts";

const LINK = { account: "first", mailbox: "m1", user: "@erika:example.org" };
let site: AdminSite;
beforeEach(async () => void (site = await openAdmin()));
afterEach(() => site.stop());

test("links with a time, their history, and rooms that follow", async () => {
  const body = { ...LINK, until: "2026-12-31T00:00:00.000Z", role: "Betreuerin" };
  const added = await site.ask("admin", "POST", "/api/v1/people/links", body);
  expect(added.json).toMatchObject({ added: 1, roomsRefreshed: 1 });
  expect((await site.ask("admin", "POST", "/api/v1/people/unlink", LINK)).status).toBe(200);
  expect((await site.ask("admin", "POST", "/api/v1/people/unlink", LINK)).status).toBe(404);
  const history = await site.ask(
    "viewer",
    "GET",
    "/api/v1/people/history?account=first&mailbox=m1",
  );
  expect(history.json["changes"]).toMatchObject([
    { change: "removed", by: "admin-1", role: "Betreuerin" },
    { change: "added", by: "admin-1", until: body.until },
  ]);
  expect(site.refreshed).toEqual(["first/m1", "first/m1"]);
  const backwards = { ...body, from: "2027-01-01T00:00:00.000Z" };
  expect((await site.ask("admin", "POST", "/api/v1/people/links", backwards)).status).toBe(400);
});

test("a substitution begins, is listed, ends, and the account's rooms follow", async () => {
  const row = { account: "first", absent: "@a:example.org", deputy: "@b:example.org" };
  const wanted = { ...row, until: "2026-03-10" };
  const { json } = await site.ask("admin", "POST", "/api/v1/substitutions", wanted);
  expect(json).toMatchObject({ ...row, until: "2026-03-10T23:00:00.000Z", by: "admin-1" });
  const self = { ...wanted, deputy: row.absent };
  expect((await site.ask("admin", "POST", "/api/v1/substitutions", self)).status).toBe(400);
  const past = { ...wanted, until: "2026-03-01" };
  expect((await site.ask("admin", "POST", "/api/v1/substitutions", past)).status).toBe(400);
  const listed = await site.ask("viewer", "GET", "/api/v1/substitutions");
  expect(listed.json["substitutions"]).toHaveLength(1);
  const end = { id: json["id"] };
  expect((await site.ask("admin", "POST", "/api/v1/substitutions/end", end)).status).toBe(200);
  expect((await site.ask("admin", "POST", "/api/v1/substitutions/end", end)).status).toBe(404);
  expect(site.refreshed).toEqual(["first/*", "first/*"]);
});

test("a registration changes nothing that runs, and cannot smuggle configuration", async () => {
  const wish = { account: "neu", bridge: "bundid", title: 'Amt"\n  phase: matrix', clerks: [] };
  const hostile = await site.ask("operator", "POST", "/api/v1/onboarding/accounts", wish);
  expect(hostile.status).toBe(400);
  const good = { ...wish, title: 'Amt: "Mitte" #1' };
  const { json } = await site.ask("operator", "POST", "/api/v1/onboarding/accounts", good);
  expect(json["snippet"]).toContain('title: "Amt: \\"Mitte\\" #1"');
  expect(json["snippet"]).toContain("phase: off");
  const listed = await site.ask("viewer", "GET", "/api/v1/onboarding/accounts");
  expect(listed.json["registrations"]).toMatchObject([{ account: "neu", state: "pending" }]);
  const taken = { ...good, account: "first" };
  expect((await site.ask("operator", "POST", "/api/v1/onboarding/accounts", taken)).status).toBe(
    409,
  );
});

test("terms stand in the audit log for good; a key is refused without a trace", async () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const terms = { account: "neu", acceptedBy: "Erika Amtsleiterin", version: "1.2", digest };
  await site.ask("operator", "POST", "/api/v1/onboarding/terms", terms);
  const { account, ...detail } = terms;
  expect(await site.store.listAudit({ subject: account, limit: 10 })).toMatchObject([
    { actor: "operator-1", action: "terms-accepted", detail },
  ]);
  const pem = "-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----";
  const refused = await site.ask("operator", "POST", "/api/v1/onboarding/certificates", {
    ...{ account, pem },
  });
  expect(refused.status).toBe(409);
  expect(refused.text).not.toContain("MIIsecret");
  expect(JSON.stringify(site.logged)).not.toContain("MIIsecret");
  expect(await site.store.listFacts("onboarding", "", { limit: 10 })).toEqual([]);
});
