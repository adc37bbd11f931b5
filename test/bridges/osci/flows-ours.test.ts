/** What fails on our side while a delivery is read says nothing about it: it is not confirmed, and comes again. */
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { OsciBridge } from "../../../bridges/osci/bridge.ts";
import { problemOf } from "../../../bridges/osci/delivery.ts";
import { KeepingFailed } from "../../../bridges/osci/exchange.ts";
import { settingsSchema, type Settings } from "../../../bridges/osci/settings.ts";
import { malformed } from "../../../bridges/osci/wire/errors.ts";
import type { Intermediary } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import type { BridgeContext } from "../../../src/bridge/contract.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import { testContext, type TestContext } from "../../support/bridge-context.ts";
import { loadSettings } from "../../support/settings.ts";
import { deposit, makeKeys, never, PDF, rawSettings, startHub, type Keys } from "./flows-bench.ts";

const full = () => Object.assign(new Error("no space left"), { code: "ENOSPC", syscall: "write" });
type Fault = (context: BridgeContext<Settings>) => Partial<BridgeContext<Settings>>;

/** The blob opens, and breaks off after its first bytes. */
const breaking = (error: () => Error) =>
  Readable.from(
    (async function* () {
      yield Buffer.from("%PDF");
      await Promise.resolve();
      throw error();
    })(),
    { objectMode: false },
  );
const storing =
  (name: string, error: () => Error): Fault =>
  ({ store }) => ({
    store: (what, body) => (what === name ? Promise.reject(error()) : store(what, body)),
  });

let keys: Keys;
let hub: Intermediary;
let test: TestContext<Settings>;
let bridge: OsciBridge;
const fault: { now: Fault | undefined } = { now: undefined };
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => {
  fault.now = undefined;
  hub = await startHub(keys);
  const config = loadSettings(settingsSchema, await rawSettings(keys, hub.url), keys.folder);
  test = testContext({ config, allow: [hub.url] });
  const { context } = test;
  const now = () => ({ ...context, ...fault.now?.(context) });
  bridge = new OsciBridge({
    ...context,
    store: (name, body) => now().store(name, body),
    open: (blob) => now().open(blob),
  });
  await bridge.start();
});
afterEach(async () => {
  await bridge.stop();
  await test.close();
  await hub.close();
});

const waiting = () => hub.waiting(keys.us.cipher.certPem).map(({ messageId }) => messageId);

describe("a fault of the blob store", () => {
  it.each<[string, Fault]>([
    ["full when the answer is kept", storing("osci-answer", full)],
    ["full when a file is kept", storing("osci-file", full)],
    [
      "away when a file is kept",
      storing("osci-file", () => new GatewayError("STORE_UNAVAILABLE", "away")),
    ],
    ["unreadable when a file is opened", () => ({ open: () => Promise.reject(full()) })],
    ["unreadable in the middle of a file", () => ({ open: () => Promise.resolve(breaking(full)) })],
    [
      "damaged in the middle of a file, without a code",
      () => ({ open: () => Promise.resolve(breaking(() => new Error("bad sector"))) }),
    ],
  ])("%s drops the dialog; the delivery comes again", async (_name, what) => {
    const id = await deposit(keys, hub, { files: [{ name: "Ladung.pdf", bytes: PDF }] });
    fault.now = what;
    await expect(test.tick()).rejects.toBeInstanceOf(Error);
    expect(hub.observations.requests.at(-1)?.type).toBe("FetchDelivery");
    expect([waiting(), test.state.quarantined.size, test.state.accepted.length]).toEqual([
      [id],
      0,
      0,
    ]);
    fault.now = undefined;
    await test.tick();
    expect([waiting(), test.state.quarantined.size, test.state.accepted.length]).toEqual([
      [],
      0,
      1,
    ]);
  });
});

describe("a problem", () => {
  const aborted = AbortSignal.abort();
  it.each<[string, unknown, AbortSignal]>([
    ["an abort", malformed("cut short"), aborted],
    ["an abort inside", malformed("x", new DOMException("ended", "AbortError")), never],
    ["the store", new KeepingFailed("no"), never],
    ["the store, wrapped", malformed("x", new KeepingFailed("no")), never],
    ["the store, wrapped twice", malformed("x", new Error("y", { cause: full() })), never],
    ["a lost blob", new GatewayError("NOT_FOUND", "no blob"), never],
  ])("that is %s is ours", (_name, error, signal) => {
    expect(() => problemOf(error, signal)).toThrow(error as Error);
  });

  it("of the delivery, or of this program, is one to keep", () => {
    expect(problemOf(malformed("broken"), never)).toMatchObject({ code: "INPUT_INVALID" });
    expect(problemOf(new TypeError("x is not a function"), never)).toMatchObject({
      code: "INTERNAL",
    });
  });
});
