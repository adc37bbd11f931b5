/** Exports of a mailbox node: the letters that live traffic would have made of them. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import fink from "../../../bridges/fink/index.ts";
import { settingsSchema, type Settings } from "../../../bridges/fink/settings.ts";
import {
  renderNachricht,
  type NachrichtWish,
} from "../../../fixtures/simulators/postkorb/index.ts";
import type { HistoricLetter } from "../../../src/bridge/contract.ts";
import { CONTENT_FAULTS, NO_RECORDS } from "../../../src/migrate/source.ts";
import { loadSettings } from "../../support/settings.ts";
import { MAILBOX, makeKeys, openServerBench, PDF, rawSettings, type Keys } from "./bench.ts";

const FIXTURES = fileURLToPath(new URL("../../../fixtures/fink-bsp/", import.meta.url));
const never = new AbortController().signal;
const NOW = new Date("2026-12-01T00:00:00Z");

let keys: Keys;
let settings: Settings;
beforeAll(async () => {
  keys = await makeKeys();
  settings = loadSettings(settingsSchema, rawSettings(keys, { port: 1 }), keys.folder);
});
afterAll(() => keys.remove());

async function store(_name: string, body: Readable) {
  const bytes = Buffer.concat(await Readable.from(body).toArray());
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as const;
  return { digest, size: bytes.length };
}

function read(
  xml: string | Buffer,
  { path = "bauamt/2024/1.xml", now = NOW, signal = never } = {},
): Promise<HistoricLetter> {
  if (fink.archive === undefined) throw new Error("no archive");
  const beside = () => Promise.resolve(undefined);
  const given = { records: NO_RECORDS, beside, store };
  const context = { account: "konto", config: settings, now, signal, ...given };
  return fink.archive.read({ path, bytes: Buffer.from(xml as string) }, context);
}
const letterOf = (more: Partial<NachrichtWish> = {}) =>
  renderNachricht({ mailbox: MAILBOX, ...more });

describe("a stored BspNachricht", () => {
  it("is the letter that its delivery makes", async () => {
    const files = [{ name: "Plan.pdf", type: "application/pdf", bytes: PDF }];
    const xml = letterOf({ subject: "Ladung", files });
    const bench = await openServerBench(keys);
    try {
      expect((await bench.authority.sendNative(xml)).code).toBe("0");
      const [live] = bench.state.accepted;
      const { message, direction, mailbox } = await read(xml);
      const { id: _id, account: _account, original: _original, ...expected } = live?.message ?? {};
      const { original, ...rest } = message;
      expect(rest).toEqual(expected);
      expect(original?.size).toBe(Buffer.byteLength(xml));
      expect({ direction, mailbox }).toEqual({ direction: "received", mailbox: MAILBOX });
    } finally {
      await bench.stop();
    }
  });

  it.each(readdirSync(FIXTURES).filter((name) => name.startsWith("v")))(
    "of version %s is read",
    async (version) => {
      const { message } = await read(readFileSync(`${FIXTURES}${version}/nachricht.xml`));
      const text = readFileSync(`${FIXTURES}${version}/message.json`, "utf8");
      const expected = JSON.parse(text) as Record<string, unknown>;
      expect(message.sentAt.toISOString()).toBe(expected["sentAt"]);
      expect([message.subject, message.text]).toEqual([expected["subject"], expected["text"]]);
    },
  );

  it("is the same letter whenever it is read", async () => {
    const xml = letterOf({ createdAt: "2026-11-30T09:00:00+01:00" });
    const early = await read(xml, { now: new Date("2026-01-01T00:00:00Z") });
    expect(early).toEqual(await read(xml));
    expect(early.message.sentAt).toEqual(new Date("2026-11-30T08:00:00Z"));
  });

  it("of another sender is another letter in another case", async () => {
    await expect(read(letterOf(), { path: "fremd/1.xml" })).rejects.toMatchObject({
      code: "INPUT_INVALID",
      message: expect.stringContaining("server.senders") as string,
    });
    await expect(read(letterOf(), { path: "1.xml" })).rejects.toMatchObject({
      code: "INPUT_INVALID",
    });
  });

  it.each([
    ["empty", () => ""],
    ["noise", () => Buffer.from([0, 1, 2, 255])],
    ["cut short", () => letterOf().slice(0, 300)],
    ["of another kind", () => "<Brief/>"],
    ["with a document type", () => `<!DOCTYPE a [<!ENTITY b "c">]>${letterOf()}`],
    ["of an unknown version", () => letterOf({ version: "9.9" })],
    [
      "with broken base64",
      () => letterOf({ files: [{ name: "a.pdf", type: "application/pdf", base64: "%%" }] }),
    ],
    ["for no mailbox", () => letterOf({ mailbox: "keines" })],
  ])("%s: a problem of the file, never of the run", async (_what, make) => {
    const error: unknown = await read(make()).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: "GatewayError" });
    expect([...CONTENT_FAULTS]).toContain((error as { code: string }).code);
  });

  it("stops when the run stops", async () => {
    const signal = AbortSignal.abort(new Error("stopped"));
    await expect(read(letterOf(), { signal })).rejects.toThrow("stopped");
  });
});

/** Bytes of buffers that are still reachable: what waits for the collector is no leak. */
function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().arrayBuffers;
}

describe("a folder", () => {
  it("of 1000 files is read without memory that grows with it", async () => {
    const bytes = Buffer.concat([PDF, Buffer.alloc(100_000, 0x20)]);
    const held: number[] = [];
    const ids = new Set<string>();
    for (let n = 0; n < 1_000; n += 1) {
      const id = `3f0c0d5e-0000-4000-8000-${String(n).padStart(12, "0")}`;
      const files = [{ name: "a.pdf", type: "application/pdf", bytes }];
      ids.add((await read(letterOf({ id, files }))).message.sourceId);
      if (n % 100 === 99) held.push(heldBytes());
    }
    expect(ids.size).toBe(1_000);
    // All files together are 100 MB. The least of several: what is just being let go of is no growth.
    expect(Math.min(...held.slice(-5)) - Math.min(...held.slice(0, 5))).toBeLessThan(10_000_000);
  }, 60_000);

  it.each([
    ["bauamt/1.xml", true],
    ["bauamt/a/2.XML", true],
    ["bauamt/plan.pdf", false],
  ])("%s: letter %s", (path, letter) => {
    expect(fink.archive?.isLetter(path)).toBe(letter);
  });
});
