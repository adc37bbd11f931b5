import type { RoomEvent } from "../../../test/support/matrix-client.ts";
import { runCli } from "../gateway.ts";
import { letterBlock, type Reader } from "../reader.ts";
import { ACCOUNT, AUTHORITY, CLARA_MAILBOX, SERVICE } from "../worlds/bundid.ts";
import type { Journey } from "./steps.ts";

export const GUARDIAN = "ida";
const SHOWN = 6;

/** Two people read one mailbox: somebody is linked, reads with her, and is unlinked again. */
export async function twoReadOneMailbox(journey: Journey): Promise<void> {
  const { stack, timeline } = journey;
  timeline.chapter("9  Zwei lesen ein Postfach: Claras Betreuerin kommt dazu und geht wieder");
  const ida = await stack.person(GUARDIAN);
  const reference = `BV-2026-0713-${Date.now().toString(36)}`;
  const { roomId } = await send(journey, reference, "Schreiben 1", [stack.clara]);
  await links(journey, "add", ida, ["--role", "Betreuerin"]);
  await ida.waitFor("the room of the case", (_it, room) => room === roomId);
  timeline.say("Ida (Matrix)", "ist sofort in Claras Räumen");
  await send(journey, reference, "Schreiben 2", [stack.clara, ida]);
  timeline.say("Clara und Ida", "lesen beide das nächste Schreiben");
  await links(journey, "remove", ida, []);
  const members = await stack.clara.client.members(roomId);
  timeline.check("Ida ist nicht mehr im Raum", !members.includes(ida.client.userId));
  const { event } = await send(journey, reference, "Schreiben 3", [stack.clara]);
  const refused = await ida.client.event(roomId, event.event_id).then(
    () => false,
    () => true,
  );
  timeline.check("was danach kommt, bekommt sie nicht mehr", refused);
  const command = ["links", "history", ACCOUNT, "--mailbox", CLARA_MAILBOX];
  const history = await runCli([...command, "--config", stack.written.configFile]);
  timeline.check(`was war: postfach-bridge ${command.join(" ")}`, history.ok, history.output);
  timeline.show(history.output, SHOWN);
}

/** One more letter of the case; the event that the first of the readers saw. */
async function send(
  { stack, timeline }: Journey,
  reference: string,
  text: string,
  readers: readonly [Reader, ...Reader[]],
): Promise<{ roomId: string; event: RoomEvent }> {
  const sent = await stack.bundid.legacy.sendLetter({
    ...{ mailboxUuid: CLARA_MAILBOX, title: "Bauvoranfrage", service: SERVICE, sender: AUTHORITY },
    ...{ level: 1, reference, content: `<p>${text}</p>` },
  });
  timeline.say("Fachverfahren", `sendet ${text}`, { Antwort: sent.status });
  const id = String((sent.json as { id?: unknown }).id);
  const seen = await Promise.all(
    readers.map((reader) => reader.waitFor(text, (it) => letterBlock(it)?.["message_id"] === id)),
  );
  const [first] = seen;
  if (!first) throw new Error("nobody read it");
  return first;
}

async function links(
  { stack, timeline }: Journey,
  what: "add" | "remove",
  { client }: Reader,
  more: readonly string[],
): Promise<void> {
  const command = ["links", what, ACCOUNT, CLARA_MAILBOX, client.userId, ...more];
  const done = await runCli([...command, "--config", stack.written.configFile]);
  timeline.check(`postfach-bridge ${command.join(" ")}`, done.ok, done.output);
}
