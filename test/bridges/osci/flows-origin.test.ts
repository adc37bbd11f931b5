/** Who sent a delivery, and into which room it belongs. */
import { describe, expect, it } from "vitest";
import { MemoryState } from "../../support/bridge-context.ts";
import { COURT_ID, letterTo, never, STRANGER_ID } from "./flows-bench.ts";
import { bench, hub, keys, letters, put, quarantined, reopen, useSite } from "./flows-site.ts";

useSite({ hub: { allow: { unsigned: true } } });

describe("who sent it", () => {
  const details = () => letters()[0]?.message.details?.map(({ value }) => value) ?? [];

  it("is proved by the VHN when the intermediary demands signatures", async () => {
    await put();
    await bench.tick();
    expect(details()).toContain("Absender: Justiz (VHN)");
    expect(details().join()).not.toContain("nicht");
  });

  it("is not proved by a certificate in an unsigned delivery", async () => {
    await reopen({ intermediary: { demandsSignatures: false } });
    await put({ unsigned: true });
    await bench.tick();
    expect(details().join()).toContain("ohne vertrauenswürdigen Herkunftsnachweis");
    expect(details().join()).not.toContain("Justiz (VHN)");
  });

  it("does not pass with the SAFE-ID of another entry", async () => {
    await put({ from: keys.stranger, claims: COURT_ID });
    await bench.tick();
    const [letter] = letters();
    expect(letter?.message.from.address).not.toBe(COURT_ID);
    await reopen({ intermediary: { demandsSignatures: false } }, new MemoryState());
    await put({ from: keys.stranger, claims: COURT_ID });
    await bench.tick();
    expect(letters()).toEqual([]);
    expect(quarantined()).toMatchObject([{ code: "CERTIFICATE_INVALID" }]);
  });

  it("is marked when it stands in no directory", async () => {
    await put({ from: keys.stranger });
    await bench.tick();
    expect(letters()[0]?.message.from.address).toBe(STRANGER_ID);
    expect(details()).toContain("Absenderpostfach ist nicht verzeichnet");
  });

  it("can be demanded", async () => {
    await reopen({ policy: { originators: "require", vhnAuthorities: [] } });
    await put({ from: keys.stranger });
    await put();
    await bench.tick();
    expect(quarantined()).toMatchObject([{ code: "SIGNATURE_INVALID" }]);
    expect(letters().map(({ message }) => message.from.address)).toEqual([COURT_ID]);
  });
});

describe("the room", () => {
  const rooms = () => letters().map(({ message }) => message.conversation);

  it("is one for one file number of one counterpart", async () => {
    await put({ theirs: "5 K 12/26" });
    await put({ theirs: "5 K 12/26", subject: "Anderes" });
    await put({ theirs: "6 K 1/26" });
    await put({ theirs: "5 K 12/26", from: keys.stranger });
    await bench.tick();
    const [first, second, other, stranger] = rooms();
    expect(second).toBe(first);
    expect(new Set([first, other, stranger]).size).toBe(3);
  });

  it("is the one that a clerk opened in Matrix", async () => {
    const letter = letterTo(COURT_ID, { case: { reference: "BA-7/2026" } });
    await bench.bridge.deliver(bench.state.add(letter), letter.id, never);
    await put({ ours: "BA-7/2026", theirs: "7 K 3/26" });
    await put({ theirs: "7 K 3/26" });
    await bench.tick();
    expect(rooms()).toEqual(["mx-raum", "mx-raum"]);
  });

  it("is found by the subject when there is no file number", async () => {
    await put({ subject: "Anfrage" });
    await put({ subject: "AW: Anfrage" });
    await put({ subject: "Sonst etwas" });
    await bench.tick();
    const [first, second, third] = rooms();
    expect([second === first, third === first]).toEqual([true, false]);
  });

  it("of a proved sender is closed to one who only claims to be it", async () => {
    await put({ theirs: "5 K 12/26" });
    await bench.tick();
    hub.faults.clear();
    const vhn = keys.hub.signature;
    await put({ theirs: "5 K 12/26", from: { ...keys.court, vhn } });
    await bench.tick();
    const [genuine, claimed] = rooms();
    expect(claimed).toBeDefined();
    expect(claimed).not.toBe(genuine);
    expect(letters()[1]?.message.details?.map(({ value }) => value)).toContain(
      "nicht durch einen Herkunftsnachweis dieses Postfachs belegt",
    );
  });
});
