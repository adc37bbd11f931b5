/** Process cards that do not fit into one answer (3801). */
import { describe, expect, it } from "vitest";
import { letterTo, never } from "./flows-bench.ts";
import { bench, hub, useSite } from "./flows-site.ts";

useSite({ hub: { cardsPerAnswer: 2 }, starts: false });

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
