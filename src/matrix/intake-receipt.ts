import { z } from "zod";
import type { Report } from "../bridge/contract.ts";
import type { Conversation, EventResult, Store } from "../store/store.ts";
import type { Client } from "./client.ts";
import type { MatrixAccount } from "./contract.ts";
import type { ReadEvent } from "./events.ts";
import { readAnswer } from "./homeserver-error.ts";
import { path } from "./http.ts";
import { MESSAGE_BLOCK } from "./letter-events.ts";
import type { Members } from "./members.ts";
import type { Names } from "./names.ts";

/** Letters that one read receipt may mark; the next receipt marks the rest. */
const MAX_MARKED = 1_000;
/** Pages of the room's history in which the read event is looked for, from its end. */
const MAX_PAGES = 20;
const PAGE = 100;
/** A letter that was read before its delivery was recorded: looked at again after this time, milliseconds. */
const SOON_MS = 500;

export interface ReceiptIntakeDeps {
  readonly client: Client;
  readonly store: Store;
  readonly members: Members;
  readonly names: Names;
  account(name: string): MatrixAccount;
  report(report: Report): Promise<void>;
  readonly now: () => Date;
}

/** Somebody on our side read up to an event: every letter of the legacy side up to there counts as retrieved. */
export async function takeRead(
  deps: ReceiptIntakeDeps,
  conversation: Conversation,
  event: ReadEvent,
  signal: AbortSignal,
): Promise<EventResult> {
  const { account } = conversation;
  if (!deps.account(account).config.readReceipts)
    return { outcome: "ignored", detail: "this account wants no read receipts" };
  if (!(await deps.members.mayWrite(conversation, event.sender)))
    return { outcome: "ignored", detail: "read by somebody who is not a reader" };
  const upTo = await letterUpTo(deps, conversation, event, signal);
  if (upTo === undefined) return { outcome: "ignored", detail: "no letter up to there" };
  const letter = await deps.store.message(upTo);
  if (letter?.state === "sending" || letter?.state === "pending") {
    const nextAt = new Date(deps.now().getTime() + SOON_MS);
    return { outcome: "retry", nextAt, detail: "read before the delivery was recorded" };
  }
  const unread = await deps.store.withoutReceiptUpTo(upTo, "retrieved", MAX_MARKED);
  const at = new Date(event.ts > 0 ? Math.min(event.ts, deps.now().getTime()) : deps.now());
  for (const id of unread) await deps.report({ kind: "retrieved", at, target: { id } });
  return { outcome: "done", messageId: upTo, detail: `${unread.length} letters read` };
}

/** The last letter of the legacy side at or before the event that was read. */
async function letterUpTo(
  deps: ReceiptIntakeDeps,
  conversation: Conversation,
  event: ReadEvent,
  signal: AbortSignal,
): Promise<string | undefined> {
  const direct = await deps.store.messageByRemote(conversation.account, event.read);
  if (direct?.origin === "legacy") return direct.message.id;
  if (!(await somethingUnread(deps.store, conversation))) return undefined;
  return letterBefore(deps, event, signal);
}

async function somethingUnread(store: Store, conversation: Conversation): Promise<boolean> {
  // Not the copy of a letter that went back into the old mailbox: nobody here can read it.
  const way = { origin: "legacy", destination: "matrix" } as const;
  const filter = { conversationId: conversation.id, ...way };
  const [latest] = await store.listMessages({ ...filter, order: "newest", limit: 1 });
  if (!latest) return false;
  if (latest.state === "sending") return true;
  return (await store.withoutReceiptUpTo(latest.message.id, "retrieved", 1)).length > 0;
}

const block = z.object({ message_id: z.string() });
const pageAnswer = z.object({
  chunk: z.array(
    z.object({
      event_id: z.string(),
      sender: z.string(),
      content: z.record(z.string(), z.unknown()),
    }),
  ),
  end: z.string().optional(),
});

/**
 * People mostly read up to a status notice or their own words: what stood before it only the homeserver knows. Back from
 * the end of the room to the event that was read, and on to the first letter before it: mostly one page.
 */
async function letterBefore(
  deps: ReceiptIntakeDeps,
  event: ReadEvent,
  signal: AbortSignal,
): Promise<string | undefined> {
  let reached = false;
  let from: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const request = {
      method: "GET" as const,
      path: path`/_matrix/client/v3/rooms/${event.room_id}/messages`,
      query: { dir: "b", limit: PAGE, from },
    };
    const answer = await deps.client.call(request, { as: deps.names.keeper, signal });
    const { chunk, end } = readAnswer(pageAnswer, answer, "messages");
    for (const { event_id: eventId, content, sender } of chunk) {
      reached ||= eventId === event.read;
      const found = reached && deps.names.isOwn(sender) && block.safeParse(content[MESSAGE_BLOCK]);
      if (found && found.success) return found.data.message_id;
    }
    if (end === undefined || end === from) return undefined;
    from = end;
  }
  return undefined;
}
