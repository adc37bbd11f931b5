/** The rules behind the flows, each by itself: who vouches for a sender, and which conversation a delivery belongs to. */
import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCases, type Cases } from "../../../bridges/osci/cases.ts";
import { asDeliveryError, ExchangeError, faultError } from "../../../bridges/osci/faults.ts";
import { judgeOrigin, vouchedSigner } from "../../../bridges/osci/origin.ts";
import type { AddressBook } from "../../../bridges/osci/egvp/address-book.ts";
import { purge } from "../../../bridges/osci/purge.ts";
import { CODES } from "../../../bridges/osci/wire/codes.ts";
import type { Message } from "../../../bridges/osci/wire/message-read.ts";
import type {
  CertificateInspection,
  ProcessCard,
} from "../../../bridges/osci/wire/process-card.ts";
import { readTime } from "../../../bridges/osci/wire/time.ts";
import { DeliveryError, GatewayError } from "../../../src/model/errors.ts";
import { MemoryState, testContext } from "../../support/bridge-context.ts";
import { COURT_ID, letterTo, makeKeys, STRANGER_ID, type Keys } from "./flows-bench.ts";

let keys: Keys;
let vhn: X509Certificate;
beforeAll(async () => {
  keys = await makeKeys();
  vhn = new X509Certificate(keys.court.vhn.certPem);
});
afterAll(() => keys.remove());

describe("a certificate of origin", () => {
  const when = readTime("2026-11-20T10:00:00Z");
  const inspection = (more: Partial<CertificateInspection> = {}): CertificateInspection => ({
    checkedAt: { kind: "plain", time: when },
    subject: "CN=VHN - Justiz",
    issuer: "CN=Justiz VHN CA 2017,O=BNotK,C=DE",
    serialNumber: BigInt(`0x${vhn.serialNumber}`).toString(),
    certificateType: "advanced",
    mathResult: "ok",
    offlineResult: "valid",
    onlineResult: "ok",
    ...more,
  });
  const vouched = (inspections: readonly CertificateInspection[], demands = true) => {
    const role = "SignatureCertificateOriginator";
    const message = { certificates: [{ role, id: "x", certificate: vhn }] } as unknown as Message;
    const card: ProcessCard = { messageId: "m", recentModification: when, inspections };
    return vouchedSigner(message, card, demands) !== undefined;
  };

  it("counts when the intermediary found it good", () => {
    expect(vouched([inspection()])).toBe(true);
    const { onlineResult: _not, ...offline } = inspection();
    expect(vouched([offline])).toBe(true);
    expect(vouched([inspection({ issuer: "O=BNotK, CN = Justiz  VHN CA 2017" })])).toBe(true);
  });

  it.each<[string, () => readonly CertificateInspection[]]>([
    ["nobody inspected it", () => []],
    ["another one was inspected", () => [inspection({ serialNumber: "4711" })]],
    ["one of another issuer was", () => [inspection({ issuer: "CN=Andere CA" })]],
    ["its signature is wrong", () => [inspection({ mathResult: "corrupted" })]],
    ["its check stayed open", () => [inspection({ mathResult: "indeterminate" })]],
    ["it was not valid", () => [inspection({ offlineResult: "invalid" })]],
    ["it was revoked", () => [inspection({ onlineResult: "revoked" })]],
    [
      "a namesake was found bad",
      () => [inspection(), inspection({ mathResult: "corrupted", subject: "CN=Nachgemacht" })],
    ],
    ["the serial number is none", () => [inspection({ serialNumber: "0x12" })]],
  ])("does not count when %s", (_name, inspections) => {
    expect(vouched(inspections())).toBe(false);
  });

  it("does not count where unsigned deliveries are taken", () => {
    expect(vouched([inspection()], false)).toBe(false);
  });
});

describe("a sender", () => {
  const at = new Date();
  const cipherOf = (person: Keys["court"]) => new X509Certificate(person.cipher.certPem);
  const book = (signature = [new X509Certificate(keys.court.vhn.certPem)]): AddressBook => {
    const entry = {
      ...{ safeId: COURT_ID, name: "Amtsgericht Musterstadt", cipher: cipherOf(keys.court) },
      signature,
      intermediary: { url: "http://x", cipher: cipherOf(keys.court), signatures: [vhn] },
    };
    const own = (other: X509Certificate) => other.raw.equals(entry.cipher.raw);
    return {
      entries: [entry],
      find: (id) => (id === COURT_ID ? entry : undefined),
      byCipherCertificate: (sha256) =>
        [cipherOf(keys.court), cipherOf(keys.stranger)].find(
          (one) => own(one) && one.fingerprint256.replaceAll(":", "").toLowerCase() === sha256,
        ) && entry,
      search: () => [entry],
      urls: () => ["http://x"],
    };
  };
  const judge = (
    claimed: string,
    from: { cipher?: X509Certificate; vhn?: X509Certificate },
    canProve = true,
    known: { authorities?: X509Certificate[]; signature?: X509Certificate[] } = {},
  ) =>
    judgeOrigin(
      { address: claimed },
      {
        ...{ originator: from.cipher, signer: from.vhn, at, messageId: "m1" },
        authorities: known.authorities ?? [new X509Certificate(keys.authority.ca.certPem)],
      },
      book(known.signature),
      canProve,
    );

  it("of the address book with its certificates is the one it says", () => {
    const origin = judge(COURT_ID, { cipher: cipherOf(keys.court), vhn });
    expect(origin).toMatchObject({
      proved: true,
      counterpart: COURT_ID.toLowerCase(),
      party: { address: COURT_ID, name: "Amtsgericht Musterstadt" },
      details: [],
    });
  });

  it.each<[string, () => unknown]>([
    [
      "the court's name with another mailbox",
      () => judge(COURT_ID, { cipher: cipherOf(keys.stranger), vhn }),
    ],
    ["the court's name without a mailbox", () => judge(COURT_ID, { vhn })],
    [
      "the court's mailbox with another name",
      () => judge(STRANGER_ID, { cipher: cipherOf(keys.court) }),
    ],
    [
      "the VHN of somebody else",
      () =>
        judge(STRANGER_ID, {
          cipher: cipherOf(keys.stranger),
          vhn: new X509Certificate(keys.us.vhn.certPem),
        }),
    ],
  ])("that contradicts itself is not let in: %s", (_name, work) => {
    expect(work).toThrow(GatewayError);
  });

  it("that is not proved gets another place than the genuine one", () => {
    const places = [
      judge(COURT_ID, { cipher: cipherOf(keys.court), vhn }),
      judge(COURT_ID, { cipher: cipherOf(keys.court) }),
      judge(STRANGER_ID, { cipher: cipherOf(keys.stranger) }),
      judge(STRANGER_ID, { cipher: cipherOf(keys.us) }),
      judge(STRANGER_ID, {}),
    ].map(({ counterpart }) => counterpart);
    expect(new Set(places).size).toBe(5);
    const alone = judge(COURT_ID, { cipher: cipherOf(keys.court) }, false);
    expect(alone.counterpart).toBe(places[0]);
    const listed = { cipher: cipherOf(keys.court) };
    const unchecked = judge(COURT_ID, listed, true, { authorities: [], signature: [] });
    expect(unchecked.counterpart).toBe(places[0]);
    const checked = judge(COURT_ID, listed, true, { authorities: [] });
    expect(checked.counterpart).not.toBe(places[0]);
  });
});

describe("a case", () => {
  const open = (state = new MemoryState()): { cases: Cases; state: MemoryState } => {
    const { context } = testContext({ config: {}, state });
    return { cases: createCases(context), state };
  };
  const fallback = { messageId: "m1", subject: "Ladung" };
  const none = { answers: [] };

  it("is found again by number without any record", async () => {
    const references = { theirs: "5 K 12/26", answers: [] };
    const first = await open().cases.find(COURT_ID, references, fallback);
    const spaced = { theirs: "5K 12/26", ours: "BA-7", answers: [] };
    const again = await open().cases.find(COURT_ID, spaced, { messageId: "m2" });
    expect(again).toEqual(first);
  });

  it("without number and subject is a case of its own each time", async () => {
    const { cases } = open();
    const first = await cases.find(COURT_ID, none, { messageId: "m1" });
    const second = await cases.find(COURT_ID, none, { messageId: "m2", subject: " AW: " });
    expect(first.conversation).not.toBe(second.conversation);
  });

  it("keeps its first room, and one counterpart never finds another's", async () => {
    const { cases } = open();
    const references = { ours: "BA-7", answers: [] };
    await cases.remember("a", references, { conversation: "mx-1" });
    await cases.remember("a", references, { conversation: "mx-2" });
    expect((await cases.find("a", references, fallback)).conversation).toBe("mx-1");
    expect((await cases.find("b", references, fallback)).conversation).not.toBe("mx-1");
    expect(
      (await cases.find("a", { theirs: "BA-7", answers: [] }, fallback)).conversation,
    ).not.toBe("mx-1");
  });

  it("is named best by the message that is answered", async () => {
    const { cases, state } = open();
    const letter = state.add(letterTo());
    await cases.remember("a", { ours: "1", answers: [] }, { conversation: "mx-1" });
    const sent = { xjustizId: "id-7", answers: [] };
    await cases.remember("a", sent, { conversation: "mx-2", letter: letter.id });
    const answer = { ours: "1", answers: ["unknown", "id-7"] };
    expect(await cases.find("a", answer, fallback)).toEqual({
      conversation: "mx-2",
      letter: letter.id,
    });
    const reply = letterTo(COURT_ID, { conversation: "mx-2" });
    expect((await cases.answeredBy(reply))?.message.id).toBe(letter.id);
    const stranger = letterTo(COURT_ID, { conversation: "mx-3" });
    expect(await cases.answeredBy(stranger)).toBeUndefined();
  });

  it("loses only its old marks when records are cleaned up", async () => {
    const { state } = open();
    const { context } = testContext({ config: {}, state });
    const day = 86_400_000;
    const now = new Date("2026-11-21T00:00:00Z");
    const mark = (age: number) => JSON.stringify({ at: new Date(now.getTime() - age * day) });
    for (const prefix of ["in:", "out:", "open:", "case:"])
      for (const age of [1, 500]) state.records.set(`${prefix}${String(age)}`, mark(age));
    await purge(context.records, now);
    expect([...state.records.keys()].sort()).toEqual(
      ["in:1", "out:1", "open:1", "open:500", "case:1", "case:500"].sort(),
    );
  });
});

describe("what a code means for a letter", () => {
  const refused = (code: string) =>
    asDeliveryError(new ExchangeError("refused", "INTERNAL", code, { osciCode: code }), true);

  it("is said for every code of the list", () => {
    const permanent = Object.keys(CODES)
      .filter((code) => code.startsWith("9"))
      .filter((code) => refused(code).fault === "permanent");
    expect(permanent).toEqual([
      ...["9100", "9300", "9706", "9707", "9708", "9709", "9711", "9712", "9800", "9805"],
      ...["9900", "9901", "9902", "9903", "9904", "9905"],
    ]);
    for (const code of ["9806", "9807", "9808", "9810"])
      expect(refused(code).fault, code).toBe("unknown");
  });

  it("is never permanent for a fault, and unknown for whatever happened after the first byte", () => {
    for (const code of Object.keys(CODES))
      expect(asDeliveryError(faultError(code), true).fault).toBe("transient");
    expect(asDeliveryError(new Error("boom"), true).fault).toBe("unknown");
    expect(asDeliveryError(new Error("boom"), false).fault).toBe("transient");
    const given = new DeliveryError("permanent", "LETTER_INVALID", "x");
    expect(asDeliveryError(given, true)).toBe(given);
  });
});
