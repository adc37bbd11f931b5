import { letterBlock, pause, until } from "../../deploy/demo/reader.ts";
import {
  ACCOUNT,
  AUTHORITY,
  BEN_MAILBOX,
  CLARA_MAILBOX,
  SERVICE,
} from "../../deploy/demo/worlds/bundid.ts";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import type { Stack } from "../../deploy/demo/stack.ts";

/** Letters in both directions, numbered, so that lost, doubled and reordered ones can be counted. */

const RETRY_MS = 200;
const SETTLE_MS = 90_000;

/**
 * A legacy application sends letters of one case strictly one after the other and, as such applications do, repeats
 * each until it is acknowledged.
 */
export async function sendFromLegacy(stack: Stack, reference: string, count: number) {
  for (let n = 1; n <= count; n += 1) {
    const letter = {
      mailboxUuid: CLARA_MAILBOX,
      title: `${reference} Schreiben ${n}`,
      content: `<p>Inhalt ${reference}/${n}</p>`,
      service: SERVICE,
      sender: AUTHORITY,
      level: 1 as const,
      reference,
      attachments: [
        {
          filename: `a-${n}.txt`,
          mediaType: "text/plain",
          bytes: Buffer.from(`${reference}/${n}`),
        },
      ],
    };
    await until(
      `acknowledgement of ${reference}/${n}`,
      async () => {
        const answer = await stack.bundid.legacy.sendLetter(letter).catch(() => undefined);
        if (answer?.status === 200) return true;
        await pause(RETRY_MS);
        return undefined;
      },
      SETTLE_MS,
    );
  }
}

/** Opens a case room towards Ben, who reads in the BundID mailbox. */
export async function openCase(stack: Stack, gateway: GatewayProcess, reference: string) {
  const { roomId } = (await gateway.admin("/api/v1/conversations", {
    account: ACCOUNT,
    to: { address: BEN_MAILBOX, role: "citizen" },
    subject: reference,
    reference,
  })) as { roomId: string };
  await stack.bauamt.waitFor("the case room", (_event, room) => room === roomId);
  return roomId;
}

/** A clerk writes letters in Matrix, one after the other; the homeserver takes them whatever the gateway does. */
export async function sendFromMatrix(
  stack: Stack,
  roomId: string,
  reference: string,
  count: number,
) {
  for (let n = 1; n <= count; n += 1)
    await stack.bauamt.client.sendText(roomId, `Inhalt ${reference}/${n}`);
}

/** Numbers of the letters of a case that stand in the Matrix room, in the order of the room. */
export function arrivedInMatrix(stack: Stack, reference: string): number[] {
  const found: number[] = [];
  for (const events of stack.clara.rooms.values())
    for (const event of events) {
      if (event.content["msgtype"] !== "m.text" || letterBlock(event) === undefined) continue;
      const n = numberIn(String(event.content["body"]), reference);
      if (n !== undefined) found.push(n);
    }
  return found;
}

/** Numbers of the files of a case in the room. */
export function filesInMatrix(stack: Stack, reference: string): number {
  let files = 0;
  for (const events of stack.clara.rooms.values())
    if (events.some((event) => String(event.content["body"]).includes(reference)))
      files += events.filter((event) => event.content["msgtype"] === "m.file").length;
  return files;
}

/** Numbers of the letters of a case in the legacy mailbox, in the order of arrival. */
export function arrivedInMailbox(stack: Stack, reference: string): number[] {
  return stack.bundid.zbp
    .letters()
    .map(({ letter }) => numberIn(letter.content, reference))
    .filter((n) => n !== undefined);
}

function numberIn(text: string, reference: string): number | undefined {
  const found = new RegExp(`Inhalt ${reference}/(\\d+)`).exec(text);
  return found ? Number(found[1]) : undefined;
}

/** Waits until every one of the letters is there (or the time is over), then a little longer for doubles to show. */
export async function waitForAll(look: () => number[] | Promise<number[]>, count: number) {
  const complete = async () => new Set(await look()).size >= count || undefined;
  await until(`${count} letters`, complete, SETTLE_MS).catch(() => undefined);
  await pause(1_500);
  return look();
}

export const numbers = (count: number) => Array.from({ length: count }, (_, n) => n + 1);
