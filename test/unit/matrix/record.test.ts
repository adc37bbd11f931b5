import { describe, expect, it } from "vitest";
import { createNames } from "../../../src/matrix/names.ts";
import { NO_ACCOUNT, createRecorder } from "../../../src/matrix/record.ts";
import { openTestStore } from "../../support/stores.ts";
import { AT, eventSample } from "./samples.ts";
import { memoryBlobs, recordingLog } from "./support.ts";

async function setUp() {
  const { store, dispose } = await openTestStore();
  const blobs = memoryBlobs();
  const rung: string[] = [];
  const counted: string[] = [];
  const { log, lines } = recordingLog();
  const deps = {
    names: createNames("_postfach_", "hs.test"),
    store,
    blobs,
    log,
    now: () => AT,
    ring: (lane: string) => rung.push(lane),
    count: (name: string) => counted.push(name),
  };
  return { record: createRecorder(deps), deps, store, blobs, rung, counted, lines, dispose };
}
const message = (id: string) =>
  eventSample({ msgtype: "m.text", body: `Geheim ${id}` }, { event_id: id });

describe("recording", () => {
  it("keeps a poisoned event aside with its bytes and records its neighbours", async () => {
    const { record, store, blobs, rung, lines, dispose } = await setUp();
    const poison = { type: "m.room.message", content: { body: "Geheim" } };
    expect(
      await record({ events: [message("$a"), poison, null, message("$b")], ephemeral: [] }, "push"),
    ).toBe(2);
    expect(await store.knowsEvent("$a")).toBe(true);
    expect(await store.knowsEvent("$b")).toBe(true);
    const items = await store.listQuarantine({ limit: 10 });
    expect(items).toHaveLength(2);
    expect(items.map((item) => [item.account, item.code])).toEqual([
      [NO_ACCOUNT, "INPUT_INVALID"],
      [NO_ACCOUNT, "INPUT_INVALID"],
    ]);
    const kept = [...blobs.all.values()].map((bytes) => bytes.toString());
    expect(kept.sort()).toEqual([JSON.stringify(poison), "null"].sort());
    expect(rung).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain("Geheim");
    await dispose();
  });

  it("sets the same poison aside once, however often it is pushed", async () => {
    const { record, store, dispose } = await setUp();
    for (let i = 0; i < 3; i += 1) await record({ events: [7], ephemeral: [] }, "push");
    expect(await store.listQuarantine({ limit: 10 })).toHaveLength(1);
    await dispose();
  });

  it("counts and rings only for what is new, by either way", async () => {
    const { record, counted, rung, dispose } = await setUp();
    const batch = { events: [message("$a"), message("$b")], ephemeral: [] };
    expect(await record(batch, "push")).toBe(2);
    expect(await record(batch, "push")).toBe(0);
    const more = { events: [...batch.events, message("$c")], ephemeral: [] };
    expect(await record(more, "sweep", { name: "x", value: "s1" })).toBe(1);
    expect(counted).toEqual(["events_pushed", "events_pushed", "events_swept"]);
    expect(rung).toHaveLength(2);
    await dispose();
  });

  it("fails as a whole when the database does", async () => {
    const { deps, rung, dispose } = await setUp();
    const recordEvents = () => Promise.reject(new Error("disk full"));
    const store = { ...deps.store, recordEvents, quarantine: deps.store.quarantine };
    const record = createRecorder({ ...deps, store });
    await expect(record({ events: [message("$a")], ephemeral: [] }, "push")).rejects.toThrow(
      "disk full",
    );
    expect(rung).toEqual([]);
    await dispose();
  });

  it("asks the database for nothing when there is nothing to keep", async () => {
    const { deps, dispose } = await setUp();
    const recordEvents = () => Promise.reject(new Error("must not be called"));
    const record = createRecorder({ ...deps, store: { ...deps.store, recordEvents } });
    const reaction = eventSample({}, { type: "m.reaction" });
    expect(await record({ events: [reaction], ephemeral: [] }, "push")).toBe(0);
    await dispose();
  });
});
