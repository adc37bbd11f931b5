import { actSourceId } from "../model/act.ts";
import type { ActionRequest, Message } from "../model/message.ts";
import type { Conversation, Store, StoredMessage } from "../store/store.ts";
import { SCOPE } from "./facts.ts";

const PAGE = 500;
/** Requests of one conversation that are known; more is not a correspondence of people. */
const MAX_REQUESTS = 5_000;
/** Acts that may have failed for one request before an operator has to look. */
const MAX_ACTS = 20;

/** A letter of this conversation that asks for an act. */
export interface KnownRequest {
  readonly letterId: string;
  readonly name: string;
}
export interface AskingLetter {
  readonly stored: StoredMessage;
  readonly request: ActionRequest;
}

/** Written before the letter is shown: whoever sees it can answer it. Safe to repeat. */
export async function noteRequest(
  store: Store,
  conversationId: string,
  { id, request }: Pick<Message, "id" | "request">,
): Promise<void> {
  if (request) await store.putFact(SCOPE.request, `${conversationId} ${id}`, request.name);
}

/** Every request that was ever shown in this conversation, oldest first. */
export async function requestsIn(
  store: Store,
  conversationId: string,
): Promise<readonly KnownRequest[]> {
  const prefix = `${conversationId} `;
  const found: KnownRequest[] = [];
  let after: string | undefined;
  do {
    const place = after === undefined ? {} : { after };
    const page = await store.listFacts(SCOPE.request, prefix, { limit: PAGE, ...place });
    for (const { key, value } of page)
      found.push({ letterId: key.slice(prefix.length), name: value });
    after = page.length === PAGE ? page.at(-1)?.key : undefined;
  } while (after !== undefined && found.length < MAX_REQUESTS);
  return found;
}

/** The letter with its request; undefined when it is no letter of the legacy side in this conversation. */
export async function askingLetter(
  store: Store,
  conversation: Pick<Conversation, "id">,
  letterId: string,
): Promise<AskingLetter | undefined> {
  const stored = await store.message(letterId);
  const request = stored?.message.request;
  if (!stored || !request || stored.origin !== "legacy") return undefined;
  return stored.conversationId === conversation.id ? { stored, request } : undefined;
}

/** The acts that were given for a request: at most one that counts, as the last one, after those that failed. */
export async function actsFor(
  store: Store,
  { stored, request }: AskingLetter,
): Promise<readonly StoredMessage[]> {
  const { id, account } = stored.message;
  const acts: StoredMessage[] = [];
  while (acts.length < MAX_ACTS) {
    const sourceId = actSourceId(id, request.name, acts.length + 1);
    const act = await store.messageBySource(account, sourceId);
    if (!act) break;
    acts.push(act);
  }
  return acts;
}

/** The act that counts or may still come to count: never is there a second one beside it. */
export function standingAct(acts: readonly StoredMessage[]): StoredMessage | undefined {
  const last = acts.at(-1);
  if (!last || acts.length >= MAX_ACTS) return last;
  return last.state === "failed" || last.state === "rejected" ? undefined : last;
}
