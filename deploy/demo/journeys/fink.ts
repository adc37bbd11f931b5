import { randomUUID } from "node:crypto";
import { renderNachricht } from "../../../fixtures/simulators/postkorb/index.ts";
import { runCli } from "../gateway.ts";
import { until } from "../reader.ts";
import {
  AUTHORITY_MAILBOX,
  NODE_ACCOUNT,
  NORA_MAILBOX,
  NW_ENTITY,
  TH_AUTHORITY,
  type FinkWorld,
} from "../worlds/fink.ts";
import { checkFile, makePdf, waitForStatus, type Journey } from "./steps.ts";

const QUESTION = makePdf("Nachforderung zur Bauvoranfrage");
const PLAN = makePdf("Lageplan Flurstück 7, Ilmenau");
/** Lines of a command's output that are shown. */
const TABLE_LINES = 22;

/**
 * The journey of the roll-out report: a citizen with an account in Nordrhein-Westfalen files a preliminary building
 * enquiry at the Thüringen portal (bundid-fink.md §6.1).
 */
export async function acrossTheCountry(journey: Journey): Promise<void> {
  const { fink } = journey.stack;
  if (fink === undefined) throw new Error("this stack has no FINK");
  journey.timeline.chapter(
    "5  Servicekonten (FINK): Thüringer Behörde → Bürgerin mit Konto in NRW, und ihre Antwort zurück",
  );
  await showCountry(journey, fink);
  const roomId = await letterFromThuringia(journey, fink);
  await answerToThuringia(journey, fink, roomId);
}

async function showCountry({ stack, timeline }: Journey, fink: FinkWorld): Promise<void> {
  await until("the verified metadata", () => (fink.metadata.requests > 0 ? true : undefined));
  const { configFile } = stack.written;
  const account = ["--account", NODE_ACCOUNT, "--config", configFile];
  const table = await runCli(["fink", "participants", ...account]);
  timeline.check("das Land in einer Tabelle: postfach-bridge fink participants", table.ok);
  timeline.show(table.output, TABLE_LINES);
  const route = await runCli(["fink", "resolve", NW_ENTITY, NORA_MAILBOX, ...account]);
  timeline.check("der Weg zu ihrem Postfach: postfach-bridge fink resolve", route.ok, route.output);
  timeline.show(route.output, TABLE_LINES);
}

async function letterFromThuringia(journey: Journey, fink: FinkWorld): Promise<string> {
  const { stack, timeline } = journey;
  const nora = await stack.person("nora");
  const subject = `Ihre Bauvoranfrage ${Date.now().toString(36)}`;
  const id = randomUUID();
  const letter = renderNachricht({
    mailbox: NORA_MAILBOX,
    id,
    sender: `<PostkorbId>${AUTHORITY_MAILBOX}</PostkorbId><Dienst>Bauvoranfrage</Dienst><Mandant>${TH_AUTHORITY}</Mandant>`,
    subject,
    files: [{ name: "Nachforderung.pdf", type: "application/pdf", bytes: QUESTION }],
  });
  const answer = await fink.authority.sendNative(letter);
  timeline.say(TH_AUTHORITY, "sendet eine BspNachricht an den Postfachdienst in NRW (SOAP, mTLS)", {
    NachrichtenId: id,
    BspQuittung: `${answer.accepted === true ? "angenommen" : "abgelehnt"}, Code ${answer.code ?? "?"}`,
  });
  timeline.check("die Quittung kam, nachdem der Brief sicher lag (Code 0)", answer.code === "0");
  const again = await fink.authority.sendNative(letter);
  timeline.say(TH_AUTHORITY, "sendet aus Versehen dasselbe noch einmal", {
    BspQuittung: `Code ${again.code ?? "?"}`,
  });
  const { roomId, event } = await nora.waitFor("the letter", (it) =>
    String(it.content.body).startsWith(subject),
  );
  timeline.say("Nora (Matrix, NRW)", `liest „${String(event.content.body).split("\n")[0]}“`, {
    Raum: roomId,
  });
  const file = await nora.waitFor(
    "the file",
    (it, room) => room === roomId && it.content["filename"] === "Nachforderung.pdf",
  );
  await checkFile(journey, nora, file.event, QUESTION);
  const letters = [...nora.rooms.values()]
    .flat()
    .filter(({ content }) => String(content.body).startsWith(subject));
  timeline.check("der Brief steht genau einmal im Raum", letters.length === 1);
  return roomId;
}

async function answerToThuringia(journey: Journey, fink: FinkWorld, roomId: string) {
  const { stack, timeline } = journey;
  const nora = await stack.person("nora");
  const sent = String(await nora.client.sendFile(roomId, "Lageplan.pdf", "application/pdf", PLAN));
  timeline.say("Nora (Matrix, NRW)", "antwortet mit dem Lageplan", { Event: sent });
  const [letter] = await until("the answer in Thüringen", () =>
    fink.node.letters.length > 0 ? fink.node.letters : undefined,
  );
  timeline.check(
    "im Postfach der Thüringer Behörde liegt eine BspNachricht mit dem Lageplan, Byte für Byte",
    letter?.mailbox === AUTHORITY_MAILBOX && letter.files[0]?.bytes.equals(PLAN) === true,
    `${letter?.mailbox} ${letter?.files.length} Dateien`,
  );
  await waitForStatus(journey, nora, sent, ["delivered"]);
  timeline.check("genau eine Antwort liegt dort", fink.node.letters.length === 1);
}
