/** Large files pass through in pieces, both ways: what a letter weighs must not be what the gateway weighs. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OsciBridge } from "../../../bridges/osci/bridge.ts";
import { settingsSchema } from "../../../bridges/osci/settings.ts";
import type { Settings } from "../../../bridges/osci/settings.ts";
import type { BridgeContext } from "../../../src/bridge/contract.ts";
import { newId } from "../../../src/model/id.ts";
import type { BlobRef } from "../../../src/model/message.ts";
import { testContext } from "../../support/bridge-context.ts";
import { loadSettings } from "../../support/settings.ts";
import {
  COURT_ID,
  deposit,
  letterTo,
  makeKeys,
  never,
  rawSettings,
  startHub,
  type Keys,
} from "./flows-bench.ts";

const MEBIBYTE = 1024 * 1024;
const SIZE = 50 * MEBIBYTE;
/** Client and intermediary together; one side that holds the file whole would already break it. */
const MOST = 40 * MEBIBYTE;

let keys: Keys;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());

function* pieces(seed: number): Generator<Buffer> {
  for (let sent = 0; sent < SIZE; sent += MEBIBYTE)
    yield Buffer.alloc(MEBIBYTE, seed + (sent % 251));
}
function digestOfPieces(seed: number): string {
  const hash = createHash("sha256");
  for (const piece of pieces(seed)) hash.update(piece);
  return hash.digest("hex");
}

/** The blob store of the test context keeps everything in memory; this one does not. */
function onDisk(context: BridgeContext<Settings>): BridgeContext<Settings> {
  const place = (digest: string) => path.join(keys.folder, digest);
  return {
    ...context,
    async store(_name, body): Promise<BlobRef> {
      const draft = place(newId());
      const hash = createHash("sha256");
      let size = 0;
      const watched = async function* () {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          hash.update(chunk);
          size += chunk.length;
          yield chunk;
        }
      };
      await pipeline(Readable.from(watched()), createWriteStream(draft));
      const hex = hash.digest("hex");
      await rename(draft, place(hex));
      return { digest: `sha256:${hex}`, size };
    },
    open: (blob) => Promise.resolve(createReadStream(place(blob.digest.slice(7)))),
  };
}

/** Most that buffers in use grew while `work` ran, bytes: what only waits for the collector does not count. */
async function growthOf(work: () => Promise<unknown>): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = () => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = used();
  let most = 0;
  const look = () => (most = Math.max(most, used() - before));
  const timer = setInterval(look, 400);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return most;
}

it("50 MB go out and come in with a fraction of it in memory", async () => {
  const hub = await startHub(keys);
  const raw = await rawSettings(keys, hub.url);
  const config = loadSettings(settingsSchema, raw, keys.folder);
  const test = testContext({ config, allow: [hub.url], timeoutMs: 60_000 });
  const context = onDisk(test.context);
  const bridge = new OsciBridge(context);
  await bridge.start();
  const blob = await context.store("gross.pdf", Readable.from(pieces(1)));
  const attachments = [{ name: "gross.pdf", mediaType: "application/pdf", blob }];
  const letter = test.state.add(letterTo(COURT_ID, { attachments }));
  const out = await growthOf(() => bridge.deliver(letter, letter.id, never));
  const source = {
    length: SIZE,
    async *chunks() {
      yield* pieces(2);
    },
  };
  await deposit(keys, hub, { files: [{ name: "Akte.pdf", bytes: source }] });
  const back = await growthOf(() => test.tick());
  const kept = test.state.accepted.find(({ origin }) => origin === "legacy");
  const file = kept?.message.attachments[0]?.blob;
  expect(file).toEqual({ digest: `sha256:${digestOfPieces(2)}`, size: SIZE });
  const [stored] = hub.deliveries(keys.court.cipher.certPem);
  expect(stored?.bytes).toBeGreaterThan(SIZE);
  await bridge.stop();
  await test.close();
  await hub.close();
  expect([out < MOST, back < MOST]).toEqual([true, true]);
}, 60_000);
