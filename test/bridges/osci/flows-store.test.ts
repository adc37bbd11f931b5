/** Faults on our own side while a delivery is taken in: never the delivery's fault, never confirmed. */
import { describe, expect, it } from "vitest";
import type { Dialogs } from "../../../bridges/osci/dialogs.ts";
import type { Answer } from "../../../bridges/osci/exchange.ts";
import { createParts } from "../../../bridges/osci/setup.ts";
import { MemoryState } from "../../support/bridge-context.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { BridgeContext } from "../../../src/bridge/contract.ts";
import { deposit, letterTo, makeBridge, never, PDF, rawSettings } from "./flows-bench.ts";
import { bench, hub, keys, letters, reopen, useSite, waiting } from "./flows-site.ts";

useSite();

const outcome = () => [letters().length, bench.state.quarantined.size, waiting().length];
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
      expect([bench.state.quarantined.size, waiting().length]).toEqual([0, 1]);
      mend();
      await reopen();
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

  it("the phase takes nothing any more", async () => {
    await deposit(keys, hub);
    const mend = spoil("accept", () => () => {
      throw new GatewayError("NOT_ALLOWED", "phase drain takes nothing");
    });
    await expect(bench.tick()).rejects.toMatchObject({ code: "NOT_ALLOWED" });
    expect(outcome()).toEqual([0, 0, 1]);
    mend();
    await bench.tick();
    expect(outcome()).toEqual([1, 0, 0]);
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
    expect(waiting()).toHaveLength(1);
    expect(bench.state.quarantined.size).toBe(0);
  });
});

it("a mailbox that serves the same delivery again and again is left after the second time", async () => {
  await deposit(keys, hub);
  await deposit(keys, hub);
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
  await reopen({}, new MemoryState(), { dialogs });
  await bench.tick();
  expect([steps, letters().length]).toEqual([2, 1]);
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
