/** Archives beside live traffic: one case is one room, and what lies beside a delivery is believed only so far. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { settingsSchema, type Settings } from "../../../bridges/osci/settings.ts";
import { writeStored } from "../../../fixtures/osci-archive/write.ts";
import type { Intermediary } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import { loadSettings } from "../../support/settings.ts";
import { field, readArchived, wishFor } from "./archive-support.ts";
import { deposit, makeBridge, makeKeys, rawSettings, startHub, type Keys } from "./flows-bench.ts";

let keys: Keys;
let hub: Intermediary;
let settings: Settings;
beforeAll(async () => {
  keys = await makeKeys();
  hub = await startHub(keys);
  settings = loadSettings(settingsSchema, await rawSettings(keys, hub.url), keys.folder);
});
afterAll(async () => {
  await hub.close();
  await keys.remove();
});

describe("MsgProps.xml beside it", () => {
  const props = (id: string, vhn = "aus einem besonderen Behördenpostfach") =>
    `<EGVPMessageProps><MessageID>${id}</MessageID><VhnText>${vhn}</VhnText></EGVPMessageProps>`;
  const shownFor = async (text: string) => {
    const { message } = await readArchived(writeStored(wishFor(keys)), {
      config: settings,
      props: text,
    });
    return (message.details ?? []).map(({ label, value }) => `${label}: ${value}`).join("\n");
  };

  it("tells what the client showed of its origin", async () => {
    expect(await shownFor(props("govapp_1"))).toContain(
      "Damals angezeigte Herkunft: aus einem besonderen Behördenpostfach",
    );
  });

  it.each([
    ["of another message", props("govapp_2"), "gehört zu einer anderen"],
    ["that is no XML", "<EGVPMessageProps>", "nicht lesbar"],
    ["with a document type", `<!DOCTYPE a [<!ENTITY b "c">]>${props("govapp_1")}`, "nicht lesbar"],
    ["of another kind", "<Props/>", "nicht lesbar"],
  ])("%s is not believed, and that is said", async (_what, text, said) => {
    const shown = await shownFor(text);
    expect(shown).toContain(said);
    expect(shown).not.toContain("Behördenpostfach");
  });

  it("without a word on the origin says nothing", async () => {
    expect(await shownFor(props("govapp_1", ""))).not.toMatch(/angezeigte Herkunft|MsgProps/);
  });
});

describe("a case that lies in the archive", () => {
  const numbers = (theirs: string, ours = "") =>
    [field("Aktenzeichen_Absender", theirs), field("Aktenzeichen_Empfaenger", ours)].join("");
  const stored = (messageId: string, theirs: string, ours: string) => {
    const { documents } = wishFor(keys, { messageId }, "§");
    const letter = documents["nachricht.xml"] ?? "";
    const given = letter.replace(field("Aktenzeichen_Absender", "§"), numbers(theirs, ours));
    return writeStored(
      wishFor(keys, { messageId, documents: { ...documents, "nachricht.xml": given } }),
    );
  };

  it("is the room of a later live letter that names our number only, and gives the answer its numbers", async () => {
    const bench = makeBridge(keys, await rawSettings(keys, hub.url));
    const { records } = bench.context;
    const past = await readArchived(stored("govapp_past", "5 C 1/24", "50-17"), {
      config: settings,
      records,
    });
    const id = "018f0000-0000-7000-8000-000000000001";
    await past.remember?.(id);
    await deposit(keys, hub, { ours: "50-17", subject: "Nachfrage" });
    try {
      await bench.bridge.start();
      await bench.tick();
      const [live] = bench.state.accepted;
      expect(live?.message.conversation).toBe(past.message.conversation);
      const last = [...bench.state.records].find(([key]) => key.startsWith("last:"))?.[1] ?? "";
      expect(JSON.parse(last)).toEqual({
        conversation: past.message.conversation,
        letter: live?.message.id,
      });
      // Moved once more, or a letter that was older: the live one stays the last one.
      await past.remember?.(`f${id.slice(1)}`);
      expect([...bench.state.records].find(([key]) => key.startsWith("last:"))?.[1]).toBe(last);
    } finally {
      await bench.stop();
    }
  });

  it("was opened by live traffic: the letter of the past comes into that room, also when it is read again", async () => {
    const bench = makeBridge(keys, await rawSettings(keys, hub.url));
    const { records } = bench.context;
    await deposit(keys, hub, { ours: "50-18", subject: "Zuerst" });
    try {
      await bench.bridge.start();
      await bench.tick();
      const [live] = bench.state.accepted;
      const bytes = stored("govapp_old", "6 C 2/24", "50-18");
      const past = await readArchived(bytes, { config: settings, records });
      expect(past.message.conversation).toBe(live?.message.conversation);
      const alone = await readArchived(bytes, { config: settings });
      expect(alone.message.conversation).not.toBe(live?.message.conversation);
      bench.state.records.forEach((_value, key) => {
        if (key.startsWith("case:")) bench.state.records.delete(key);
      });
      const again = await readArchived(bytes, { config: settings, records });
      expect(again.message.conversation).toBe(past.message.conversation);
    } finally {
      await bench.stop();
    }
  });
});
