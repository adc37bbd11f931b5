/** Process cards that do not fit into one answer (3801). */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Intermediary } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import {
  letterTo,
  makeBridge,
  makeKeys,
  never,
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
  hub = await startHub(keys, { cardsPerAnswer: 2 });
  bench = makeBridge(keys, await rawSettings(keys, hub.url));
});
afterEach(async () => {
  await bench.stop();
  await hub.close();
});

function deliver() {
  const letter = bench.state.add(letterTo());
  return bench.bridge.deliver(letter, letter.id, never);
}

describe("the process card of many letters", () => {
  it("is given in several pages, and asked for until all are there", async () => {
    await bench.bridge.start();
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      const { remoteId } = await deliver();
      ids.push(remoteId ?? "");
      hub.state.stampReception(remoteId ?? "", new Date());
    }
    await bench.tick();
    const pages = hub.observations.ofType("FetchProcessCard");
    expect(pages.map(({ codes }) => codes.includes("3801"))).toEqual([true, true, false]);
    expect(bench.state.reports).toHaveLength(ids.length);
    expect(new Set(bench.state.reports.map(({ kind }) => kind))).toEqual(new Set(["retrieved"]));
  });
});
