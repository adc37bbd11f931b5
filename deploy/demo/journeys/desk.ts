import { isDeepStrictEqual } from "node:util";
import { runCli } from "../gateway.ts";
import { statusBlock, until, type Reader } from "../reader.ts";
import { CLERKS, DEPUTY, DESK, DESK_ACCOUNT, DORA_MAILBOX } from "../worlds/desk.ts";
import type { Journey } from "./steps.ts";

const DAY_MS = 86_400_000;
const SHOWN = 6;

/** The clerks of one desk, in one case with one citizen. */
interface DeskCase {
  readonly journey: Journey;
  readonly roomId: string;
  readonly reference: string;
  readonly lea: Reader;
  readonly tom: Reader;
  readonly uwe: Reader;
}

/** Two clerks share a function mailbox, a third one stands in for one of them; the citizen writes to the authority. */
export async function clerksShareADesk(journey: Journey): Promise<void> {
  const { timeline } = journey;
  timeline.chapter(
    "7  Funktionspostfach: zwei teilen sich die Elterngeldstelle, eine Vertretung kommt und geht",
  );
  const desk = await openCase(journey);
  const first = await desk.lea.client.sendText(desk.roomId, "Bitte den Einkommensnachweis senden.");
  timeline.say("Lea (Matrix)", "schreibt für die Elterngeldstelle", { Event: first });
  const [letter] = await lettersAtZbp(desk, 1);
  await replyFromDora(desk, letter?.id ?? "", "Der Nachweis liegt bei.", [desk.lea, desk.tom]);
  const substitution = await letUweStandIn(desk);
  const second = await desk.tom.client.sendText(desk.roomId, "Danke, der Nachweis genügt.");
  timeline.say("Tom (Matrix)", "antwortet aus demselben Postfach", { Event: second });
  const stored = await lettersAtZbp(desk, 2);
  const third = await desk.uwe.client.sendText(desk.roomId, "Der Bescheid folgt in einer Woche.");
  timeline.say("Uwe (Matrix)", "schreibt in Leas Vertretung", { Event: third });
  await checkWriters(desk, [first, second, third]);
  await endSubstitution(desk, substitution, stored.at(-1)?.id ?? "");
}

async function openCase(journey: Journey): Promise<DeskCase> {
  const { stack, gateway, timeline } = journey;
  const [lea, tom] = [await stack.person(CLERKS[0]), await stack.person(CLERKS[1])];
  const uwe = await stack.person(DEPUTY);
  const reference = `${DESK.references}2026-${Date.now().toString(36)}`;
  const { roomId } = (await gateway.admin("/api/v1/conversations", {
    account: DESK_ACCOUNT,
    to: { address: DORA_MAILBOX, name: "Dora Beispiel", role: "citizen" },
    subject: "Ihr Antrag auf Elterngeld",
    reference,
  })) as { roomId: string };
  for (const clerk of [lea, tom])
    await clerk.waitFor("the case room", (_it, room) => room === roomId);
  timeline.say("Postfachbrücke", "öffnet den Vorgang für die Elterngeldstelle", {
    Aktenzeichen: reference,
    Raum: roomId,
  });
  const desk = { ...{ journey, roomId, reference, lea, tom, uwe } };
  timeline.check(
    "Lea und Tom sind im Raum; Uwe von der anderen Stelle ist es nicht",
    (await namesIn(desk)).join() === "lea,tom",
    (await namesIn(desk)).join(),
  );
  return desk;
}

/** What the BundID mailbox holds of this case, oldest first. */
async function lettersAtZbp({ journey, reference }: DeskCase, count: number) {
  const { zbp } = journey.stack.bundid;
  return until(`${count} letters in the BundID mailbox`, () => {
    const found = zbp.state.lettersWith(reference);
    return found.length >= count ? found : undefined;
  });
}

async function replyFromDora(
  { journey, roomId }: DeskCase,
  letterId: string,
  text: string,
  readers: readonly Reader[],
): Promise<string> {
  const { stack, timeline } = journey;
  const reply = stack.bundid.zbp.reply(letterId, { text });
  timeline.say("Dora (ZBP)", `antwortet: „${text}“`, { Antwort: reply.id });
  const seen = await Promise.all(
    readers.map((reader) =>
      reader.waitFor(
        "Dora's reply",
        (it, room) => room === roomId && String(it.content.body).includes(text),
      ),
    ),
  );
  const events = new Set(seen.map(({ event }) => event.event_id));
  timeline.check("beide sehen dieselbe Antwort, ein Mal", events.size === 1);
  return [...events].join();
}

/** Lea is away from today to tomorrow. */
async function letUweStandIn(desk: DeskCase): Promise<string> {
  const { journey, uwe, roomId } = desk;
  const { stack, timeline } = journey;
  const until = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Berlin" }).format(
    Date.now() + DAY_MS,
  );
  const users = [desk.lea, uwe].map(({ client }) => client.userId);
  const command = ["links", "substitute", DESK_ACCOUNT, ...users, "--until", until];
  const done = await runCli([...command, "--config", stack.written.configFile]);
  timeline.check(`Vertretung: postfach-bridge ${command.join(" ")}`, done.ok, done.output);
  timeline.show(done.output, SHOWN);
  await uwe.waitFor("the room of the absent one", (_it, room) => room === roomId);
  timeline.check("Uwe ist sofort im Raum", (await namesIn(desk)).join() === "lea,tom,uwe");
  return done.output.split(":")[0]?.trim() ?? "";
}

/** On both sides: the letters are plain letters of the authority, and who wrote each is data beside it. */
async function checkWriters(desk: DeskCase, events: readonly string[]): Promise<void> {
  const { journey, lea, tom, uwe } = desk;
  const { gateway, timeline } = journey;
  const stored = await lettersAtZbp(desk, events.length);
  const texts = stored.map(({ letter }) => letter.content.replace(/<[^>]*>/g, "").trim());
  timeline.check(
    "im BundID-Postfach liegen drei Schreiben in ihrer Reihenfolge, ohne Vorspann im Text",
    texts.join("|") ===
      "Bitte den Einkommensnachweis senden.|Danke, der Nachweis genügt.|Der Bescheid folgt in einer Woche.",
    texts.join("|"),
  );
  const { letters } = (await gateway.admin(
    `/api/v1/letters?account=${DESK_ACCOUNT}&origin=matrix&order=oldest&limit=1000`,
  )) as { letters: { sourceId: string; writtenBy?: Writer }[] };
  const writers = events.map((event) => letters.find((it) => it.sourceId === event)?.writtenBy);
  const [lead, second, deputy] = [lea, tom, uwe].map(({ client }) => client.userId);
  timeline.check(
    "wer geschrieben hat, ist ein Feld: Lea, Tom, und Uwe für Lea; alle für die Elterngeldstelle",
    JSON.stringify(writers.map((it) => [it?.user, it?.desk, it?.insteadOf ?? ""])) ===
      JSON.stringify([
        [lead, DESK.name, ""],
        [second, DESK.name, ""],
        [deputy, DESK.name, lead],
      ]),
    JSON.stringify(writers),
  );
  const { event } = await tom.waitFor("the status of Uwe's letter", (it) => {
    const block = statusBlock(it);
    return block?.["event_id"] === events.at(-1) && block?.["state"] !== "submission-accepted";
  });
  const writtenBy = statusBlock(event)?.["written_by"];
  timeline.check(
    "auch der Status im Raum nennt den Schreibenden als Feld",
    isDeepStrictEqual(writtenBy, { user_id: deputy, desk: DESK.name, instead_of: lead }),
    JSON.stringify(writtenBy),
  );
}
interface Writer {
  readonly user: string;
  readonly desk?: string;
  readonly insteadOf?: string;
}

/** Access ends with the substitution: what comes later is not his any more. */
async function endSubstitution(desk: DeskCase, id: string, letterId: string): Promise<void> {
  const { journey, uwe, roomId } = desk;
  const { stack, timeline } = journey;
  const command = ["links", "end-substitution", id];
  const done = await runCli([...command, "--config", stack.written.configFile]);
  timeline.check("Lea ist zurück: postfach-bridge links end-substitution", done.ok, done.output);
  timeline.check("Uwe ist nicht mehr im Raum", (await namesIn(desk)).join() === "lea,tom");
  const text = "Vielen Dank, ich warte auf den Bescheid.";
  const event = await replyFromDora(desk, letterId, text, [desk.lea, desk.tom]);
  const refused = await uwe.client.event(roomId, event).then(
    () => false,
    () => true,
  );
  timeline.check("Doras nächste Antwort bekommt er nicht mehr, auch nicht auf Nachfrage", refused);
}

/** Who is in the room beside the gateway and its ghosts, by name. */
async function namesIn({ lea, roomId }: DeskCase): Promise<readonly string[]> {
  const members = await lea.client.members(roomId);
  return members
    .map((user) => user.slice(1).split(":")[0] ?? "")
    .filter((name) => !name.startsWith("_"))
    .toSorted();
}
