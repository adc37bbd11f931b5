import type { LegacyLetter } from "../../../fixtures/simulators/zbp/client.ts";
import type { RoomEvent } from "../../../test/support/matrix-client.ts";
import { letterBlock, until } from "../reader.ts";
import { ACCOUNT, AUTHORITY, BEN_MAILBOX, CLARA_MAILBOX, SERVICE } from "../worlds/bundid.ts";
import { checkFile, makePdf, waitForStatus, type Journey } from "./steps.ts";

const CONFIRMATION = "bestaetigung@fachverfahren.example";
const NOTICE = makePdf("Bescheid über die Nachforderung von Unterlagen");
const PLAN = makePdf("Lageplan Flurstück 12/3");

/** The authority writes by ZBP, the citizen reads and answers in Matrix, and everything comes back. */
export async function letterIntoMatrix(journey: Journey): Promise<void> {
  const { stack, timeline } = journey;
  timeline.chapter("1  Behörde (ZBP) → Bürgerin in Matrix, und ihre Antwort zurück");
  const reference = `BV-2026-0417-${Date.now().toString(36)}`;
  const sent = await stack.bundid.legacy.sendLetter(firstLetter(reference));
  const id = String((sent.json as { id?: unknown }).id);
  timeline.say(
    "Fachverfahren",
    "sendet ein Schreiben an Claras Postfach, unverändert über ZBP v6",
    {
      Aktenzeichen: reference,
      Antwort: `${sent.status} id ${id}`,
    },
  );
  timeline.check("das Gateway hat angenommen (200) und die Nummer genannt", sent.status === 200);
  const { roomId, event } = await stack.clara.waitFor(
    "the letter",
    (it) => it.content.msgtype === "m.text" && letterBlock(it)?.["message_id"] === id,
  );
  timeline.say("Clara (Matrix)", `liest „${firstLine(event)}“`, {
    Raum: roomId,
    Event: event.event_id,
  });
  const file = await stack.clara.waitFor(
    "the attachment",
    (it) => it.content.msgtype === "m.file" && letterBlock(it)?.["message_id"] === id,
  );
  await checkFile(journey, stack.clara, file.event, NOTICE);
  await stack.clara.client.sendReceipt(roomId, file.event.event_id);
  const mail = await until("the retrieval confirmation", () =>
    stack.bundid.mails.mails.find((it) => it.to.includes(CONFIRMATION) && it.raw.includes(id)),
  );
  timeline.say("Fachverfahren", "erhält die Lesebestätigung per E-Mail", {
    An: mail.to.join(", "),
  });
  await answerInMatrix(journey, roomId, event.event_id);
}

async function answerInMatrix(journey: Journey, roomId: string, letterEvent: string) {
  const { stack, timeline } = journey;
  const { client } = stack.clara;
  const textId = await client.send(roomId, "m.room.message", {
    msgtype: "m.text",
    body: "Guten Tag, der Lageplan folgt. Freundliche Grüße, Clara Muster",
    "m.relates_to": { "m.in_reply_to": { event_id: letterEvent } },
  });
  const fileId = await client.sendFile(roomId, "Lageplan.pdf", "application/pdf", PLAN);
  timeline.say("Clara (Matrix)", "antwortet im Raum und schickt den Lageplan", {
    Events: `${textId} ${String(fileId)}`,
  });
  const replies = await until("two replies", async () => {
    const waiting = await stack.bundid.legacy.pullReplies();
    return waiting.length >= 2 ? waiting : undefined;
  });
  timeline.check("genau zwei Antworten liegen bereit", replies.length === 2, `${replies.length}`);
  for (const reply of replies) {
    for (const [n, attachment] of reply.attachments.entries()) {
      const bytes = await stack.bundid.legacy.fetchReplyAttachment(reply.id, n);
      timeline.check(
        `Anlage ${attachment.filename} ist Byte für Byte dieselbe`,
        bytes.equals(PLAN),
      );
    }
    await stack.bundid.legacy.setReplyStatus(reply.id, "COLLECTED");
    await stack.bundid.legacy.setReplyStatus(reply.id, "ACCEPTED");
    timeline.say("Fachverfahren", `holt „${reply.title}“ ab und nimmt sie an`, {
      Antwort: reply.id,
    });
  }
  await waitForStatus(journey, stack.clara, textId, ["reply-accepted"]);
}

/** The authority writes in Matrix, the citizen reads and answers in the BundID mailbox. */
export async function letterIntoMailbox(journey: Journey): Promise<void> {
  const { stack, gateway, timeline } = journey;
  timeline.chapter("2  Behörde in Matrix → Bürger im BundID-Postfach, und seine Antwort zurück");
  const reference = `BV-2026-0511-${Date.now().toString(36)}`;
  const opened = (await gateway.admin("/api/v1/conversations", {
    account: ACCOUNT,
    to: { address: BEN_MAILBOX, name: "Ben Beispiel", role: "citizen" },
    subject: "Ihre Bauvoranfrage",
    reference,
  })) as { roomId: string };
  await stack.bauamt.waitFor("the case room", (_it, roomId) => roomId === opened.roomId);
  const { client } = stack.bauamt;
  const textId = await client.sendText(
    opened.roomId,
    "Sehr geehrter Herr Beispiel, bitte reichen Sie den Lageplan nach.",
  );
  const fileId = String(
    await client.sendFile(opened.roomId, "Nachforderung.pdf", "application/pdf", NOTICE),
  );
  timeline.say("Bauamt (Matrix)", "schreibt im Vorgangsraum und hängt den Bescheid an", {
    Raum: opened.roomId,
    Events: `${textId} ${fileId}`,
  });
  const letters = await until("both letters at ZBP", () => {
    const found = stack.bundid.zbp
      .letters()
      .filter(({ letter }) => letter.mailboxUuid === BEN_MAILBOX);
    return found.length >= 2 ? found : undefined;
  });
  timeline.check(
    "im Postfach liegen genau zwei Schreiben",
    letters.length === 2,
    `${letters.length}`,
  );
  const attachment = letters[1]?.attachments[0];
  timeline.check(
    "die Reihenfolge stimmt, und die Anlage ist Byte für Byte dieselbe",
    attachment !== undefined && stack.bundid.zbp.attachmentBytes(attachment).equals(NOTICE),
  );
  await waitForStatus(journey, stack.bauamt, textId, ["delivered", "retrieved"]);
  for (const { id } of letters) stack.bundid.zbp.openLetter(id);
  timeline.say("Ben (ZBP)", "öffnet die Schreiben in seinem Postfach");
  await waitForStatus(journey, stack.bauamt, textId, ["retrieved"]);
  await replyFromMailbox(journey, letters[0]?.id ?? "", opened.roomId);
}

async function replyFromMailbox(journey: Journey, letterId: string, roomId: string) {
  const { stack, timeline } = journey;
  const reply = stack.bundid.zbp.reply(letterId, {
    text: "Guten Tag, anbei der Lageplan.",
    attachments: [{ filename: "Lageplan.pdf", mediaType: "application/pdf", bytes: PLAN }],
  });
  timeline.say("Ben (ZBP)", "antwortet aus dem Postfach", { Antwort: reply.id });
  const file = await stack.bauamt.waitFor(
    "the reply's attachment",
    (it, room) =>
      room === roomId &&
      it.content.msgtype === "m.file" &&
      it.sender !== stack.bauamt.client.userId,
  );
  await checkFile(journey, stack.bauamt, file.event, PLAN);
  const status = await until("the reply's final status", () => {
    const view = stack.bundid.zbp.state.replies.find(({ id }) => id === reply.id);
    return view?.status === "ACCEPTED" ? view.status : undefined;
  });
  timeline.say("BundID-Postfach", `vermerkt die Antwort als ${status}`);
}

/** A letter for somebody who does not read in Matrix passes through, unchanged. */
export async function letterPassedOn(journey: Journey): Promise<void> {
  const { stack, timeline } = journey;
  timeline.chapter(
    "3  Behörde (ZBP) → Bürger, der noch nicht in Matrix liest: unverändert weitergereicht",
  );
  const reference = `BV-2026-0600-${Date.now().toString(36)}`;
  const letter = { ...firstLetter(reference), mailboxUuid: BEN_MAILBOX };
  const sent = await stack.bundid.legacy.sendLetter(letter);
  timeline.say("Fachverfahren", "sendet an Bens Postfach", { Antwort: sent.status });
  const again = await stack.bundid.legacy.sendLetter(letter);
  timeline.say("Fachverfahren", "sendet dasselbe noch einmal", { Antwort: again.status });
  const [stored, ...doubles] = stack.bundid.zbp.state.lettersWith(reference);
  timeline.check(
    "das Schreiben liegt genau einmal im BundID-Postfach",
    stored !== undefined && doubles.length === 0,
  );
  timeline.check(
    "mit der Unterschrift des Absenders, vom Gateway nur überbracht",
    stored?.signer === stack.bundid.ids.legacy.cn && stored.relay === stack.bundid.ids.gateway.cn,
  );
}

function firstLetter(reference: string): LegacyLetter {
  return {
    mailboxUuid: CLARA_MAILBOX,
    title: "Nachforderung zu Ihrer Bauvoranfrage",
    content: "<p>Guten Tag,</p><p>bitte reichen Sie den <b>Lageplan</b> nach.</p>",
    service: SERVICE,
    sender: AUTHORITY,
    level: 3,
    reference,
    retrievalConfirmationAddress: CONFIRMATION,
    attachments: [{ filename: "Bescheid.pdf", mediaType: "application/pdf", bytes: NOTICE }],
  };
}

function firstLine(event: RoomEvent): string {
  return String(event.content.body).split("\n")[0] ?? "";
}
