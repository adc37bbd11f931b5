import { Client } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { DurableAppService, followsOn, sameToken } from "../../../src/matrix/appservice.ts";
import type { Batch } from "../../../src/matrix/record.ts";
import { findFreePort, silentLog } from "./support.ts";

const token = "hs-secret";
const open: DurableAppService[] = [];

async function startListener(
  record: (batch: Batch) => Promise<unknown>,
  afterGap = () => Promise.resolve(),
) {
  const counted: string[] = [];
  const service = new DurableAppService({
    transactionBytes: 7_000_000,
    log: silentLog,
    hsToken: () => token,
    count: (name) => counted.push(name),
    record,
    afterGap,
  });
  service.onUserQuery = (userId) =>
    userId.startsWith("@_postfach_known") ? Promise.resolve() : Promise.reject(new Error("boom"));
  const port = await findFreePort();
  await service.listen(port, "127.0.0.1", 10);
  open.push(service);
  const call = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const push = (txnId: string, body: unknown, headers?: Record<string, string>) =>
    call("PUT", `/_matrix/app/v1/transactions/${txnId}`, body, headers);
  return { service, call, push, counted, port };
}

afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

describe("the listener for the homeserver", () => {
  it("acknowledges only after everything was recorded", async () => {
    const seen: Batch[] = [];
    let commit: () => void = () => undefined;
    const committed = new Promise<void>((resolve) => (commit = resolve));
    const { push } = await startListener(async (batch) => {
      seen.push(batch);
      await committed;
    });
    const order: string[] = [];
    const answered = push("1", {
      events: [{ a: 1 }],
      ephemeral: [{ b: 2 }],
      "de.sorunome.msc2409.ephemeral": [{ c: 3 }],
    }).then((response) => order.push(`answered ${response.status}`));
    await expect.poll(() => seen.length).toBe(1);
    order.push("committed");
    commit();
    await answered;
    expect(order).toEqual(["committed", "answered 200"]);
    expect(seen).toEqual([{ events: [{ a: 1 }], ephemeral: [{ b: 2 }, { c: 3 }] }]);
  });

  it("answers 500 M_UNKNOWN when the commit fails, and takes the same transaction when it comes again", async () => {
    let broken = true;
    const recorded: unknown[] = [];
    const { push, counted } = await startListener((batch) => {
      if (broken) return Promise.reject(new Error("disk full"));
      recorded.push(...batch.events);
      return Promise.resolve();
    });
    const refused = await push("1", { events: [{ a: 1 }] });
    expect(refused.status).toBe(500);
    expect(await refused.json()).toMatchObject({ errcode: "M_UNKNOWN" });
    expect(counted).toEqual(["transactions", "transaction_failures"]);
    broken = false;
    expect((await push("1", { events: [{ a: 1 }] })).status).toBe(200);
    expect(recorded).toEqual([{ a: 1 }]);
  });

  it("records a transaction again that it has acknowledged: ids of transactions mean nothing", async () => {
    const recorded: unknown[] = [];
    const { push } = await startListener((batch) =>
      Promise.resolve(recorded.push(...batch.events)),
    );
    for (const txnId of ["5", "5", "1"]) await push(txnId, { events: [{ txnId }] });
    expect(recorded).toHaveLength(3);
  });

  it.each([
    ["no token", ""],
    ["a wrong token", "Bearer hs-secre"],
    ["another scheme", "Basic hs-secret"],
    ["a longer token", "Bearer hs-secret2"],
  ])("refuses %s before it reads anything", async (_name, authorization) => {
    let recorded = 0;
    const { push, call } = await startListener(() => Promise.resolve((recorded += 1)));
    expect((await push("1", { events: [{}] }, { authorization })).status).toBe(403);
    expect((await call("POST", "/_matrix/app/v1/ping", {}, { authorization })).status).toBe(403);
    expect(
      (await push("1?access_token=hs-secret", { events: [{}] }, { authorization })).status,
    ).toBe(403);
    expect(recorded).toBe(0);
  });

  it("compares tokens of any length without telling how much was right", () => {
    expect(sameToken(`Bearer ${token}`, token)).toBe(true);
    for (const wrong of [undefined, "", "Bearer ", "Bearer", token, "Bearer x".repeat(9_999)])
      expect(sameToken(wrong, token)).toBe(false);
    expect(sameToken("Bearer ", "")).toBe(false);
  });

  it("takes the largest transaction that a homeserver makes", async () => {
    let count = 0;
    const { push } = await startListener((batch) => Promise.resolve((count = batch.events.length)));
    const events = Array.from({ length: 100 }, (_, n) => ({ n, body: "x".repeat(60_000) }));
    expect((await push("1", { events })).status).toBe(200);
    expect(count).toBe(100);
  });

  it("says why when a body is too large or no JSON, and never acknowledges it", async () => {
    const { push } = await startListener(() => Promise.resolve());
    const tooLarge = await push("1", { events: ["x".repeat(7_100_000)] });
    expect([tooLarge.status, await tooLarge.json()]).toMatchObject([
      413,
      { errcode: "M_TOO_LARGE" },
    ]);
    const broken = await push("1", '{"events": [');
    expect([broken.status, await broken.json()]).toMatchObject([400, { errcode: "M_NOT_JSON" }]);
    expect((await push("1", {})).status).toBe(400);
    expect((await push("1", { events: {} })).status).toBe(400);
    expect((await push("1", '{"events":[]}', { "content-type": "text/plain" })).status).toBe(400);
  });

  it("answers pings and queries, and 404 in JSON for all else", async () => {
    const { call } = await startListener(() => Promise.resolve());
    expect((await call("POST", "/_matrix/app/v1/ping", { transaction_id: "x" })).status).toBe(200);
    expect((await call("GET", "/_matrix/app/v1/users/@_postfach_known:hs")).status).toBe(200);
    expect((await call("GET", "/_matrix/app/v1/users/@other:hs")).status).toBe(500);
    for (const path of ["/_matrix/app/v1/nothing", "/metrics", "/health", "/", "/users/@x:y"]) {
      const answer = await call("GET", path);
      expect([path, answer.status, await answer.json()]).toMatchObject([
        path,
        404,
        { errcode: "M_UNRECOGNIZED" },
      ]);
    }
  });

  it("answers 503 while it drains", async () => {
    const { service, push } = await startListener(() =>
      Promise.reject(new Error("must not come here")),
    );
    service.drain();
    expect((await push("1", { events: [] })).status).toBe(503);
  });

  it("lets the sweep go first after a possible gap: new connection, or a number is missing", async () => {
    const steps: string[] = [];
    const { port } = await startListener(
      (batch) => Promise.resolve(steps.push(`record ${JSON.stringify(batch.events)}`)),
      () => Promise.resolve(void steps.push("sweep")),
    );
    const connect = () => new Client(`http://127.0.0.1:${port}`);
    const push = async (client: Client, txnId: string) => {
      const answer = await client.request({
        method: "PUT",
        path: `/_matrix/app/v1/transactions/${txnId}`,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ events: [Number(txnId)] }),
      });
      await answer.body.dump();
    };
    const first = connect();
    for (const txnId of ["7", "8", "8", "10"]) await push(first, txnId);
    await first.close();
    const second = connect();
    for (const txnId of ["11", "12"]) await push(second, txnId);
    await second.close();
    expect(steps.join(" ")).toBe(
      "sweep record [7] record [8] record [8] sweep record [10] sweep record [11] record [12]",
    );
  });

  it("tells a gap only by counted numbers", () => {
    expect(followsOn("7", "8")).toBe(true);
    expect(followsOn("7", "7")).toBe(true);
    expect(followsOn(undefined, "7")).toBe(true);
    expect(followsOn("58", "8")).toBe(false);
    expect(followsOn("7", "9")).toBe(false);
    expect(followsOn("1795225752022", "1795225759999")).toBe(true);
    expect(followsOn("aGVsbG8", "d29ybGQ")).toBe(true);
  });
});
