import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { letter, leaseOf, deliverHead, T0 } from "../../support/stores.ts";
import { openAdmin, type AdminSite } from "./support.ts";

const CANARY = "Kanarienvogel-Inhalt";
let site: AdminSite;
beforeEach(async () => {
  site = await openAdmin();
});
afterEach(() => site.stop());

describe("who may do what", () => {
  const routes = [
    ["GET", "/metrics", "viewer"],
    ["GET", "/api/v1/letters", "viewer"],
    ["GET", "/api/v1/letters/x", "viewer"],
    ["GET", "/api/v1/quarantine", "viewer"],
    ["GET", "/api/v1/links", "viewer"],
    ["GET", "/api/v1/accounts", "viewer"],
    ["GET", "/api/v1/audit", "viewer"],
    ["POST", "/api/v1/letters/x/resend", "operator"],
    ["POST", "/api/v1/letters/x/resolve", "operator"],
    ["POST", "/api/v1/quarantine/x/release", "operator"],
    ["POST", "/api/v1/quarantine/x/reject", "operator"],
    ["POST", "/api/v1/conversations", "operator"],
    ["PUT", "/api/v1/links", "admin"],
    ["DELETE", "/api/v1/links", "admin"],
    ["POST", "/api/v1/links/import", "admin"],
    ["POST", "/api/v1/links/refresh", "admin"],
  ] as const;
  const roles = ["viewer", "operator", "admin"];

  test.each(routes)("%s %s needs %s", async (method, path, needed) => {
    const body = method === "GET" ? undefined : {};
    const stranger = await site.ask("nobody", method, path, body);
    expect(stranger.status).toBe(401);
    expect(stranger.json).toEqual({
      code: "NOT_ALLOWED",
      message: "a bearer token of `admin.tokens` is needed",
      next: "send Authorization: Bearer",
    });
    for (const [rank, role] of roles.entries()) {
      const { status } = await site.ask(role, method, path, body);
      if (rank < roles.indexOf(needed)) expect(status, role).toBe(403);
      else expect([200, 400, 404], role).toContain(status);
    }
  });

  test.each([
    "Bearer",
    "Bearer wrong",
    "Basic dmlld2Vy",
    "bearer  x",
    "Bearer " + "x".repeat(10_000),
  ])("%s is a stranger", async (header) => {
    expect((await site.ask(header, "GET", "/api/v1/letters")).status).toBe(401);
  });

  test("strangers and refusals are logged, without the token", async () => {
    await site.ask("Bearer guess-guess", "GET", "/api/v1/letters");
    await site.ask("viewer", "PUT", "/api/v1/links", {});
    expect(site.logged.map(({ event }) => event)).toEqual(["admin-stranger", "admin-refused"]);
    expect(JSON.stringify(site.logged)).not.toContain("guess-guess");
    expect(site.logged[1]?.fields).toMatchObject({ caller: "viewer-1", route: "/api/v1/links" });
  });
});

describe("health", () => {
  test("/live and /ready need no token and tell nothing about accounts", async () => {
    expect(await site.ask("nobody", "GET", "/live")).toMatchObject({
      status: 200,
      json: { ok: true },
    });
    const ready = await site.ask("nobody", "GET", "/ready");
    expect(ready.status).toBe(200);
    expect(ready.json).toEqual({
      ready: true,
      database: "ok",
      doorbell: "ok",
      accounts: { on: 1, started: 1 },
    });
    expect(ready.headers.get("cache-control")).toBe("no-store");
  });

  test("Redis away is degraded, not unready", async () => {
    site.world.doorbell = { ok: false, detail: "redis://:password@host is away" };
    const ready = await site.ask("nobody", "GET", "/ready");
    expect(ready).toMatchObject({ status: 200, json: { ready: true, doorbell: "degraded" } });
    expect(ready.text).not.toContain("password");
  });

  test("a database that cannot write is unready; the cause is in the log", async () => {
    site.world.probe = () => Promise.reject(new Error("disk full at /data"));
    const ready = await site.ask("nobody", "GET", "/ready");
    expect(ready).toMatchObject({ status: 503, json: { ready: false, database: "unavailable" } });
    expect(ready.text).not.toContain("disk");
    expect(site.logged[0]).toMatchObject({
      event: "database-not-writable",
      fields: { error: "disk full at /data" },
    });
  });

  test("an account that did not start is unready", async () => {
    const other = await openAdmin({ started: false });
    expect(await other.ask("nobody", "GET", "/ready")).toMatchObject({
      status: 503,
      json: { accounts: { started: 0 } },
    });
    await other.stop();
  });

  test("a second look within a moment does not write again", async () => {
    let probes = 0;
    site.world.probe = () => Promise.resolve(void (probes += 1));
    await Promise.all([1, 2, 3].map(() => site.ask("nobody", "GET", "/ready")));
    expect(probes).toBe(1);
  });

  test("accounts with their health, also when a ping fails", async () => {
    site.world.ping = () => Promise.reject(new Error("certificate refused"));
    const { json } = await site.ask("viewer", "GET", "/api/v1/accounts");
    expect(json["accounts"]).toEqual([
      {
        name: "first",
        bridge: "sample",
        title: "First authority",
        phase: "matrix",
        started: true,
        ok: false,
        detail: "certificate refused",
      },
    ]);
    expect(json["homeserver"]).toEqual({ ok: false, detail: "certificate refused" });
  });
});

describe("letters", () => {
  async function three(): Promise<string[]> {
    const content = { subject: CANARY, text: CANARY, html: CANARY };
    const items = ["c1", "c2", "c3"].map((conversationId) =>
      letter({ account: "first", conversationId, message: content }),
    );
    for (const item of items) await site.store.accept([item], T0);
    await deliverHead(site.store, await leaseOf(site.store, "c1-matrix"));
    const lease = await leaseOf(site.store, "c2-matrix");
    const id = items[1]?.message.id ?? "";
    await site.store.beginAttempt(lease, id, T0);
    const receipt = { kind: "in-doubt", at: T0 } as const;
    await site.store.settle(
      lease,
      id,
      { outcome: "unknown", code: "OUTCOME_UNKNOWN", detail: "cut", receipt },
      T0,
    );
    return items.map(({ message }) => message.id);
  }

  test("list with filters and pages, trace, no content anywhere", async () => {
    const [first = "", second = "", third = ""] = await three();
    const list = async (query: string) => {
      const answer = await site.ask("viewer", "GET", `/api/v1/letters${query}`);
      expect(answer.text).not.toContain(CANARY);
      return (answer.json["letters"] as { id: string; seq: number }[]) ?? answer.json;
    };
    expect((await list("")).map(({ id }) => id)).toEqual([third, second, first]);
    expect((await list("?state=unknown")).map(({ id }) => id)).toEqual([second]);
    expect((await list("?account=other")).map(({ id }) => id)).toEqual([]);
    expect((await list("?conversation=c3")).map(({ id }) => id)).toEqual([third]);
    const page = await list("?limit=2&order=oldest");
    expect(page.map(({ id }) => id)).toEqual([first, second]);
    const rest = await list(`?order=oldest&after=${page[1]?.seq}`);
    expect(rest.map(({ id }) => id)).toEqual([third]);
    const trace = await site.ask("viewer", "GET", `/api/v1/letters/${first}`);
    expect(trace.json).toMatchObject({ id: first, state: "delivered", parts: [`$${first}`] });
    expect(trace.text).not.toContain(CANARY);
  });

  test("resolve and resend, with the name of the token in the audit log", async () => {
    const [first = "", second = ""] = await three();
    const resolve = (to: string) =>
      site.ask("operator", "POST", `/api/v1/letters/${second}/resolve`, { to });
    expect(await resolve("lost")).toMatchObject({
      status: 400,
      json: { code: "INPUT_INVALID", next: "correct the request" },
    });
    expect(await resolve("failed")).toMatchObject({
      status: 200,
      json: { id: second, state: "failed" },
    });
    expect(await resolve("failed")).toMatchObject({ status: 409, json: { code: "NOT_ALLOWED" } });
    const resend = (id: string, body?: unknown) =>
      site.ask("operator", "POST", `/api/v1/letters/${id}/resend`, body);
    expect(await resend(first)).toMatchObject({ status: 409 });
    expect(await resend("nothing")).toMatchObject({
      status: 404,
      json: { code: "NOT_FOUND", next: "check the id or name" },
    });
    expect(await resend(second, { asnew: true })).toMatchObject({ status: 400 });
    expect(await resend(second)).toMatchObject({ status: 200, json: { asNew: false } });
    const audit = await site.ask("viewer", "GET", `/api/v1/audit?subject=${second}`);
    expect(audit.json["entries"]).toMatchObject([
      { action: "resend", actor: "operator-1" },
      { action: "resolve-failed", actor: "operator-1" },
    ]);
    expect(site.logged.filter(({ event }) => event === "admin-change")).toHaveLength(2);
  });
});
