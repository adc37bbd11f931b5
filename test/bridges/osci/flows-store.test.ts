/** Faults on our own side while a delivery is taken in: never the delivery's fault, never confirmed. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Dialogs } from "../../../bridges/osci/dialogs.ts";
import type { Answer } from "../../../bridges/osci/exchange.ts";
import { createParts } from "../../../bridges/osci/setup.ts";
import type { Intermediary } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import type { BridgeContext } from "../../../src/bridge/contract.ts";
import {
  deposit,
  letterTo,
  makeBridge,
  makeKeys,
  never,
  PDF,
  rawSettings,
  startHub,
  type Bench,
  type Keys,
} from "./flows-bench.ts";

let keys: Keys;
let hub: Intermediary;
let bench: Bench;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => {
  hub = await startHub(keys);
  bench = makeBridge(keys, await rawSettings(keys, hub.url));
  await bench.bridge.start();
});
afterEach(async () => {
  await bench.stop();
  await hub.close();
});

const waiting = () => hub.waiting(keys.us.cipher.certPem).length;
const letters = () => bench.state.accepted.filter(({ origin }) => origin === "legacy").length;
const outcome = () => [letters(), bench.state.quarantined.size, waiting()];
const file = { name: "Ladung.pdf", bytes: PDF };

/** Replaces a method of the gateway's side until `mend` is called. */
function spoil<K extends keyof BridgeContext<unknown>>(
  method: K,
  change: (original: BridgeContext<unknown>[K]) => BridgeContext<unknown>[K],
): () => void {
  const original = bench.context[method];
  Object.assign(bench.context, { [method]: change(original) });
  return () => void Object.assign(bench.context, { [method]: original });
}

describe("a delivery stays in the mailbox, unjudged, when", () => {
  it.each(["osci-answer", "osci-file"])("the blob store fails (%s)", async (what) => {
    await deposit(keys, hub, { files: [file] });
    const mend = spoil("store", (store) => (name, body) => {
      if (name !== what) return store(name, body);
      body.destroy();
      return Promise.reject(new Error("no space left on device"));
    });
    await expect(bench.tick()).rejects.toThrow();
    expect(outcome()).toEqual([0, 0, 1]);
    mend();
    await bench.tick();
    expect(outcome()).toEqual([1, 0, 0]);
  });

  it("the records fail, before the letter or after it", async () => {
    await deposit(keys, hub, { theirs: "5 K 12/26" });
    for (const prefix of ["in:", "case:"]) {
      const mend = spoil("records", (records) => ({
        ...records,
        put: (key, value) =>
          key.startsWith(prefix)
            ? Promise.reject(new Error("the database is gone"))
            : records.put(key, value),
      }));
      await expect(bench.tick()).rejects.toThrow();
      expect([bench.state.quarantined.size, waiting()]).toEqual([0, 1]);
      mend();
      await bench.stop();
      const { state } = bench;
      bench = makeBridge(keys, await rawSettings(keys, hub.url), { state });
      await bench.bridge.start();
    }
    await bench.tick();
    expect(outcome()).toEqual([1, 0, 0]);
  });

  it("the quarantine cannot be written", async () => {
    await deposit(keys, hub, { reader: keys.older });
    const mend = spoil("quarantine", () => () => Promise.reject(new Error("the database is gone")));
    await expect(bench.tick()).rejects.toThrow();
    expect(outcome()).toEqual([0, 0, 1]);
    mend();
    await bench.tick();
    expect(outcome()).toEqual([0, 1, 0]);
  });

  it("the gateway stops in the middle", async () => {
    await deposit(keys, hub, { files: [file] });
    const stop = new AbortController();
    spoil("store", (store) => async (name, body) => {
      const blob = await store(name, body);
      if (name === "osci-file") stop.abort(new Error("the gateway stops"));
      return blob;
    });
    await expect(bench.tick(stop.signal)).rejects.toThrow();
    expect(waiting()).toBe(1);
    expect(bench.state.quarantined.size).toBe(0);
  });
});

it("a mailbox that serves the same delivery again and again is left after the second time", async () => {
  await deposit(keys, hub);
  await deposit(keys, hub);
  await bench.stop();
  const raw = await rawSettings(keys, hub.url);
  const real = createParts(makeBridge(keys, raw).context).dialogs;
  let steps = 0;
  const dialogs: Dialogs = {
    with: (station, signal, work) =>
      real.with(station, signal, (dialog) => {
        let first: Promise<Answer> | undefined;
        return work({
          step: (outgoing) => {
            steps += 1;
            return (first ??= dialog.step(outgoing));
          },
        });
      }),
  };
  bench = makeBridge(keys, raw, {}, { dialogs });
  await bench.bridge.start();
  await bench.tick();
  expect([steps, letters()]).toEqual([2, 1]);
  expect(bench.log.map(({ event }) => event)).toContain("osci-served-again");
});

it("a letter whose evidence cannot be kept is in doubt, and found later", async () => {
  const mend = spoil("store", () => () => Promise.reject(new Error("no space left on device")));
  const letter = letterTo();
  const failed = bench.bridge.deliver(letter, letter.id, never);
  await expect(failed).rejects.toMatchObject({ fault: "unknown" });
  mend();
  expect(await bench.bridge.find(letter, letter.id, never)).toMatchObject({
    remoteId: hub.deliveries()[0]?.messageId,
  });
});
