import { bufferSource } from "../../../fixtures/simulators/osci-intermediary/bytes.ts";
import type {
  Deposited,
  OpenedDelivery,
} from "../../../fixtures/simulators/osci-intermediary/party.ts";
import type { RoomEvent } from "../../../test/support/matrix-client.ts";
import { letterBlock, statusBlock, until, type Reader } from "../reader.ts";
import { COURT, LEGAL_OFFICE, type EgvpWorld } from "../worlds/egvp.ts";
import { checkFile, makePdf, waitForStatus, type Journey } from "./steps.ts";

const DECISION = makePdf("Beschluss vom 20.11.2026");
const BRIEF = makePdf("Stellungnahme der Stadt Beispielhausen");

interface EgvpJourney extends Journey {
  readonly egvp: EgvpWorld;
  /** Writes and reads for the authority in Matrix. */
  readonly clerk: Reader;
  readonly reference: string;
}

/** A court asks for a receipt with legal effect, a clerk gives it in the room, answers, and sees the Laufzettel. */
export async function courtAndAuthority(journey: Journey): Promise<void> {
  const { egvp } = journey.stack;
  if (egvp === undefined) throw new Error("this stack has no EGVP");
  const clerk = await journey.stack.person("rechtsamt");
  const reference = `3 C ${Date.now() % 100_000}/26`;
  const own = { ...journey, egvp, clerk, reference };
  journey.timeline.chapter(
    "4  Gericht (EGVP/OSCI) → Behörde in Matrix: eEB im Raum, Antwort, Laufzettel",
  );
  const deposited = await depositDecision(own);
  const { roomId, letter } = await readDecision(own, deposited);
  await giveReceipt(own, roomId, letter, deposited);
  await answerCourt(own, roomId);
}

async function depositDecision({ egvp, timeline, reference }: EgvpJourney): Promise<Deposited> {
  const deposited = await egvp.desk.depositLetter(
    {
      sender: { safeId: egvp.court.safeId, organisation: COURT, city: "Musterstadt" },
      addressee: { safeId: egvp.office.safeId, organisation: LEGAL_OFFICE },
      subject: `Beschluss in Sachen ${reference}`,
      text: "Anbei der Beschluss. Um Rücksendung des Empfangsbekenntnisses wird gebeten.",
      ours: reference,
      files: [{ name: "001_Beschluss.pdf", content: bufferSource(DECISION), eeb: true }],
    },
    egvp.office.cipher.certPem,
  );
  timeline.say(COURT, "legt beim Intermediär ein: XJustiz, PDF, Empfangsbekenntnis gefordert", {
    "OSCI-Nachricht": deposited.messageId,
    "Laufzettel, Einlieferung": deposited.creation.toISOString(),
  });
  return deposited;
}

async function readDecision(journey: EgvpJourney, { messageId }: Deposited) {
  const { clerk, timeline, egvp, reference } = journey;
  const { roomId, event } = await clerk.waitFor(
    "the court's letter",
    (it) => it.content.msgtype === "m.text" && String(it.content.body).includes(reference),
  );
  timeline.say("Rechtsamt (Matrix)", `liest „${String(event.content.body).split("\n")[0]}“`, {
    Raum: roomId,
  });
  const details = (letterBlock(event)?.["details"] ?? []) as { label: string; value: string }[];
  for (const { label, value } of details.slice(0, 8))
    timeline.say("  im Raum", `${label}: ${value}`);
  timeline.check(
    "der Raum zeigt Herkunftsnachweis und Aktenzeichen als strukturierte Angaben",
    details.some(({ value }) => /Justiz|Gericht/.test(value)) &&
      JSON.stringify(letterBlock(event)).includes(reference),
    JSON.stringify(details),
  );
  const file = await clerk.waitFor(
    "the decision",
    (it, room) => room === roomId && it.content["filename"] === "001_Beschluss.pdf",
  );
  await checkFile(journey, clerk, file.event, DECISION);
  await clerk.waitFor(
    "the data set",
    (it, room) => room === roomId && it.content["filename"] === "xjustiz_nachricht.xml",
  );
  timeline.check("der XJustiz-Datensatz liegt unverändert dabei", true);
  await until("the confirmation of the fetch", () =>
    egvp.intermediary.card(messageId)?.reception === undefined ? undefined : true,
  );
  timeline.say("Laufzettel", "Empfang vermerkt: erst nachdem der Brief beim Gateway sicher lag");
  return { roomId, letter: event };
}

async function giveReceipt(
  journey: EgvpJourney,
  roomId: string,
  letter: RoomEvent,
  deposited: Deposited,
): Promise<void> {
  const { clerk, timeline, egvp } = journey;
  const asked = String(letter.content.body).split("\n");
  const offer = asked.find((line) => line.startsWith("!eeb abgeben"));
  timeline.check("der Raum sagt, wie das Empfangsbekenntnis gegeben wird", offer !== undefined);
  const none = (await receiptsAtCourt(egvp)).length;
  timeline.check("das Gateway hat von selbst kein Empfangsbekenntnis geschickt", none === 0);
  const command = await clerk.client.send(roomId, "m.room.message", {
    msgtype: "m.text",
    body: "!eeb abgeben",
    "m.relates_to": { "m.in_reply_to": { event_id: letter.event_id } },
  });
  timeline.say("Rechtsamt (Matrix)", "gibt das Empfangsbekenntnis ab: !eeb abgeben", {
    Event: command,
  });
  const [receipt] = await until("the receipt at the court", async () => {
    const found = await receiptsAtCourt(egvp);
    return found.length > 0 ? found : undefined;
  });
  const xjustiz = (await receipt?.file("xjustiz_nachricht.xml"))?.toString("utf8") ?? "";
  timeline.check(
    "beim Gericht liegt das eEB als XJustiz-Antwort auf genau diese Nachricht",
    deposited.xjustizId !== undefined && xjustiz.includes(deposited.xjustizId),
  );
  timeline.check(
    "unterschrieben vom Herkunftsnachweis der Behörde",
    receipt?.transport.signed === true && receipt.transport.signerSafeId === egvp.office.safeId,
  );
  await waitForStatus(journey, clerk, command, ["delivered", "retrieved"]);
  const again = await clerk.client.send(roomId, "m.room.message", {
    msgtype: "m.text",
    body: "!eeb abgeben",
    "m.relates_to": { "m.in_reply_to": { event_id: letter.event_id } },
  });
  const { event: refusal } = await clerk.waitFor(
    "the answer to the second command",
    (it, room) =>
      room === roomId &&
      it.sender !== clerk.client.userId &&
      JSON.stringify(it.content).includes(again),
  );
  timeline.say("Rechtsamt (Matrix)", "versucht es ein zweites Mal", {
    Raum: String(refusal.content.body).split("\n")[0] ?? "",
  });
  timeline.check(
    "beim Gericht liegt genau ein Empfangsbekenntnis",
    (await receiptsAtCourt(egvp)).length === 1,
  );
}

async function answerCourt(journey: EgvpJourney, roomId: string): Promise<void> {
  const { clerk, timeline, egvp, reference } = journey;
  const refused = await clerk.client.sendFile(roomId, "Makro.docm", "application/msword", BRIEF);
  const { event } = await clerk.waitFor("the refusal", (it) => {
    const block = statusBlock(it);
    return block?.["event_id"] === refused && block["state"] === "submission-rejected";
  });
  timeline.say("Rechtsamt (Matrix)", "schickt eine Datei, die EGVP nicht annimmt", {
    "sofort im Raum": String(event.content.body).split("\n")[0] ?? "",
  });
  const sent = String(
    await clerk.client.sendFile(roomId, "Stellungnahme.pdf", "application/pdf", BRIEF),
  );
  timeline.say("Rechtsamt (Matrix)", "antwortet mit der Stellungnahme", { Event: sent });
  const opened = await until("the answer at the court", async () => {
    const all = await egvp.desk.openAll();
    return all.find(({ fileNames }) => fileNames.includes("Stellungnahme.pdf"));
  });
  timeline.check(
    "beim Gericht liegt die Antwort, die Anlage Byte für Byte dieselbe",
    (await opened.file("Stellungnahme.pdf")).equals(BRIEF),
  );
  timeline.check(
    `mit dem Aktenzeichen des Gerichts (${reference})`,
    opened.document("nachricht.xml")?.includes(reference) === true,
  );
  await waitForStatus(journey, clerk, sent, ["delivered"]);
  const fetched = await egvp.desk.fetchAll();
  timeline.say(COURT, `holt seine Post ab (${fetched.length} Nachrichten)`);
  await waitForStatus(journey, clerk, sent, ["retrieved"]);
}

/** Receipts (eEB) in the court's mailbox, fetched or not. */
async function receiptsAtCourt(egvp: EgvpWorld): Promise<readonly OpenedDelivery[]> {
  const receipts: OpenedDelivery[] = [];
  for (const delivery of await egvp.desk.openAll()) {
    if (!delivery.fileNames.includes("xjustiz_nachricht.xml")) continue;
    const xml = (await delivery.file("xjustiz_nachricht.xml")).toString("utf8");
    if (xml.includes("nachricht.eeb.zuruecklaufend")) receipts.push(delivery);
  }
  return receipts;
}
