/** While the old mailbox counts, deliveries are read here and stay there, unconfirmed, for their reader. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { OsciBridge } from "../../../bridges/osci/bridge.ts";
import type { Intermediary } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import type { Phase } from "../../../src/bridge/contract.ts";
import { MemoryState } from "../../support/bridge-context.ts";
import {
  deposit,
  makeBridge,
  makeKeys,
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
beforeEach(async () => void (hub = await startHub(keys)));
afterEach(async () => {
  await bench.stop();
  await hub.close();
});

/** A bridge whose gateway says of every letter what it would say in this phase. */
async function openIn(phase: Phase, state = new MemoryState()): Promise<void> {
  bench = makeBridge(keys, await rawSettings(keys, hub.url), { state });
  const { context } = bench;
  const legacyCounts = phase === "observe" || phase === "mirror";
  const bridge = new OsciBridge({
    ...context,
    phase,
    accept: async (message, options) => {
      const accepted = await context.accept(message, options);
      return legacyCounts ? { ...accepted, acknowledge: false } : accepted;
    },
  });
  await bridge.start();
}
const waiting = () => hub.waiting(keys.us.cipher.certPem).map(({ messageId }) => messageId);
const fetches = () => hub.observations.ofType("FetchDelivery").length;
const letters = () => bench.state.accepted.map(({ message }) => message.sourceId);

describe("mirror", () => {
  it("reads each delivery once and confirms none", async () => {
    await openIn("mirror");
    const first = await deposit(keys, hub, { ours: "1 K 1/26" });
    const second = await deposit(keys, hub, { ours: "1 K 2/26" });
    await bench.tick();
    expect(letters()).toEqual([first, second]);
    expect(waiting()).toEqual([first, second]);
    const before = fetches();
    await bench.tick();
    await bench.tick();
    expect(fetches(), "nothing is fetched again").toBe(before);
    const third = await deposit(keys, hub, { ours: "1 K 3/26" });
    await bench.tick();
    expect(letters()).toEqual([first, second, third]);
    expect(waiting()).toEqual([first, second, third]);
  });

  it("knows after a restart what it has read", async () => {
    await openIn("mirror");
    const id = await deposit(keys, hub);
    await bench.tick();
    await bench.stop();
    await openIn("mirror", bench.state);
    await bench.tick();
    await bench.tick();
    expect(letters()).toEqual([id]);
    expect(waiting()).toEqual([id]);
  });

  it("leaves what it cannot read to its reader there", async () => {
    await openIn("mirror");
    const id = await deposit(keys, hub, { reader: keys.older });
    await bench.tick();
    expect(bench.state.quarantined.size).toBe(1);
    expect(waiting()).toEqual([id]);
  });
});

describe("when Matrix counts", () => {
  it("confirms what comes from then on", async () => {
    await openIn("mirror");
    const old = await deposit(keys, hub, { ours: "1 K 1/26" });
    await bench.tick();
    await bench.stop();
    await openIn("matrix", bench.state);
    const fresh = await deposit(keys, hub, { ours: "1 K 2/26" });
    await bench.tick();
    await bench.tick();
    expect(letters()).toEqual([old, fresh]);
    expect(waiting(), "decided once: the old one stays for its reader").toEqual([old]);
  });
});

describe.for(["off", "drain"] as const)("%s", (phase) => {
  it("takes nothing", async () => {
    await openIn(phase);
    const id = await deposit(keys, hub);
    await bench.tick();
    expect(fetches()).toBe(0);
    expect(waiting()).toEqual([id]);
  });
});
