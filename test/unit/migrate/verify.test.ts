import { afterEach, beforeEach, expect, test } from "vitest";
import type { Client } from "../../../src/matrix/client.ts";
import { fileToEvent, letterToEvents } from "../../../src/matrix/letter-events.ts";
import { acceptanceOf } from "../../../src/migrate/convert.ts";
import type { HistoricLetter } from "../../../src/migrate/source.ts";
import { verifyHistory } from "../../../src/migrate/verify.ts";
import { HISTORY_RULE } from "../../../src/model/history.ts";
import type { Store, StoredMessage } from "../../../src/store/store.ts";
import { leaseOf, openTestStore } from "../../support/stores.ts";

const NOW = new Date("2026-05-01T00:00:00Z");
const ROOM = "!case:example.org";
const { signal } = new AbortController();
let store: Store;
let dispose: () => Promise<void>;

beforeEach(async () => {
  ({ store, dispose } = await openTestStore());
});
afterEach(() => dispose());

const office = { address: "office", role: "authority" } as const;
const erika = { address: "erika", role: "citizen" } as const;
const letter = (n: number): HistoricLetter => ({
  message: {
    ...{ sourceId: `old-${n}`, conversation: "case", from: office, to: [erika], subject: `S${n}` },
    ...{ sentAt: new Date(1.6e12 + n * 1_000), text: `Schreiben ${n}`, level: 1 as const },
    replyPolicy: "possible",
    attachments: [
      {
        name: "a",
        mediaType: "text/plain",
        blob: { digest: `sha256:${"ab".repeat(32)}`, size: 3 },
      },
    ],
  },
  ...{ direction: "received", mailbox: "erika" },
});
const convert = (one: HistoricLetter, readers: readonly string[] = ["@erika:example.org"]) => {
  const directory = { seatsOf: () => Promise.resolve(readers) };
  const deps = { store, directory, account: "a", source: "jsonl:x" };
  return acceptanceOf(deps, one, NOW);
};

interface RoomEvent {
  readonly event_id: string;
  readonly sender: string;
  readonly origin_server_ts: number;
  readonly content: Record<string, unknown>;
}
/** Three letters, each with a file, as they stand in a room when nothing went wrong. */
async function moved(): Promise<RoomEvent[]> {
  const events: RoomEvent[] = [];
  for (const n of [1, 2, 3]) {
    const [result] = await store.accept([await convert(letter(n))], NOW);
    const stored = await store.message(result?.id ?? "");
    if (!stored) throw new Error("not stored");
    await deliver(stored);
    events.push(...eventsOf(stored));
  }
  const [conversation] = await store.listConversations({ account: "a", limit: 1 });
  await store.bindRoom(conversation?.id ?? "", ROOM);
  return events;
}
async function deliver({ lane, message: { id } }: StoredMessage): Promise<void> {
  const lease = await leaseOf(store, lane, { now: NOW, until: new Date(NOW.getTime() + 1e6) });
  await store.beginAttempt(lease, id, NOW);
  const receipt = { kind: "delivered", at: NOW } as const;
  const done = { outcome: "delivered", remoteId: `$${id}`, parts: [`$${id}`], receipt } as const;
  await store.settle(lease, id, done, NOW);
  await store.releaseLane(lease, NOW);
}
function eventsOf({ message, deliveryId, conversationId: conversation }: StoredMessage) {
  const context = { conversation, bridge: "b", deliveryId, copy: true };
  const { main, files } = letterToEvents(message, context);
  const base = { sender: "@ghost:x", origin_server_ts: message.sentAt.getTime() };
  const contents = files.map((file, index) =>
    fileToEvent(message, deliveryId, file, index, "mxc://x/y", `$${message.id}`),
  );
  return [main, ...contents].map((content, n) => ({
    ...{ ...base, event_id: `$${message.id}-${n}`, content: content as Record<string, unknown> },
  }));
}
function verify(events: readonly RoomEvent[]) {
  const client = { call: () => Promise.resolve({ chunk: events }) } as unknown as Client;
  return verifyHistory({ store, client, keeper: "@k:x", account: "a", bridge: "b" }, signal);
}

test("a room that holds everything has no difference and equal digests", async () => {
  const report = await verify(await moved());
  expect(report.differences).toEqual([]);
  const [box] = report.mailboxes;
  expect(box).toMatchObject({ mailbox: "erika", letters: 3, cases: 1, inMatrix: 3 });
  expect(box?.matrixDigest).toBe(box?.digest);
});

type Damage = (events: RoomEvent[]) => RoomEvent[];
const second = (events: RoomEvent[]) => events.slice(2, 4);
const changed = (events: RoomEvent[], more: Partial<RoomEvent>) =>
  events.map((event, n) => (n === 2 ? { ...event, ...more } : event));
test.each<[string, Damage]>([
  ["missing", (events) => events.filter((event) => !second(events).includes(event))],
  ["doubled", (events) => [...events, ...second(events).slice(0, 1)]],
  ["order", (events) => [...second(events), ...events.slice(0, 2), ...events.slice(4)]],
  ["time", (events) => changed(events, { origin_server_ts: 1 })],
  ["text", (events) => changed(events, { content: { ...events[2]?.content, body: "anders" } })],
  ["file-missing", (events) => events.filter((_, n) => n !== 3)],
])("finds: %s", async (kind, damage) => {
  const report = await verify(damage(await moved()));
  expect(report.differences.map((one) => one.kind)).toEqual([kind]);
  expect(report.differenceCount).toBe(1);
});

test("a letter that still waits is named, not passed over", async () => {
  const [result] = await store.accept([await convert(letter(1))], NOW);
  const report = await verify([]);
  expect(report.differences).toMatchObject([
    { kind: "not-delivered", id: result?.id, detail: "pending" },
  ]);
});

test("a mailbox that nobody reads: held until somebody does", async () => {
  expect(await convert(letter(1), [])).toMatchObject({ hold: { code: "RECIPIENT_UNLINKED" } });
});

test("a letter of the past neither decides for the next one nor asks for an act or tells of itself", async () => {
  const request = { name: "eeb", title: "EB", choices: [{ name: "abgeben", label: "x" }] };
  const given = letter(1);
  const item = await convert({ ...given, message: { ...given.message, request } });
  expect(item.decision).toEqual({ phase: "mirror", rule: HISTORY_RULE });
  expect(item.message).not.toHaveProperty("request");
  expect(item.receipts ?? []).toEqual([]);
  await store.accept([item], NOW);
  const binding = { since: new Date(0) };
  expect(await store.lastDecision(item.conversation.id, binding)).toBeUndefined();
});

test("what was asked for and every stage it reached then are told as facts of the past, in their order", async () => {
  const choices = [{ name: "abgeben", label: "x" }];
  const request = { name: "eb", title: "Empfangsbekenntnis", choices };
  const given = letter(1);
  const at = (n: number) => new Date(Date.UTC(2020, 0, n, 11));
  const receipts = [
    { kind: "retrieved", at: at(3) },
    { kind: "reply-rejected", at: at(4) },
    { kind: "delayed", at: at(1) },
    { kind: "delivered", at: at(2) },
  ] as const;
  const message = { ...given.message, request, details: [{ label: "Dienst", value: "Bau" }] };
  const { details = [] } = (await convert({ ...given, message, receipts })).message;
  expect(details.map(({ label }) => label)).toEqual([
    ...["Dienst", "Damals angefordert", "Damals verzögert", "Damals zugestellt"],
    ...["Damals abgerufen", "Antwort damals abgelehnt", "Übernommen"],
  ]);
  expect(details[1]?.value).toContain("Empfangsbekenntnis");
  expect(details[4]?.value).toBe("03.01.2020, 12:00:00");
});

const putIn = async (one: HistoricLetter) => {
  const [result] = await store.accept([await convert(one)], NOW);
  return result;
};
test("letters that answer each other, themselves or nobody come in once and stay as they were moved", async () => {
  const circle = [
    { ...letter(1), answers: "old-2" },
    { ...letter(2), answers: "old-1" },
    { ...letter(3), answers: "old-3" },
    { ...letter(4), answers: "nowhere" },
  ];
  for (const one of circle) expect(await putIn(one)).toMatchObject({ outcome: "stored" });
  const replies = async () =>
    Promise.all(
      circle.map(async ({ message: { sourceId } }) => {
        const known = await store.messageBySource("a", sourceId);
        return known?.message.inReplyTo;
      }),
    );
  const first = await store.messageBySource("a", "old-1");
  expect(await replies()).toEqual([undefined, first?.message.id, undefined, undefined]);
  const lost = (await store.messageBySource("a", "old-4"))?.message.details ?? [];
  expect(lost.find(({ label }) => label === "Antwort auf")?.value).toContain("nowhere");
  // Now each knows the one that it answers: it stays the same letter all the same.
  for (const one of circle) expect(await putIn(one)).toMatchObject({ outcome: "duplicate" });
  expect((await replies()).filter((id) => id !== undefined)).toHaveLength(1);
});

test("what a live letter said of the case stays", async () => {
  const first = await convert(letter(9));
  const live = { ...first, decision: { phase: "matrix", rule: "account" } as const };
  await store.accept([live], NOW);
  const past = await convert(letter(1));
  expect(past.conversation.subject).toBe("S9");
  expect(past.message.subject).toBe("S1");
});

test("a letter from the future is none of the past", async () => {
  const given = letter(1);
  const sentAt = new Date(NOW.getTime() + 1);
  await expect(convert({ ...given, message: { ...given.message, sentAt } })).rejects.toThrow(
    /future/,
  );
});
