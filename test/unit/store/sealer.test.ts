import { describe, expect, test } from "vitest";
import { createSealer, openSealer } from "../../../src/store/sealer.ts";
import { openTestStore, sqliteStores, storeAt, TEST_KEYS } from "../../support/stores.ts";

const one = { id: "2026-a", secret: Buffer.alloc(32, 1) };
const two = { id: "2026-b", secret: Buffer.alloc(32, 2) };
const plain = Buffer.from("Sehr geehrte Frau Beispiel");

describe("sealing", () => {
  test("opens what it sealed, in the same place only", () => {
    const sealer = createSealer([one]);
    const sealed = sealer.seal(plain, "messages/1/body");
    expect(Buffer.from(sealer.open(sealed, "messages/1/body"))).toEqual(plain);
    expect(() => sealer.open(sealed, "messages/2/body")).toThrow(
      expect.objectContaining({ code: "KEY_MISMATCH" }),
    );
  });

  test("shows nothing of the text, and never the same bytes twice", () => {
    const sealer = createSealer([one]);
    const sealed = Buffer.from(sealer.seal(plain, "x"));
    expect(sealed.includes("Beispiel")).toBe(false);
    expect(sealed.equals(sealer.seal(plain, "x"))).toBe(false);
  });

  test("empty and large values", () => {
    const sealer = createSealer([one]);
    for (const value of [Buffer.alloc(0), Buffer.alloc(3_000_000, 7)])
      expect(Buffer.from(sealer.open(sealer.seal(value, "x"), "x")).equals(value)).toBe(true);
  });

  test("notices every changed byte, and bytes that are missing or too many", () => {
    const sealer = createSealer([one]);
    const sealed = Buffer.from(sealer.seal(Buffer.from("abc"), "x"));
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 0x01, at);
      expect(() => sealer.open(changed, "x"), `byte ${String(at)}`).toThrow(
        expect.objectContaining({ code: "KEY_MISMATCH" }),
      );
    }
    for (const damaged of [sealed.subarray(0, -1), sealed.subarray(0, 5), Buffer.alloc(0)])
      expect(() => sealer.open(damaged, "x")).toThrow(
        expect.objectContaining({ code: "KEY_MISMATCH" }),
      );
    expect(() => sealer.open(Buffer.concat([sealed, Buffer.alloc(1)]), "x")).toThrow();
  });

  test("the first key seals, all of them open; a missing one is named", () => {
    const old = createSealer([one]).seal(plain, "x");
    const rotated = createSealer([two, one]);
    expect(Buffer.from(rotated.open(old, "x"))).toEqual(plain);
    expect(Buffer.from(createSealer([two]).open(rotated.seal(plain, "x"), "x"))).toEqual(plain);
    expect(() => createSealer([two]).open(old, "x")).toThrow(/2026-a/);
  });

  test("another key under the same id does not open", () => {
    const sealed = createSealer([one]).seal(plain, "x");
    const other = createSealer([{ ...two, id: one.id }]);
    expect(() => other.open(sealed, "x")).toThrow(
      expect.objectContaining({ code: "KEY_MISMATCH" }),
    );
  });

  test.for([
    { keys: [], reason: "none" },
    { keys: [one, { ...two, id: one.id }], reason: "twice the same id" },
    { keys: [{ id: "short", secret: Buffer.alloc(16) }], reason: "too short" },
    { keys: [{ id: "", secret: Buffer.alloc(32) }], reason: "no id" },
  ])("refuses keys that cannot be used: $reason", ({ keys }) => {
    expect(() => createSealer(keys)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });
});

describe("derived keys", () => {
  test("depend on the purpose, and cannot be had without the derivation key", () => {
    const sealer = createSealer([one], Buffer.alloc(32, 9));
    expect(sealer.derive("ghosts")).toHaveLength(32);
    expect(sealer.derive("ghosts")).toEqual(sealer.derive("ghosts"));
    expect(sealer.derive("ghosts")).not.toEqual(sealer.derive("aliases"));
    expect(() => createSealer([one]).derive("ghosts")).toThrow(
      expect.objectContaining({ code: "KEY_MISMATCH" }),
    );
  });

  test("stay the same over restarts and key rotation", async () => {
    const db = await sqliteStores.create();
    const first = await db.open();
    const before = (await openSealer(first, TEST_KEYS)).derive("ghosts");
    await first.close();
    const keys = [two, ...TEST_KEYS];
    const rotated = storeAt(db.address, createSealer(keys));
    await rotated.open();
    expect((await openSealer(rotated, keys)).derive("ghosts")).toEqual(before);
    await rotated.close();
    await db.dispose();
  });

  test("differ between two gateways with the same keys", async () => {
    const [a, b] = [await openTestStore(), await openTestStore()];
    expect(a.sealer.derive("ghosts")).not.toEqual(b.sealer.derive("ghosts"));
    await Promise.all([a.dispose(), b.dispose()]);
  });

  test("a store that was written with other keys is noticed at start", async () => {
    const db = await sqliteStores.create();
    await openSealer(await db.open(), TEST_KEYS);
    const other = storeAt(db.address, createSealer([one]));
    await other.open();
    await expect(openSealer(other, [one])).rejects.toMatchObject({ code: "KEY_MISMATCH" });
    await other.close();
    await db.dispose();
  });
});
