/** Exports of an EGVP mailbox: the letters that live traffic would have made of them. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import osci from "../../../bridges/osci/index.ts";
import { settingsSchema, type Settings } from "../../../bridges/osci/settings.ts";
import { writeStored, type StoredWish } from "../../../fixtures/osci-archive/write.ts";
import type { Intermediary } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import { CONTENT_FAULTS } from "../../../src/migrate/source.ts";
import type { Message } from "../../../src/model/message.ts";
import { loadSettings } from "../../support/settings.ts";
import { readArchived, wishFor } from "./archive-support.ts";
import {
  COURT_ID,
  deposit,
  makeBridge,
  makeKeys,
  never,
  PDF,
  rawSettings,
  startHub,
  type Deposit,
  type Keys,
} from "./flows-bench.ts";

let keys: Keys;
let hub: Intermediary;
let settings: Settings;
beforeAll(async () => {
  keys = await makeKeys();
  hub = await startHub(keys);
  settings = await settingsOf();
});
afterAll(async () => {
  await hub.close();
  await keys.remove();
});

async function settingsOf(more: Record<string, unknown> = {}): Promise<Settings> {
  return loadSettings(settingsSchema, await rawSettings(keys, hub.url, more), keys.folder);
}

/** What the running bridge makes of a delivery, and its bytes as they came. */
async function receiveLive(wish: Deposit): Promise<{ message: Message; raw: Buffer }> {
  await deposit(keys, hub, wish);
  const bench = makeBridge(keys, await rawSettings(keys, hub.url));
  try {
    await bench.bridge.start();
    await bench.tick();
    const [kept] = bench.state.accepted;
    const raw = bench.state.blobs.get(kept?.message.original?.digest.slice(7) ?? "");
    if (kept === undefined || raw === undefined) throw new Error("nothing came in");
    return { message: kept.message, raw };
  } finally {
    await bench.stop();
  }
}

const stored: Buffer[] = [];
const wishOf = (more: Partial<StoredWish> = {}, theirs?: string) => wishFor(keys, more, theirs);
const read = (bytes: Buffer, config = settings, signal = never) =>
  readArchived(bytes, { config, signal, stored });

describe("a stored delivery", () => {
  it("becomes the letter with deposit time, receipts, files and original", async () => {
    const bytes = writeStored(
      wishOf({ fetchedAt: "2024-03-06T08:00:00Z", files: { "Ladung.pdf": PDF } }),
    );
    const { message, direction, mailbox, receipts } = await read(bytes);
    expect(message).toMatchObject({
      sourceId: "govapp_1",
      sentAt: new Date("2024-03-05T09:20:30Z"),
      from: { address: COURT_ID, name: keys.court.name },
      to: [{ address: "konto" }],
      subject: "Ladung",
      text: "Anbei die Ladung.",
      attachments: [{ name: "Ladung.pdf", blob: { size: PDF.length } }],
      original: { size: bytes.length },
    });
    expect({ direction, mailbox }).toEqual({ direction: "received", mailbox: "konto" });
    expect(receipts?.map(({ kind, at }) => [kind, at.toISOString()])).toEqual([
      ["delivered", "2024-03-05T09:20:30.000Z"],
      ["retrieved", "2024-03-06T08:00:00.000Z"],
    ]);
    expect(stored.some((one) => one.equals(PDF))).toBe(true);
    expect(message.details?.map(({ label }) => label)).not.toContain("Archiv");
  });

  it("lies in the case that live traffic gives, as the same letter", async () => {
    const live = await receiveLive({ theirs: "7 K 9/26" });
    const { sourceId: messageId } = live.message;
    const { message } = await read(writeStored(wishOf({ messageId }, "7 K 9/26")));
    expect(message.conversation).toBe(live.message.conversation);
    expect(message.sourceId).toBe(live.message.sourceId);
    expect([message.from, message.to]).toEqual([live.message.from, live.message.to]);
  });

  it("whose intermediary is unknown proves nobody: not the room of the one it claims to be, and says so", async () => {
    const intermediary = keys.older;
    const { message } = await read(writeStored(wishOf({ intermediary })));
    const proved = await read(writeStored(wishOf()));
    expect(message.details?.map(({ label }) => label)).toContain("Archiv");
    expect(message.conversation).not.toBe(proved.message.conversation);
  });

  it.each([
    ["the deposit time", 'RecentModification="2024', 'RecentModification="2023'],
    ["a stamp", "<osci:Plain>2024", "<osci:Plain>2021"],
    ["the inspection", 'Result="valid"', 'Result="other"'],
    ["a certificate role", "CipherCertificateOriginator", "CipherCertificateOtherReadr"],
  ])("with another %s than was signed is refused", async (_what, from, to) => {
    const bytes = writeStored(wishOf());
    const text = bytes.toString("latin1");
    expect(text).toContain(from);
    const changed = Buffer.from(text.replaceAll(from, to), "latin1");
    await expect(read(changed)).rejects.toMatchObject({
      code: expect.stringMatching(/^(SIGNATURE|INPUT)_INVALID$/) as string,
      message: expect.stringMatching(/signature|changed|Certificate/) as string,
    });
  });

  it("of another mailbox is refused", async () => {
    const addressee = keys.stranger.cipher.certPem;
    await expect(read(writeStored(wishOf({ addressee })))).rejects.toMatchObject({
      code: "INPUT_INVALID",
      message: expect.stringContaining("another mailbox") as string,
    });
  });

  it("whose line ends were changed is refused and says what helps", async () => {
    const bytes = Buffer.from(writeStored(wishOf()).toString("latin1").replaceAll("\r\n", "\n"));
    await expect(read(bytes)).rejects.toMatchObject({
      code: "INPUT_INVALID",
      message: expect.stringContaining("as binary") as string,
    });
  });

  it.each([
    ["empty", () => Buffer.alloc(0)],
    ["noise", () => Buffer.from("MZ\u0000noise")],
    ["cut short", () => writeStored(wishOf()).subarray(0, 4_000)],
    [
      "cut in an attachment",
      () => writeStored(wishOf({ files: { "a.pdf": PDF } })).subarray(0, -40),
    ],
    ["without its process card", () => withoutCard()],
  ])("%s: a problem of the file, never of the run", async (_what, make) => {
    const error: unknown = await read(make()).catch((cause: unknown) => cause);
    expect([...CONTENT_FAULTS]).toContain((error as { code?: string }).code);
  });

  it("stops when the run stops", async () => {
    const stopped = AbortSignal.abort(new Error("stopped"));
    await expect(read(writeStored(wishOf()), settings, stopped)).rejects.toThrow();
    await expect(read(writeStored(wishOf()), settings, stopped)).rejects.not.toMatchObject({
      code: "INPUT_INVALID",
    });
  });
});

function withoutCard(): Buffer {
  const text = writeStored(wishOf()).toString("latin1");
  return Buffer.from(text.replaceAll("GOV2_CE_PROCESSCARD", "SomethingElse"), "latin1");
}

describe("an answer to a fetch as it came", () => {
  it("is opened with the keys of the account and is the letter of live traffic", async () => {
    const files = [{ name: "Ladung.pdf", bytes: PDF }];
    const live = await receiveLive({ theirs: "1 K 1/26", files });
    const { message, receipts } = await read(live.raw);
    const { id: _id, account: _account, ...expected } = live.message;
    expect(message).toEqual(expected);
    expect(receipts?.map(({ kind, at }) => [kind, at])).toEqual([["delivered", message.sentAt]]);
  });

  it("for a key that this account does not have stays closed", async () => {
    const { raw } = await receiveLive({});
    const cipher = { pkcs12: `file:${keys.folder}/older.p12`, pin: `file:${keys.folder}/pin` };
    const signature = { pkcs12: `file:${keys.folder}/vhn.p12`, pin: `file:${keys.folder}/pin` };
    const other = await settingsOf({ keys: { cipher, signature } });
    await expect(read(raw, other)).rejects.toMatchObject({ code: "CERTIFICATE_INVALID" });
  });

  it("signed by another intermediary is refused", async () => {
    const { raw } = await receiveLive({});
    const signatures = [`file:${keys.folder}/hub-cipher.pem`];
    const other = await settingsOf({ intermediary: { signatures } });
    await expect(read(raw, other)).rejects.toMatchObject({ code: "CERTIFICATE_INVALID" });
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
    const pad = Buffer.alloc(200_000, 0x20);
    const heap: number[] = [];
    for (let n = 0; n < 1_000; n += 1) {
      const { message } = await read(
        writeStored(wishOf({ messageId: `govapp_${n}`, files: { "a.pdf": pad } }, `${n} K`)),
      );
      expect(message.sourceId).toBe(`govapp_${n}`);
      stored.length = 0;
      if (n % 100 === 99) heap.push(heldBytes());
    }
    // All files together are 200 MB. The least of several: what is just being let go of is no growth.
    expect(Math.min(...heap.slice(-5)) - Math.min(...heap.slice(0, 5))).toBeLessThan(10_000_000);
  }, 60_000);

  it.each([
    ["x/oscicontentdata.osci", true],
    ["x/answer.MIME", true],
    ["x/MsgProps.xml", false],
    ["x/attachments/a.pdf", false],
  ])("%s: letter %s", (path, letter) => {
    expect(osci.archive?.isLetter(path)).toBe(letter);
  });
});
