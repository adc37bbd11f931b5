import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { StoreFactory, TestDatabase } from "../support/stores.ts";
import { letter, T0 } from "../support/stores.ts";

const child = fileURLToPath(new URL("store-child.ts", import.meta.url));
const RUNNERS = 8;

/** What a store must survive when processes start together, die in the middle, or are of another version. */
export function storeProcesses(name: string, factory: StoreFactory): void {
  describe(`${name}: processes`, () => {
    let db: TestDatabase;
    beforeEach(async () => {
      db = await factory.create();
    });
    afterEach(() => db.dispose());

    test("nodes that start at once on an empty database all get it", async () => {
      const exits = Array.from({ length: 3 }, () => once(startChild("open", db), "exit"));
      const stores = await Promise.all(Array.from({ length: 3 }, () => db.open()));
      for (const [code] of await Promise.all(exits)) expect(code).toBe(0);
      await Promise.all(stores.map((store) => store.accept([letter()], T0)));
      expect(await stores[0]?.listMessages({ limit: 10 })).toHaveLength(3);
    });

    test("what was acknowledged before SIGKILL is there, once and in order", async () => {
      const acknowledged: string[] = [];
      for (const amount of [1, 150, 400]) acknowledged.push(...(await killAfter(amount, db)));
      const store = await db.open();
      const seqs = new Map<string, number>();
      for (let after = 0; ;) {
        const page = await store.listMessages({ limit: 1_000, after });
        for (const { message, seq } of page) {
          expect(seqs.has(message.sourceId)).toBe(false);
          expect(message.text).toBe(`Inhalt von ${message.sourceId}`);
          seqs.set(message.sourceId, seq);
          after = seq;
        }
        if (page.length < 1_000) break;
      }
      expect(acknowledged.length).toBeGreaterThan(500);
      expect(acknowledged.filter((id) => !seqs.has(id))).toEqual([]);
      const lanes = Map.groupBy(acknowledged, (id) => id.split("-").slice(0, 2).join("-"));
      for (const ids of lanes.values()) {
        const order = ids.map((id) => seqs.get(id) ?? 0);
        expect(order).toEqual(order.toSorted((a, b) => a - b));
      }
      expect((await store.accept([letter()], T0))[0]?.outcome).toBe("stored");
    });

    test("keeps what it has when it is opened again", async () => {
      const first = await db.open();
      const item = letter();
      await first.accept([item], T0);
      await first.close();
      await expect(first.message(item.message.id)).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
      });
      const second = await db.open();
      expect((await second.message(item.message.id))?.message).toEqual(item.message);
    });

    test.for([
      "INSERT INTO schema_version (version, name, digest, applied_at) VALUES (9999, '9999-later.sql', 'x', 0)",
      "UPDATE schema_version SET digest = 'another' WHERE version = 1",
    ])("refuses a schema that it does not know: %s", async (sql) => {
      await (await db.open()).close();
      await db.execute(sql);
      await expect(db.open()).rejects.toMatchObject({ code: "STORE_NEWER" });
    });
  });
}

function startChild(mode: "open" | "accept", db: TestDatabase) {
  const given = [child, mode, JSON.stringify(db.address), String(RUNNERS)];
  return spawn(process.execPath, given, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Kills a node once it has acknowledged so many letters, and gives what it had acknowledged by then. */
async function killAfter(amount: number, db: TestDatabase): Promise<readonly string[]> {
  const node = startChild("accept", db);
  const ended = once(node, "exit");
  const acknowledged: string[] = [];
  const lines = createInterface({ input: node.stdout });
  lines.on("line", (line) => {
    acknowledged.push(line);
    if (acknowledged.length === amount) node.kill("SIGKILL");
  });
  await Promise.all([ended, once(lines, "close")]);
  expect(node.signalCode).toBe("SIGKILL");
  return acknowledged;
}
