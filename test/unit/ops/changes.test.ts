import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { letter, T0 } from "../../support/stores.ts";
import { openAdmin, type AdminSite } from "./support.ts";

let site: AdminSite;
beforeEach(async () => {
  site = await openAdmin();
});
afterEach(() => site.stop());

describe("quarantine", () => {
  const input = {
    account: "first",
    side: "legacy",
    sourceId: "s",
    code: "INPUT_INVALID",
    detail: "?",
  } as const;
  const original = { digest: `sha256:${"0".repeat(64)}`, size: 1 } as const;

  test("a held letter is released", async () => {
    const hold = { code: "RECIPIENT_UNLINKED", detail: "nobody" } as const;
    const item = letter({ account: "first", hold });
    await site.store.accept([item], T0);
    const { json } = await site.ask("viewer", "GET", "/api/v1/quarantine");
    const [{ id } = { id: "" }] = json["items"] as { id: string }[];
    expect((await site.ask("operator", "POST", `/api/v1/quarantine/${id}/release`)).status).toBe(
      200,
    );
    expect((await site.store.message(item.message.id))?.state).toBe("pending");
    expect((await site.ask("operator", "POST", `/api/v1/quarantine/${id}/release`)).status).toBe(
      409,
    );
  });

  test("other input goes to its bridge first, and stays open when that fails", async () => {
    const id = await site.store.quarantine({ ...input, original }, T0);
    const release = () => site.ask("operator", "POST", `/api/v1/quarantine/${id}/release`);
    expect(await release()).toMatchObject({
      status: 409,
      json: { message: "this cannot be taken in again; its bytes stay kept" },
    });
    const taken: unknown[] = [];
    site.world.readmit = (item) => {
      taken.push(item);
      return taken.length === 1 ? Promise.reject(new Error("still broken")) : Promise.resolve();
    };
    expect((await release()).status).toBe(500);
    expect((await site.store.quarantineItem(id))?.state).toBe("open");
    expect((await release()).status).toBe(200);
    expect(taken[1]).toMatchObject({ sourceId: "s", code: "INPUT_INVALID", original });
    expect((await release()).status).toBe(409);
    expect(taken).toHaveLength(2);
  });
});

describe("links", () => {
  const link = { account: "first", mailbox: "m1", user: "@a:example.org" };

  test("put, list, delete; rooms follow; held letters go on", async () => {
    const hold = { code: "RECIPIENT_UNLINKED", detail: "nobody" } as const;
    await site.store.accept([letter({ account: "first", hold })], T0);
    const mine = { ...link, mailbox: "mailbox-1" };
    const put = await site.ask("admin", "PUT", "/api/v1/links", { links: [mine, mine, link] });
    expect(put.json).toEqual({
      added: 2,
      unchanged: 1,
      released: 1,
      roomsRefreshed: 2,
      roomsLater: 0,
    });
    expect(site.refreshed).toEqual(["first/mailbox-1", "first/m1"]);
    const { json } = await site.ask("viewer", "GET", "/api/v1/links?account=first");
    expect(json["links"]).toMatchObject([{ ...link, provenance: "admin", by: "admin-1" }, mine]);
    expect((await site.ask("admin", "DELETE", "/api/v1/links", link)).json).toMatchObject({
      removed: true,
    });
    expect((await site.ask("admin", "DELETE", "/api/v1/links", link)).status).toBe(404);
  });

  test("one bad link: nothing is stored", async () => {
    const links = [link, { ...link, user: "@a:other.org" }];
    const put = await site.ask("admin", "PUT", "/api/v1/links", { links });
    expect(put).toMatchObject({ status: 400, json: { code: "CONFIG_INVALID" } });
    expect(await site.store.listLinks({ limit: 10 })).toEqual([]);
  });

  test("import of CSV and JSON, all or nothing", async () => {
    const good = "account,mailbox,user\nfirst,m1,@a:example.org\nfirst,m2,@b:example.org\n";
    expect((await site.ask("admin", "POST", "/api/v1/links/import", good)).json).toMatchObject({
      added: 2,
    });
    const again = await site.ask("admin", "POST", "/api/v1/links/import", [link]);
    expect(again.json).toMatchObject({ added: 0, unchanged: 1 });
    const bad = await site.ask("admin", "POST", "/api/v1/links/import", `${good}first,m3,nobody\n`);
    expect(bad).toMatchObject({ status: 400, json: { problems: [{ line: 4, key: "user" }] } });
    const { json } = await site.ask("viewer", "GET", "/api/v1/audit?subject=links");
    expect(json["entries"]).toMatchObject([
      { detail: { added: 0 } },
      { action: "links-imported", actor: "admin-1", detail: { added: 2, rows: 2 } },
    ]);
  });

  test("a homeserver that is away does not undo the link", async () => {
    site.world.refresh = () => Promise.reject(new Error("homeserver is away"));
    const put = await site.ask("admin", "PUT", "/api/v1/links", { links: [link] });
    expect(put).toMatchObject({
      status: 200,
      json: { added: 1, roomsRefreshed: 0, roomsLater: 1 },
    });
    expect(site.logged[0]).toMatchObject({ event: "readers-not-refreshed" });
  });
});

describe("conversations and the edges", () => {
  test("opening a conversation is audited", async () => {
    const body = {
      account: "first",
      to: { address: "m1", name: "Erika" },
      subject: "Antrag",
      reference: "AZ 1",
      level: 3,
    };
    const answer = await site.ask("operator", "POST", "/api/v1/conversations", body);
    expect(answer.json).toEqual({ conversation: "c-1", roomId: "!room:example.org" });
    expect(site.opened).toEqual([
      {
        account: "first",
        to: { address: "m1", name: "Erika" },
        subject: "Antrag",
        case: { reference: "AZ 1" },
        level: 3,
        by: "operator-1",
      },
    ]);
    expect((await site.store.listAudit({ limit: 5 }))[0]).toMatchObject({
      action: "conversation-opened",
      actor: "operator-1",
      subject: "c-1",
    });
    expect(
      (await site.ask("operator", "POST", "/api/v1/conversations", { ...body, account: "x" }))
        .status,
    ).toBe(404);
  });

  test.each([
    ["an unknown path", "GET", "/api/v1/nothing", undefined, 404],
    ["an unknown query", "GET", "/api/v1/letters?stat=failed", undefined, 400],
    ["a limit out of range", "GET", "/api/v1/letters?limit=5000", undefined, 400],
    ["an unknown field", "POST", "/api/v1/conversations", { account: "first", what: 1 }, 400],
  ])("%s", async (_what, method, path, body, status) => {
    const answer = await site.ask("admin", method, path, body);
    expect(answer.status).toBe(status);
    expect(Object.keys(answer.json)).toEqual(["code", "message", "next"]);
  });

  test("broken JSON and a body of another kind", async () => {
    const send = (type: string, body: string) =>
      fetch(`${site.url}/api/v1/links`, { method: "PUT", headers: { "content-type": type }, body });
    expect((await send("application/json", "{")).status).toBe(400);
    expect((await send("application/xml", "<a/>")).status).toBe(415);
    expect((await (await send("application/json", "{")).json()) as object).toMatchObject({
      code: "INPUT_INVALID",
    });
  });
});
