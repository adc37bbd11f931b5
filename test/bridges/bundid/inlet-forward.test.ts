import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createLegacySender } from "../../../fixtures/simulators/zbp/client.ts";
import type { LegacyLetter } from "../../../fixtures/simulators/zbp/client.ts";
import type { ZbpSimulator } from "../../../fixtures/simulators/zbp/index.ts";
import { deadPort } from "../../support/dead-port.ts";
import { MAILBOX, makeKeys, OTHER_MAILBOX, PDF, senderSettings, startZbp } from "./bench.ts";
import type { Keys } from "./bench.ts";
import { LETTER, letters, openInletBench, runLanes } from "./inlet-bench.ts";
import type { InletBench, InletWish } from "./inlet-bench.ts";

let keys: Keys;
let zbp: ZbpSimulator;
let bench: InletBench;
let stopLanes: (() => Promise<void>) | undefined;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => {
  zbp = await startZbp(keys, {
    clients: [{ certPem: keys.gateway.certPem, role: "relay" }, { certPem: keys.legacy.certPem }],
  });
  zbp.createMailbox({ uuid: MAILBOX });
});
afterEach(async () => {
  await stopLanes?.();
  stopLanes = undefined;
  await bench.close();
  await zbp.close();
});

async function open(wish: InletWish & { lanes?: boolean; url?: string } = {}): Promise<InletBench> {
  bench = await openInletBench(keys, {
    sender: { unlinked: "forward" },
    more: { sender: senderSettings(keys, wish.url ?? zbp.url) },
    options: { allow: [wish.url ?? zbp.url], timeoutMs: 1_000 },
    ...wish,
  });
  if (wish.lanes ?? true) stopLanes = runLanes(bench);
  return bench;
}

describe("while the old mailbox counts (phases observe and mirror)", () => {
  it("a letter to a linked mailbox is handed on, and its sender gets the answer of ZBP", async () => {
    await open();
    bench.state.links.add(MAILBOX);
    bench.state.legacyCounts = true;
    const { status, json } = await bench.legacy.sendLetter(LETTER);
    const [there] = zbp.letters();
    expect([status, json]).toEqual([
      200,
      { id: letters(bench.state)[0]?.message.id, remoteId: there?.id },
    ]);
    // Later Matrix counts: what comes again is answered as it was decided.
    bench.state.legacyCounts = false;
    expect((await bench.legacy.sendLetter(LETTER)).json).toEqual(json);
    expect(zbp.letters()).toHaveLength(1);
  });

  it("what ZBP refuses is refused to the sender, not swallowed", async () => {
    await open();
    bench.state.links.add(OTHER_MAILBOX);
    bench.state.legacyCounts = true;
    const { status } = await bench.legacy.sendLetter({ ...LETTER, mailboxUuid: OTHER_MAILBOX });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(letters(bench.state)[0]?.state).toBe("failed");
  });
});

describe("a letter to a mailbox that nobody reads in Matrix", () => {
  it("arrives at ZBP unchanged, in the name of its sender", async () => {
    await open();
    const direct = createLegacySender({
      baseUrl: zbp.url,
      caPem: keys.pki.ca.certPem,
      identity: keys.legacy,
    });
    await direct.sendLetter(LETTER);
    direct.close();
    const { status, json } = await bench.legacy.sendLetter(LETTER);
    const [unbridged, forwarded] = zbp.letters();
    expect(status).toBe(200);
    expect(json).toEqual({ id: letters(bench.state)[0]?.message.id, remoteId: forwarded?.id });
    expect(forwarded).toMatchObject({
      signer: keys.legacy.cn,
      relay: keys.gateway.cn,
      signedContent: unbridged?.signedContent,
      signature: unbridged?.signature,
      attachments: unbridged?.attachments,
    });
    const [file] = forwarded?.attachments ?? [];
    expect(file && zbp.attachmentBytes(file).equals(PDF)).toBe(true);
  });

  it("is never there twice, however often its sender comes back", async () => {
    await open();
    const answers = [];
    for (let n = 0; n < 3; n += 1) answers.push(await bench.legacy.sendLetter(LETTER));
    answers.push(...(await Promise.all([1, 2, 3].map(() => bench.legacy.sendLetter(LETTER)))));
    expect(new Set(answers.map(({ bytes }) => bytes.toString())).size).toBe(1);
    expect(zbp.letters()).toHaveLength(1);
  });

  it.each([["an unknown mailbox", { mailboxUuid: OTHER_MAILBOX }, 404, "MAILBOX_UNKNOWN"]] as [
    string,
    Partial<LegacyLetter>,
    number,
    string,
  ][])("%s: the sender gets ZBP's own answer", async (_what, more, status, code) => {
    await open();
    expect(await bench.legacy.sendLetter({ ...LETTER, ...more })).toMatchObject({
      status,
      json: { code },
    });
    expect(letters(bench.state)[0]?.state).toBe("failed");
  });

  it("may come again after it was refused, as a new letter", async () => {
    await open();
    const letter = { ...LETTER, mailboxUuid: OTHER_MAILBOX };
    expect((await bench.legacy.sendLetter(letter)).status).toBe(404);
    zbp.createMailbox({ uuid: OTHER_MAILBOX });
    expect((await bench.legacy.sendLetter(letter)).status).toBe(200);
    expect((await bench.legacy.sendLetter(letter)).status).toBe(200);
    expect(letters(bench.state).map(({ state }) => state)).toEqual(["failed", "delivered"]);
    expect(zbp.letters()).toHaveLength(1);
  });

  it.each([
    [413, "ATTACHMENT_REJECTED"],
    [422, "CONTENT_REJECTED"],
  ])("status %i of ZBP is passed on", async (status) => {
    await open();
    zbp.faults.arm({ route: "send", kind: "status", status });
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(status);
  });

  it("is not decided while ZBP is away: the sender comes again and meets the same letter", async () => {
    const url = `https://127.0.0.1:${await deadPort()}`;
    await open({ inlet: { forwardWait: "100ms" }, url });
    const first = await bench.legacy.sendLetter(LETTER);
    expect(first).toMatchObject({ status: 503, json: { code: "OUTCOME_OPEN", retryable: true } });
    expect(first.headers["retry-after"]).toBe("60");
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(503);
    expect(letters(bench.state)).toHaveLength(1);
  });

  it("stays undecided when nobody knows whether ZBP has it, and is never sent again", async () => {
    await open({ inlet: { forwardWait: "2s" } });
    zbp.faults.arm({ route: "send", kind: "timeoutAfterAccept", socket: "destroy" });
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(503);
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(503);
    expect(letters(bench.state)[0]?.state).toBe("unknown");
    expect(zbp.letters()).toHaveLength(1);
    bench.state.settle(letters(bench.state)[0]?.message.id ?? "", "delivered");
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(200);
  });

  it("goes on after a restart", async () => {
    await open({ lanes: false, inlet: { forwardWait: "100ms" } });
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(503);
    const { state } = bench;
    await bench.close();
    await open({ state, lanes: true });
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(200);
    expect(zbp.letters()).toHaveLength(1);
  });

  it("fails when its sender's token runs out first, and may then be sent again", async () => {
    await open({ lanes: false, inlet: { forwardWait: "20s" } });
    const sending = bench.legacy.sendLetter(LETTER);
    while (letters(bench.state).length === 0) await once(bench.state.changed, "change");
    const [kept] = letters(bench.state);
    const name = kept?.message.original?.digest.slice(7) ?? "";
    const past = { exp: Math.floor(Date.now() / 1000) - 1 };
    const claims = Buffer.from(JSON.stringify(past)).toString("base64url");
    const dump = bench.state.blobs.get(name)?.toString("latin1") ?? "";
    const expired = dump.replace(/(Bearer [\w-]+\.)[\w-]+/, `$1${claims}`);
    bench.state.blobs.set(name, Buffer.from(expired, "latin1"));
    stopLanes = runLanes(bench);
    expect(await sending).toMatchObject({ status: 401, json: { code: "TOKEN_EXPIRED" } });
    expect(kept?.code).toBe("TOKEN_EXPIRED");
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(200);
    expect(zbp.letters()).toHaveLength(1);
  });

  it("waits when its original cannot be read", async () => {
    await open({ lanes: false, inlet: { forwardWait: "100ms" } });
    await bench.legacy.sendLetter(LETTER);
    const [kept] = letters(bench.state);
    if (kept === undefined) throw new Error("nothing came");
    bench.state.blobs.clear();
    const delivering = bench.bridge.deliver(
      kept.message,
      kept.message.id,
      new AbortController().signal,
    );
    await expect(delivering).rejects.toMatchObject({
      fault: "transient",
      code: "ATTACHMENT_MISSING",
    });
  });

  it("goes to Matrix once somebody reads the mailbox", async () => {
    await open();
    bench.state.links.add(MAILBOX);
    expect((await bench.legacy.sendLetter(LETTER)).status).toBe(200);
    expect(letters(bench.state)[0]?.destination).toBe("matrix");
    expect(zbp.letters()).toHaveLength(0);
  });
});

it("application states are forwarded, too", async () => {
  await open();
  const state = {
    applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    status: "RECEIVED",
    publicServiceName: { de: "Bauvoranfrage" },
    senderName: "Bauamt",
    createdDate: "2026-11-21T10:00:00.000Z",
  } as const;
  expect((await bench.legacy.sendState(state)).status).toBe(200);
  expect(zbp.state.states).toMatchObject([
    { state, signer: keys.legacy.cn, relay: keys.gateway.cn },
  ]);
});

it("the existence of a mailbox is asked of ZBP", async () => {
  await writeFile(`${keys.folder}/probe.yaml`, "extends: zbp-v6\nprobe: { enabled: true }\n");
  await open({ more: { sender: senderSettings(keys, zbp.url), profile: "file:probe.yaml" } });
  expect((await bench.legacy.probe(MAILBOX)).status).toBe(200);
  expect((await bench.legacy.probe(OTHER_MAILBOX)).status).toBe(404);
});
