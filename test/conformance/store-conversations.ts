import { expect, test } from "vitest";
import { after, letter, T0 } from "../support/stores.ts";
import type { Bench } from "./store-bench.ts";

export function conversationSuite(bench: Bench): void {
  test("a letter creates its conversation with everything that describes it", async () => {
    const { store } = bench;
    const matter = { reference: "AZ-9", legalBasis: "OZG § 9" };
    const item = letter({ conversation: { case: matter, level: 4, replyPolicy: "forbidden" } });
    await store.accept([item], T0);
    expect(await store.conversation("c1")).toEqual({ ...item.conversation, createdAt: T0 });
    expect(await store.conversation("c2")).toBeUndefined();
  });

  test("a later letter from the legacy side updates it, one from Matrix does not", async () => {
    const { store } = bench;
    await store.accept([letter()], T0);
    const update = { subject: "Neuer Betreff", level: 3 } as const;
    await store.accept([letter({ conversation: update })], after(1));
    expect(await store.conversation("c1")).toMatchObject({ ...update, createdAt: T0 });
    const attempt = { subject: "Anders", level: 1 } as const;
    await store.accept([letter({ origin: "matrix", conversation: attempt })], after(2));
    expect(await store.conversation("c1")).toMatchObject(update);
  });

  test("a letter that was known already changes nothing", async () => {
    const { store } = bench;
    await store.accept([letter({ sourceId: "s1" })], T0);
    await store.accept([letter({ sourceId: "s1", conversation: { subject: "Anders" } })], after(1));
    expect((await store.conversation("c1"))?.subject).toBe("Bescheid");
  });

  test("a conversation never changes its account", async () => {
    const { store } = bench;
    await store.accept([letter()], T0);
    const foreign = letter({ account: "b", conversation: { account: "b" } });
    await expect(store.accept([foreign], T0)).rejects.toMatchObject({ code: "INTERNAL" });
    expect((await store.conversation("c1"))?.account).toBe("a");
  });

  test("opening one twice keeps the first", async () => {
    const { store } = bench;
    const draft = letter().conversation;
    const first = await store.openConversation(draft, T0);
    expect(first).toEqual({ ...draft, createdAt: T0 });
    const second = await store.openConversation({ ...draft, subject: "Anders" }, after(1));
    expect(second).toEqual(first);
  });

  test("the first room that is bound wins", async () => {
    const { store } = bench;
    await store.openConversation(letter().conversation, T0);
    expect(await store.bindRoom("c1", "!one")).toBe("!one");
    expect(await store.bindRoom("c1", "!two")).toBe("!one");
    expect((await store.conversation("c1"))?.roomId).toBe("!one");
    expect((await store.conversationByRoom("!one"))?.id).toBe("c1");
    expect(await store.conversationByRoom("!two")).toBeUndefined();
  });

  test("a room belongs to one conversation", async () => {
    const { store } = bench;
    await store.openConversation(letter().conversation, T0);
    await store.openConversation(letter({ conversationId: "c2" }).conversation, T0);
    await store.bindRoom("c1", "!one");
    await expect(store.bindRoom("c2", "!one")).rejects.toMatchObject({ code: "NOT_ALLOWED" });
    await store.bindRoom("c2", "!two");
    await expect(store.rebindRoom("c2", "!two", "!one")).rejects.toMatchObject({
      code: "NOT_ALLOWED",
    });
    expect((await store.conversationByRoom("!one"))?.id).toBe("c1");
    await expect(store.bindRoom("c3", "!x")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a room upgrade moves the conversation, only from the room it is in", async () => {
    const { store } = bench;
    await store.openConversation(letter().conversation, T0);
    await store.bindRoom("c1", "!one");
    expect(await store.rebindRoom("c1", "!wrong", "!two")).toBe(false);
    expect(await store.rebindRoom("c1", "!one", "!two")).toBe(true);
    expect((await store.conversationByRoom("!two"))?.id).toBe("c1");
    expect(await store.conversationByRoom("!one")).toBeUndefined();
  });

  test("are listed by account, page by page", async () => {
    const { store } = bench;
    for (const id of ["c3", "c1", "c2"])
      await store.openConversation(letter({ conversationId: id }).conversation, T0);
    await store.openConversation(letter({ conversationId: "x", account: "b" }).conversation, T0);
    const ids = async (filter: { account?: string; after?: string; limit: number }) =>
      (await store.listConversations(filter)).map(({ id }) => id);
    expect(await ids({ limit: 10 })).toEqual(["c1", "c2", "c3", "x"]);
    expect(await ids({ account: "a", limit: 2 })).toEqual(["c1", "c2"]);
    expect(await ids({ account: "a", after: "c2", limit: 2 })).toEqual(["c3"]);
  });
}
