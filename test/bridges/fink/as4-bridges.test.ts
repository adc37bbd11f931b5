/** Two whole bridges over two access points with the real payload: a letter, its Quittung, and the answer. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { attach, blobOf, letters, letterTo, MAILBOX, makeKeys, never, PDF } from "./bench.ts";
import type { Keys } from "./bench.ts";
import { NW_PLACE, openAs4Account, TH_PLACE } from "./as4-world.ts";
import type { As4Account } from "./as4-world.ts";

let keys: Keys;
let thuringia: As4Account;
let northrhine: As4Account;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => {
  thuringia = await openAs4Account(keys, TH_PLACE, NW_PLACE);
  northrhine = await openAs4Account(keys, NW_PLACE, TH_PLACE);
  northrhine.state.links.add(MAILBOX);
  thuringia.accessPoint.exchange.connect(northrhine.accessPoint.exchange);
  await Promise.all([thuringia.bridge.start(), northrhine.bridge.start()]);
});
afterEach(() => Promise.all([thuringia.close(), northrhine.close()]));

const citizen = `${NW_PLACE.entityId}|${MAILBOX}`;

/** From one access point to the other, and what waits there into its gateway. */
async function carry(from: As4Account, to: As4Account): Promise<void> {
  from.accessPoint.exchange.push();
  await to.tick();
  await from.tick();
}

async function sendFromThuringia(more: Parameters<typeof letterTo>[1] = {}) {
  const file = await attach(thuringia, "Nachforderung für Größe.pdf", "application/pdf", PDF);
  const sent = thuringia.state.add(letterTo(citizen, { attachments: [file], ...more }));
  const delivery = await thuringia.bridge.deliver(sent, sent.id, never);
  expect(delivery.receipt?.kind).toBe("submission-accepted");
  await carry(thuringia, northrhine);
  return { sent, delivery };
}
const kindsOf = ({ state }: As4Account) => state.reports.map(({ kind }) => kind);

it("a letter with a file arrives as it was, and its Quittung comes back to exactly this letter", async () => {
  const { sent, delivery } = await sendFromThuringia({ case: { reference: "BV 7/26" } });
  const [kept] = letters(northrhine.state);
  expect(kept?.message).toMatchObject({
    subject: sent.subject,
    text: sent.text,
    level: sent.level,
    case: { reference: "BV 7/26" },
    from: { address: `${TH_PLACE.entityId}|${TH_PLACE.mailbox}`, role: "authority" },
    to: [{ address: MAILBOX }],
    attachments: [{ name: "Nachforderung für Größe.pdf", mediaType: "application/pdf" }],
  });
  const { attachments, original } = kept?.message ?? { attachments: [] };
  expect(blobOf(northrhine.state, attachments[0]?.blob.digest).equals(PDF)).toBe(true);
  expect(blobOf(northrhine.state, original?.digest).toString()).toContain(delivery.remoteId);
  expect(kindsOf(thuringia)).toEqual(["relayed"]);
  await carry(northrhine, thuringia);
  const told = thuringia.state.reports.at(-1);
  expect(told).toMatchObject({ kind: "delivered", target: { id: sent.id } });
  expect(blobOf(thuringia.state, told?.evidence?.digest).length).toBeGreaterThan(0);
});

it("the answer of the citizen finds the case, and gets its own Quittung", async () => {
  const { sent } = await sendFromThuringia();
  await carry(northrhine, thuringia);
  const got = letters(northrhine.state)[0]?.message;
  const plan = await attach(northrhine, "Lageplan.pdf", "application/pdf", PDF);
  const answer = northrhine.state.add(
    letterTo(got?.from.address ?? "", {
      ...{ conversation: got?.conversation ?? "", inReplyTo: got?.id ?? "", subject: "Lageplan" },
      from: { address: MAILBOX, name: "Nora Beispiel", role: "citizen" },
      attachments: [plan],
    }),
  );
  await northrhine.bridge.deliver(answer, answer.id, never);
  await carry(northrhine, thuringia);
  const back = letters(thuringia.state)[0];
  expect(back, "answers of citizens need no link").toMatchObject({
    state: "pending",
    message: {
      ...{ conversation: sent.conversation, inReplyTo: sent.id, subject: "Lageplan" },
      from: { address: citizen },
      attachments: [{ name: "Lageplan.pdf" }],
    },
  });
  await carry(thuringia, northrhine);
  expect(northrhine.state.reports.at(-1)).toMatchObject({
    kind: "delivered",
    target: { id: answer.id },
  });
});

it("a mailbox that nobody reads refuses, and the author learns why", async () => {
  northrhine.state.links.clear();
  const { sent } = await sendFromThuringia();
  await carry(northrhine, thuringia);
  expect(letters(northrhine.state)).toEqual([]);
  expect(thuringia.state.reports.at(-1)).toMatchObject({
    ...{ kind: "not-delivered", target: { id: sent.id }, detail: "30" },
    notice: expect.stringContaining("Postfach") as string,
  });
});

it("a cut connection is settled by asking, and nothing is there twice", async () => {
  const sent = thuringia.state.add(letterTo(citizen));
  thuringia.accessPoint.arm("submitRequest", { kind: "cutAfterAccept" });
  await expect(thuringia.bridge.deliver(sent, sent.id, never)).rejects.toMatchObject({
    fault: "unknown",
  });
  expect(await thuringia.bridge.find?.(sent, sent.id, never)).toMatchObject({
    receipt: { kind: "submission-accepted" },
  });
  await thuringia.bridge.deliver(sent, sent.id, never);
  await carry(thuringia, northrhine);
  expect(letters(northrhine.state)).toHaveLength(1);
});
