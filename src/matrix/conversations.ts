import type { Log } from "../bridge/contract.ts";
import { digestOf } from "../model/id.ts";
import { conversationIdOf } from "../pipeline/lanes.ts";
import type { Conversation, ConversationDraft, Store } from "../store/store.ts";
import type { Matrix, MatrixAccount, NewConversation } from "./contract.ts";
import { SCOPE } from "./facts.ts";
import type { Ghosts } from "./ghosts.ts";
import { OPENED_HERE } from "./intake-letter.ts";
import { noReader, type Members } from "./members.ts";
import type { Rooms } from "./rooms.ts";
import type { Spaces } from "./spaces.ts";

const PAGE = 200;

export interface ConversationDeps {
  readonly accounts: readonly MatrixAccount[];
  readonly store: Store;
  readonly ghosts: Ghosts;
  readonly rooms: Rooms;
  readonly members: Members;
  readonly spaces: Spaces;
  readonly log: Log;
  readonly now: () => Date;
  account(name: string): MatrixAccount;
}

/** Cases seen as a whole: opened by clerks, and their members after links changed. */
export interface Conversations {
  open(
    request: NewConversation,
    by: string,
    signal: AbortSignal,
  ): ReturnType<Matrix["openConversation"]>;
  refreshReaders(account: string, mailbox: string | undefined, signal: AbortSignal): Promise<void>;
  /** After a start: rooms follow the clerks and links of a configuration that was changed meanwhile. */
  followConfiguration(signal: AbortSignal): Promise<void>;
}

export function createConversations(deps: ConversationDeps): Conversations {
  const refresh = async (account: string, mailbox: string | undefined, signal: AbortSignal) => {
    for await (const conversation of allOf(deps.store, account)) {
      if (mailbox !== undefined && conversation.local.address !== mailbox) continue;
      if (conversation.roomId === undefined) continue;
      signal.throwIfAborted();
      await alignAll(deps, conversation, conversation.roomId, signal);
    }
  };
  return {
    async open(request, by, signal) {
      const account = deps.account(request.account);
      const draft = draftOf(account, request);
      const conversation = await deps.store.openConversation(draft, deps.now());
      const ghost = await deps.ghosts.ensure(account, conversation.counterpart, signal);
      const roomId = await deps.rooms.ensure(conversation, signal);
      await deps.members.admit(roomId, ghost, signal);
      const readers = await deps.members.readersOf(conversation);
      const seated = await deps.members.align(roomId, readers, signal);
      if (seated.size === 0) throw noReader("no clerk of this account could be invited");
      const entry = { actor: by, action: "matrix.conversation-opened", subject: conversation.id };
      await deps.store.appendAudit({ ...entry, detail: { roomId } }, deps.now());
      return { conversation: { ...conversation, roomId }, roomId };
    },
    refreshReaders: refresh,
    async followConfiguration(signal) {
      for (const { config } of deps.accounts) {
        const links = config.links.map(({ mailbox, user }) => `${mailbox} ${user}`).sort();
        const desks = JSON.stringify([config.functionMailboxes ?? [], config.substitutions ?? []]);
        const plain = desks === "[[],[]]" ? [] : ["desks", desks];
        const wanted = digestOf(...[...config.clerks].sort(), "links", ...links, ...plain);
        if ((await deps.store.fact(SCOPE.readers, config.name)) === wanted) continue;
        await refresh(config.name, undefined, signal);
        await deps.store.putFact(SCOPE.readers, config.name, wanted);
        deps.log.info({ account: config.name }, "rooms-follow-configuration");
      }
    },
  };
}

async function alignAll(
  deps: ConversationDeps,
  conversation: Conversation,
  roomId: string,
  signal: AbortSignal,
): Promise<void> {
  const readers = await deps.members.readersOf(conversation);
  await deps.members.align(roomId, readers, signal);
  const space = await deps.spaces.find(conversation.account, conversation.local.address);
  if (space === undefined) return;
  // All who read any conversation of this mailbox, not only those of this one's function mailbox.
  const { account, local } = conversation;
  const all = await deps.members.readersOf({ account, local });
  await deps.members.align(space, all, signal, { once: true });
}

/** The same account, party and matter always give the same conversation. */
function draftOf(account: MatrixAccount, request: NewConversation): ConversationDraft {
  const { config } = account;
  const matter = request.case?.reference ?? request.subject;
  const key = OPENED_HERE + digestOf(config.name, request.to.address, matter).slice(0, 32);
  return {
    id: conversationIdOf(config.name, key),
    account: config.name,
    key,
    counterpart: request.to,
    local: { address: config.name, name: config.title, role: "authority" },
    subject: request.subject,
    ...(request.case === undefined ? {} : { case: request.case }),
    level: request.level ?? 1,
    replyPolicy: "possible",
  };
}

async function* allOf(store: Store, account: string): AsyncGenerator<Conversation> {
  let after: string | undefined;
  do {
    const place = after === undefined ? {} : { after };
    const page = await store.listConversations({ account, limit: PAGE, ...place });
    yield* page;
    after = page.length === PAGE ? page.at(-1)?.id : undefined;
  } while (after !== undefined);
}
