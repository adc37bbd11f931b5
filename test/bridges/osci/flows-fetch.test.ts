/** Deliveries from a court into Matrix: safe here before they are confirmed there. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Mischief } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import { COURT_ID, never, PDF, rawSettings, type Raw } from "./flows-bench.ts";
import {
  bench,
  hub,
  keys,
  letters,
  put,
  quarantined,
  reopen,
  useSite,
  waiting,
} from "./flows-site.ts";

const gate = { broken: false };
useSite({
  hub: { allow: { unsigned: true } },
  beforeAccept: () => {
    if (gate.broken) throw new Error("the database is gone");
  },
});
beforeEach(() => void (gate.broken = false));

const mischief = (type: "FetchDelivery" | "InitDialog" | "ExitDialog", what: Mischief) =>
  hub.faults.next(type, what);
const failed = (work: Promise<unknown>) =>
  work.then(
    () => false,
    () => true,
  );

describe("a delivery", () => {
  it("becomes a letter for the clerks, with its files and its untouched bytes", async () => {
    const files = [{ name: "Ladung Müller.pdf", bytes: PDF }];
    const id = await put({ theirs: "5 K 12/26", files });
    await bench.tick();
    const [kept] = letters();
    expect(kept?.message).toMatchObject({
      sourceId: id,
      from: { address: COURT_ID, name: "Amtsgericht Musterstadt", role: "authority" },
      to: [{ address: "konto", name: "Stadt Beispielhausen", role: "authority" }],
      subject: "Ladung",
      text: "Anbei die Ladung.",
      case: { reference: "5 K 12/26" },
    });
    const [file] = kept?.message.attachments ?? [];
    expect(file?.name).toBe("Ladung Müller.pdf");
    expect(bench.state.blobs.get(file?.blob.digest.slice(7) ?? "")?.equals(PDF)).toBe(true);
    const original = kept?.message.original?.digest.slice(7) ?? "";
    expect(bench.state.blobs.get(original)?.toString("latin1")).toContain("soapMessageEncrypted");
    expect([waiting(), quarantined()]).toEqual([[], []]);
  });

  it("comes in the order of deposit, and the mailbox is empty afterwards", async () => {
    const ids = [await put(), await put({ subject: "Zweite" }), await put({ subject: "Dritte" })];
    await bench.tick();
    expect(letters().map(({ message }) => message.sourceId)).toEqual(ids);
    const types = hub.observations.requests.slice(-5).map(({ type }) => type);
    expect(types).toEqual([
      "InitDialog",
      ...(["FetchDelivery", "FetchDelivery", "FetchDelivery"] as const),
      "ExitDialog",
    ]);
    expect([waiting(), hub.observations.refusals]).toEqual([[], []]);
  });

  it("is nothing when the mailbox is empty", async () => {
    await bench.tick();
    expect(hub.observations.requests.map(({ type }) => type)).toEqual([
      "InitDialog",
      "FetchDelivery",
      "ExitDialog",
    ]);
    expect([letters(), quarantined(), bench.state.blobs.size]).toEqual([[], [], 0]);
  });

  it("is not confirmed when it cannot be accepted, and comes again", async () => {
    const id = await put();
    gate.broken = true;
    expect(await failed(bench.tick())).toBe(true);
    expect(hub.observations.requests.at(-1)?.type).toBe("FetchDelivery");
    expect([waiting(), letters()]).toEqual([[id], []]);
    gate.broken = false;
    await bench.tick();
    expect([waiting(), letters().length]).toEqual([[], 1]);
  });

  it("is accepted once when its confirmation was lost, also after a restart", async () => {
    const id = await put({ theirs: "5 K 12/26" });
    mischief("ExitDialog", { kind: "cutBefore" });
    await bench.tick();
    expect([waiting(), letters().length]).toEqual([[id], 1]);
    await reopen();
    await bench.tick();
    expect([waiting(), letters().length, quarantined()]).toEqual([[], 1, []]);
    const fetched = bench.log.find(({ event }) => event === "osci-fetched");
    expect(fetched?.fields["outcome"]).toBe("known");
  });

  it.each<[string, Mischief]>([
    ["cut off", { kind: "acceptThenCut" }],
    ["truncated", { kind: "truncated" }],
    ["a fault", { kind: "soapFault", code: "9000" }],
    ["an empty HTTP 500", { kind: "acceptThen500" }],
    ["a lost dialog", { kind: "lostDialog" }],
  ])("is not taken out of an answer that is %s, and nothing more is said", async (_name, what) => {
    const id = await put();
    mischief("FetchDelivery", what);
    expect(await failed(bench.tick())).toBe(true);
    expect(hub.observations.requests.at(-1)?.type).toBe("FetchDelivery");
    expect([letters(), waiting()]).toEqual([[], [id]]);
    await bench.tick();
    expect([letters().length, waiting()]).toEqual([1, []]);
  });

  it("that breaks off each time does not hold up the others either", async () => {
    const bad = await put();
    const good = await put({ subject: "Danach" });
    hub.faults.next("FetchDelivery", { kind: "truncated" }, { times: 4 });
    expect([await failed(bench.tick()), await failed(bench.tick())]).toEqual([true, true]);
    await bench.tick();
    expect(letters().map(({ message }) => message.sourceId)).toEqual([good]);
    expect(waiting()).toEqual([bad]);
    expect(bench.log.map(({ event }) => event)).toContain("osci-delivery-not-fetched");
  });

  const unbelievable: [string, Mischief][] = [
    ["a wrong Response", { kind: "wrongResponse" }],
    ["another conversation", { kind: "wrongConversation" }],
    ["another sequence number", { kind: "wrongSequence" }],
    ["without signature", { kind: "strippedSignature" }],
    ["with a wrong signature", { kind: "wrongSignature" }],
    ["signed by somebody else", { kind: "otherSigner" }],
    ["in the clear", { kind: "plainAnswer" }],
    ["under a cipher that is not allowed", { kind: "encryption", cipher: "aes128-cbc" }],
  ];
  it.each(unbelievable)("is fetched anew after an answer that is %s", async (_name, what) => {
    const id = await put();
    mischief("FetchDelivery", what);
    await bench.tick();
    const { requests } = hub.observations;
    const spoiled = requests.find(({ mischief: found }) => found !== undefined);
    const inDialog = requests.filter(({ conversation }) => conversation === spoiled?.conversation);
    expect(inDialog.at(-1)).toBe(spoiled);
    expect(letters().map(({ message }) => message.sourceId)).toEqual([id]);
    expect([waiting(), quarantined()]).toEqual([[], []]);
  });

  it.each([true, false])(
    "in pieces (with its card: %s) is reported, and not confirmed",
    async (card) => {
      const bad = await put();
      const good = await put({ subject: "Danach" });
      hub.faults.next("FetchDelivery", { kind: "chunked", card }, { times: 2 });
      await bench.tick();
      expect(letters().map(({ message }) => message.sourceId)).toEqual([good]);
      expect(quarantined()).toMatchObject([
        {
          sourceId: `unreadable:${bad}`,
          detail: expect.stringMatching(/not confirmed.*in pieces.*1 of 3/) as string,
        },
      ]);
      expect(waiting()).toEqual([bad]);
    },
  );

  it.each(unbelievable)("does not hold up the others when it is always %s", async (_name, what) => {
    const bad = await put();
    const good = [await put({ subject: "Danach" }), await put({ subject: "Zuletzt" })];
    // The oldest first, then each by its own id: the bad one is the first both times.
    hub.faults.next("FetchDelivery", what, { times: 2 });
    await bench.tick();
    expect(letters().map(({ message }) => message.sourceId)).toEqual(good);
    expect(waiting()).toEqual([bad]);
    expect(quarantined()).toMatchObject([
      { sourceId: `unreadable:${bad}`, detail: expect.stringContaining("not confirmed") as string },
    ]);
    expect(quarantined()[0]?.original.size).toBeGreaterThan(1000);
    const later = await put({ subject: "Später" });
    await bench.tick();
    expect(letters().at(-1)?.message.sourceId).toBe(later);
    await reopen();
    await bench.tick();
    expect([letters().length, waiting()]).toEqual([4, []]);
  });
});

describe("a delivery that cannot be shown", () => {
  it("because it is encrypted for an older key is kept, and readable once the key is there", async () => {
    const id = await put({ reader: keys.older });
    const after = await put({ subject: "Danach" });
    await bench.tick();
    expect(letters().map(({ message }) => message.sourceId)).toEqual([after]);
    const [item] = quarantined();
    expect(item).toMatchObject({ sourceId: id, code: "INPUT_INVALID" });
    expect(waiting()).toEqual([]);
    const file = (name: string) => `file:${keys.folder}/${name}`;
    const raw = await rawSettings(keys, hub.url);
    const older = [{ pkcs12: file("older.p12"), pin: file("pin") }];
    await reopen({ keys: { ...(raw["keys"] as Raw), older } });
    if (item === undefined) throw new Error("nothing in quarantine");
    await bench.bridge.readmit(item, never);
    await bench.bridge.readmit(item, never);
    expect(letters().map(({ message }) => message.sourceId)).toEqual([after, id]);
  });

  it("because it has no content goes to quarantine, and the next one is read", async () => {
    await put({ store: { content: "<osci:ContentPackage></osci:ContentPackage>", parts: [] } });
    await put({ subject: "Danach" });
    await bench.tick();
    expect(quarantined().map(({ detail }) => detail)).toEqual([
      expect.stringContaining("no content"),
    ]);
    expect([letters().length, waiting()]).toEqual([1, []]);
  });

  it("because its documents are broken goes to quarantine", async () => {
    const containers = [
      {
        id: "project_coco",
        documents: [{ id: "nachricht.xml", bytes: Buffer.from("<kaputt") }],
        files: [],
      },
    ];
    const id = await put({ containers });
    await bench.tick();
    expect(quarantined()).toMatchObject([{ sourceId: id }]);
    expect(letters()).toEqual([]);
  });
});
