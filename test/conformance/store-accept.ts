import { expect, test } from "vitest";
import { after, letter, leaseOf, mustFind, nextOf, T0 } from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

export function acceptSuite(bench: Bench): void {
  test("keeps the whole message and what belongs to it", async () => {
    const { store } = bench;
    const item = letter({
      message: {
        html: "<p>Inhalt</p>",
        inReplyTo: "earlier",
        attachments: [
          {
            name: "Bescheid.pdf",
            mediaType: "application/pdf",
            blob: { digest: `sha256:${"ab".repeat(32)}`, size: 17 },
            signed: true,
          },
        ],
        case: { reference: "AZ-1", applicationId: "app-1", legalBasis: "OZG" },
        original: { digest: `sha256:${"cd".repeat(32)}`, size: 99 },
        details: [{ label: "Zugang", value: "02.03.2026, 10:00 Uhr" }],
        request: {
          name: "eeb",
          title: "Empfangsbekenntnis",
          deadline: new Date("2026-11-21T22:59:00.000Z"),
          choices: [
            {
              name: "abgeben",
              label: "Empfang bestätigen",
              argument: { label: "Datum", kind: "date", required: true },
            },
          ],
        },
        action: { name: "eeb", choice: "abgeben", argument: "2026-11-21" },
        extra: { weird: "Zeichen ü 🦊 \" ' ?" },
        level: 3,
        replyPolicy: "mandatory",
      },
    });
    const results = await store.accept([item], T0);
    const { id } = item.message;
    const { lane, destination } = item;
    expect(results).toEqual([{ outcome: "stored", id, lane, destination }]);
    const stored = await mustFind(store, id);
    expect(stored.message).toEqual(item.message);
    expect(stored).toMatchObject({
      origin: "legacy",
      destination: "matrix",
      conversationId: "c1",
      lane: item.lane,
      originLane: item.originLane,
      digest: item.digest,
      state: "pending",
      attempts: 0,
      deliveryId: `${id}.0`,
      acceptedAt: T0,
      nextAttemptAt: T0,
    });
    expect(stored.settledAt).toBeUndefined();
    expect(await store.messageBySource("a", item.message.sourceId)).toEqual(stored);
    expect(await store.messageBySource("b", item.message.sourceId)).toBeUndefined();
    expect(await store.message("no-such-id")).toBeUndefined();
  });

  test("knows a letter that comes again, and answers with the first one", async () => {
    const { store } = bench;
    const first = letter({ sourceId: "s1" });
    await store.accept([first], T0);
    const again = letter({ sourceId: "s1", lane: "elsewhere" });
    const results = await store.accept([again], after(1));
    const { lane, destination } = first;
    expect(results).toEqual([{ outcome: "duplicate", id: first.message.id, lane, destination }]);
    expect(await store.message(again.message.id)).toBeUndefined();
    expect(await store.listQuarantine({ limit: 10 })).toEqual([]);
  });

  test("the same source id in another account is another letter", async () => {
    const { store } = bench;
    await store.accept([letter({ sourceId: "s1" })], T0);
    const other = letter({ sourceId: "s1", account: "b", conversationId: "c2" });
    expect((await store.accept([other], T0))[0]?.outcome).toBe("stored");
  });

  test("other content under a known source id is a conflict: first stays, second waits for a human, once", async () => {
    const { store } = bench;
    const first = letter({ sourceId: "s1" });
    await store.accept([first], T0);
    const original = { digest: `sha256:${"ee".repeat(32)}`, size: 5 } as const;
    const other = () => letter({ sourceId: "s1", message: { text: "anders", original } });
    const results = await store.accept([other()], after(1));
    expect(results[0]).toMatchObject({ outcome: "conflict", id: first.message.id });
    await store.accept([other()], after(2));
    const cases = await store.listQuarantine({ limit: 10 });
    expect(cases).toHaveLength(1);
    expect(cases[0]).toMatchObject({
      account: "a",
      sourceId: "s1",
      code: "SAME_ID_OTHER_CONTENT",
      side: "legacy",
      state: "open",
      original,
    });
    expect(cases[0]?.messageId).toBeUndefined();
    expect((await mustFind(store, first.message.id)).message.text).toBe("Inhalt von s1");
  });

  test("recognises duplicates and conflicts within one call", async () => {
    const { store } = bench;
    const first = letter({ sourceId: "s1" });
    const items = [
      first,
      letter({ sourceId: "s1" }),
      letter({ sourceId: "s1", message: { text: "anders" } }),
      letter({ sourceId: "s2" }),
    ];
    const results = await store.accept(items, T0);
    expect(results.map(({ outcome }) => outcome)).toEqual([
      "stored",
      "duplicate",
      "conflict",
      "stored",
    ]);
    expect(results[1]?.id).toBe(first.message.id);
  });

  test("takes all items or none", async () => {
    const { store } = bench;
    const good = letter({ sourceId: "good" });
    // The same id of ours twice: the second insert must fail, and take the first one with it.
    const bad = letter({ sourceId: "bad", message: { id: good.message.id } });
    await expect(store.accept([good, bad], T0)).rejects.toMatchObject({ code: "INTERNAL" });
    expect(await store.messageBySource("a", "good")).toBeUndefined();
    expect(await store.conversation("c1")).toBeUndefined();
    expect(await store.dueLanes(after(1), 10)).toEqual([]);
    expect((await store.accept([good], T0))[0]?.outcome).toBe("stored");
  });

  test("an id with odd characters is an id like any other", async () => {
    const { store } = bench;
    const odd = "a\0b \u{1F98A} \uD800 ' \" ? $1 %";
    const [result] = await store.accept([letter({ sourceId: odd })], T0);
    expect(result?.outcome).toBe("stored");
    expect((await store.messageBySource("a", odd))?.message.id).toBe(result?.id);
    expect((await store.accept([letter({ sourceId: odd })], T0))[0]?.outcome).toBe("duplicate");
  });

  test("no items, no effect", async () => {
    expect(await bench.store.accept([], T0)).toEqual([]);
  });

  test("makes the lane due, and never later than it was", async () => {
    const { store } = bench;
    const item = letter();
    await store.accept([item], after(10));
    await store.accept([letter()], after(20));
    expect(await store.dueLanes(after(9), 10)).toEqual([]);
    expect(await store.dueLanes(after(10), 10)).toEqual([item.lane]);
    const earlier = letter();
    await store.accept([earlier], after(5));
    expect(await store.dueLanes(after(5), 10)).toEqual([item.lane]);
  });

  test("keeps the order of letters within a lane", async () => {
    const { store } = bench;
    await store.accept([letter({ sourceId: "1" }), letter({ sourceId: "2" })], T0);
    await store.accept([letter({ sourceId: "3" })], T0);
    const stored = await store.listMessages({ limit: 10 });
    expect(stored.map(({ message }) => message.sourceId)).toEqual(["1", "2", "3"]);
    expect(stored.every(({ seq }, at) => at === 0 || seq > (stored[at - 1]?.seq ?? 0))).toBe(true);
  });

  test("a letter to be held is held, with its case in quarantine, and does not stand in line", async () => {
    const { store } = bench;
    const hold = { code: "RECIPIENT_UNLINKED", detail: "nobody reads mailbox-1" } as const;
    const item = letter({ sourceId: "s1", hold });
    await store.accept([item], T0);
    expect(await mustFind(store, item.message.id)).toMatchObject({ state: "held", ...hold });
    const cases = await store.listQuarantine({ state: "open", limit: 10 });
    expect(cases).toMatchObject([{ messageId: item.message.id, sourceId: "s1", ...hold }]);
    expect(await store.dueLanes(after(1), 10)).toEqual([]);
    await store.accept([letter({ sourceId: "s2" })], T0);
    const lease = await leaseOf(store, item.lane);
    expect(await nextOf(store, lease)).toBe("letter s2");
  });

  test("a refused letter is final, and its sender is told", async () => {
    const { store } = bench;
    const refuse = { code: "EDIT_REFUSED", detail: "an edit" } as const;
    const notice = "Bitte senden Sie ein neues Schreiben.";
    const receipts = [{ kind: "submission-rejected", at: T0, notice } as const];
    const item = letter({ sourceId: "s1", origin: "matrix", refuse, receipts });
    await store.accept([item], T0);
    expect(await mustFind(store, item.message.id)).toMatchObject({
      state: "rejected",
      ...refuse,
      settledAt: T0,
    });
    expect(await store.dueLanes(T0, 10)).toEqual([item.originLane]);
    const lease = await leaseOf(store, item.originLane);
    const work = await store.nextWork(lease, T0);
    expect(work).toMatchObject({
      kind: "notice",
      notice: { kind: "submission-rejected", notice, noticeState: "due" },
    });
  });

  test("lists by filter, oldest or newest first, page by page", async () => {
    const { store } = bench;
    await store.accept(
      [
        letter({ sourceId: "1" }),
        letter({ sourceId: "2", hold: { code: "INPUT_INVALID", detail: "" } }),
        letter({ sourceId: "3", account: "b", conversationId: "c2" }),
        letter({ sourceId: "4", origin: "matrix" }),
        letter({ sourceId: "5" }),
      ],
      T0,
    );
    const ids = async (filter: Omit<Parameters<typeof store.listMessages>[0], "limit">) =>
      (await store.listMessages({ ...filter, limit: 10 })).map(({ message }) => message.sourceId);
    expect(await ids({})).toEqual(["1", "2", "3", "4", "5"]);
    expect(await ids({ order: "newest" })).toEqual(["5", "4", "3", "2", "1"]);
    expect(await ids({ account: "a" })).toEqual(["1", "2", "4", "5"]);
    expect(await ids({ origin: "matrix" })).toEqual(["4"]);
    expect(await ids({ destination: "legacy" })).toEqual(["4"]);
    expect(await ids({ state: "held" })).toEqual(["2"]);
    expect(await ids({ state: "delivered" })).toEqual([]);
    expect(await ids({ state: "pending", account: "a", conversationId: "c1" })).toEqual([
      "1",
      "4",
      "5",
    ]);
    const [first, second] = await store.listMessages({ limit: 2 });
    expect(first?.message.sourceId).toBe("1");
    expect(await ids({ after: second?.seq ?? 0 })).toEqual(["3", "4", "5"]);
    expect(await ids({ after: second?.seq ?? 0, order: "newest" })).toEqual(["1"]);
  });
}
