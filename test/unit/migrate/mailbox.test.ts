import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import {
  defineBridge,
  type Bridge,
  type BridgeContext,
  type HistoricLetter,
} from "../../../src/bridge/contract.ts";
import { recordsOf } from "../../../src/bridge/context.ts";
import { createQuietContext } from "../../../src/cli/quiet-context.ts";
import type { AccountConfig } from "../../../src/config/schema.ts";
import { acceptanceOf } from "../../../src/migrate/convert.ts";
import { openMailbox } from "../../../src/migrate/mailbox.ts";
import type { HistorySource } from "../../../src/migrate/source.ts";
import { surveySource } from "../../../src/migrate/survey.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { BlobStore } from "../../../src/store/blob-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { openTestStore } from "../../support/stores.ts";

const { signal } = new AbortController();
const NOW = new Date("2026-05-01T00:00:00Z");
const digest = `sha256:${"ab".repeat(32)}` as const;

let store: Store;
let dispose: () => Promise<void>;
let source: HistorySource;
let kept: string[];
/** What the old system says, and how often each letter was read. */
let box: Map<string, () => HistoricLetter>;
let reads: string[];
let lists: (string | undefined)[];
let listFails: number;

beforeEach(async () => {
  ({ store, dispose } = await openTestStore());
  [box, reads, lists, kept, listFails] = [new Map(), [], [], [], 0];
  source = open();
});
afterEach(async () => {
  await source.close?.();
  await dispose();
});

const letter = (id: string, n: number): HistoricLetter => ({
  message: {
    ...{ sourceId: id, conversation: "case", sentAt: new Date(1.6e12 + n * 1_000), text: id },
    from: { address: "court" },
    ...{ to: [{ address: "a" }], level: 1, replyPolicy: "possible", attachments: [] },
  },
  ...{ direction: "received", mailbox: "a" },
});
const put = (id: string, n: number, make = () => letter(id, n)) => box.set(id, make);

const account = { name: "a", bridge: "old", settings: {}, privateNetworks: [] };
function open(history = true): HistorySource {
  const definition = defineBridge({
    ...{ name: "old", title: "old", schema: z.object({}), lookupFields: {} },
    capabilities: {
      ...{ directions: ["inbound"], maxMessageBytes: 1, mediaTypes: "any", receipts: [] },
      idempotentDelivery: true,
    },
    remotes: () => [],
    create: (context) => bridgeOf(context, history),
  });
  const blobs = {
    put: async (body: Readable) => {
      kept.push(String(Buffer.concat((await body.toArray()) as Buffer[])));
      return { digest, size: 1 };
    },
  } as unknown as BlobStore;
  const access = { store, blobs, attachmentBytes: 1_000, quietContext: createQuietContext };
  return openMailbox(account as unknown as AccountConfig, definition, access, 1);
}

function bridgeOf(context: BridgeContext<unknown>, history: boolean): Bridge {
  const refuse = () => Promise.reject(new Error("a migration must not do this"));
  const bridge = { start: refuse, stop: refuse, deliver: refuse, ping: refuse } as Bridge;
  if (!history) return bridge;
  return {
    ...bridge,
    history: () => ({
      async *list(cursor) {
        lists.push(cursor);
        for (const id of [...box.keys()].filter((one) => one >= (cursor ?? ""))) {
          const { sentAt: at } = letter(id, Number(id.slice(1))).message;
          yield { id, at, mailbox: "a", cursor: id };
          if (listFails > 0) {
            listFails -= 1;
            throw new GatewayError("REMOTE_UNAVAILABLE", "away");
          }
        }
      },
      async read(id) {
        reads.push(id);
        await context.store("original", Readable.from([Buffer.from(id)]));
        await context.records.put(`read:${id}`, "1");
        const make = box.get(id);
        if (!make) throw new GatewayError("NOT_FOUND", "gone");
        return make();
      },
      raw: (id) =>
        box.has(id)
          ? Promise.resolve(Readable.from([Buffer.from(`raw ${id}`)]))
          : Promise.reject(new GatewayError("NOT_FOUND", "gone")),
    }),
  };
}

async function accept(one: HistoricLetter, live: boolean): Promise<void> {
  const directory = { seatsOf: () => Promise.resolve(["@erika:example.org"]) };
  const item = await acceptanceOf({ store, directory, account: "a", source: "mailbox" }, one, NOW);
  const decision = { phase: "matrix", rule: "account" } as const;
  await store.accept([live ? { ...item, decision } : item], NOW);
}
const keysOf = async () => (await surveySource(source, signal)).order.map(({ key }) => key);
const records = () => recordsOf(store, "a");

test("letters are moved oldest first, each read once, and only then leaves anything here", async () => {
  put("m1", 3);
  put("m3", 3);
  put("m2", 2);
  const { order, report } = await surveySource(source, signal);
  expect(order.map(({ key }) => key)).toEqual(["m1", "m2", "m3"]);
  expect(report).toMatchObject({ letters: 3, unread: 3, mailboxes: { a: 3 } });
  expect(reads).toEqual([]);
  for (const place of order) await source.read(place, () => Promise.reject(new Error()), signal);
  expect(reads).toEqual(["m1", "m2", "m3"]);
  expect(kept).toEqual(["m1", "m2", "m3"]);
  expect(await records().get("read:m1")).toBe("1");
});

test("a whole survey reads every letter and leaves neither blob nor record", async () => {
  put("m1", 1);
  const { report } = await surveySource(source, signal, { whole: true });
  expect(report).toMatchObject({ letters: 1, unread: 0, cases: 1 });
  expect(reads).toEqual(["m1"]);
  expect(kept).toEqual([]);
  expect(await records().get("read:m1")).toBeUndefined();
});

test("what live traffic brought is no history; what was moved before keeps its place", async () => {
  for (const n of [1, 2, 3]) put(`m${n}`, n);
  const { report } = await surveySource(source, signal);
  await accept(letter("m2", 2), true);
  expect(await keysOf()).toEqual(["m1", "m3"]);
  await accept(letter("m1", 1), false);
  expect(await keysOf()).toEqual(["m1", "m3"]);
  expect(report.letters).toBe(3);
});

test("a list that breaks off goes on at its cursor; one that stays away ends the run", async () => {
  for (const n of [1, 2, 3]) put(`m${n}`, n);
  listFails = 2;
  expect(await keysOf()).toEqual(["m1", "m2", "m3"]);
  expect(lists).toEqual([undefined, "m1", "m1"]);
  listFails = 100;
  await expect(keysOf()).rejects.toMatchObject({ code: "REMOTE_UNAVAILABLE" });
});

test("what is wrong with a letter is set aside; what is wrong with us or the way ends the run", async () => {
  const failing = (code: "SIGNATURE_INVALID" | "AUTH_REFUSED" | "REMOTE_UNAVAILABLE") =>
    put("m1", 1, () => {
      throw new GatewayError(code, "as the bridge says");
    });
  const place = { key: "m1", offset: 0, bytes: 0 };
  const read = (key = "m1") => source.read({ ...place, key }, () => Promise.reject(), signal);
  failing("SIGNATURE_INVALID");
  await expect(read()).rejects.toMatchObject({ name: "HistoryFault", code: "SIGNATURE_INVALID" });
  await expect(read("m9")).rejects.toMatchObject({ name: "HistoryFault", code: "NOT_FOUND" });
  failing("AUTH_REFUSED");
  await expect(read()).rejects.toMatchObject({ name: "GatewayError", code: "AUTH_REFUSED" });
  reads = [];
  failing("REMOTE_UNAVAILABLE");
  await expect(read()).rejects.toMatchObject({ code: "REMOTE_UNAVAILABLE" });
  expect(reads).toHaveLength(4);
  expect(await source.raw({ ...place, key: "m9" })).toBeUndefined();
  expect(String(await (await source.raw(place))?.toArray())).toBe("raw m1");
});

test("a system that cannot be asked says which way is left", () => {
  expect(() => open(false)).toThrow(/take an export/);
});
