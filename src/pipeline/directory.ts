import type { AccountConfig } from "../config/schema.ts";
import type { FunctionMailbox } from "../config/people-schema.ts";
import { isOver, standIns, type StandIn } from "../people/substitution.ts";
import type { ConversationDraft, Store } from "../store/store.ts";

/** Links per mailbox and mailboxes per user that are looked at; more is a configuration fault. */
const MAX_READERS = 100;

/** What decides who sits in a room. */
export interface Seated extends Pick<ConversationDraft, "account" | "local" | "case"> {
  /** Of a conversation; a space has none: there sit all clerks. */
  readonly id?: string;
}
export interface Capacity {
  readonly desk?: string;
  readonly insteadOf?: string;
}

/**
 * Who reads and who writes now, from the configuration and from the store, with whoever stands in for them. The only
 * place that decides it.
 */
export interface Directory {
  /** Matrix users who read this mailbox of the account, without doubles, in a stable order. */
  readersOf(account: string, mailbox: string): Promise<readonly string[]>;
  /** Mailboxes of the account that this user reads and writes for. */
  mailboxesOf(account: string, user: string): Promise<readonly string[]>;
  /** All clerks of the account, of function mailboxes too. */
  clerksOf(account: string): Promise<readonly string[]>;
  isClerk(account: string, user: string): Promise<boolean>;
  /** Who reads and writes on our side of this conversation. */
  seatsOf(conversation: Seated): Promise<readonly string[]>;
  /** In which capacity this user writes there. */
  capacityOf(conversation: Seated, user: string): Promise<Capacity>;
}

type PeopleStore = Pick<Store, "linksOf" | "mailboxesOf" | "listSubstitutions" | "fact">;

/** Who reads and writes by themselves, and who stands in, at this moment. */
function lookUp(accounts: readonly AccountConfig[], store: PeopleStore, now: () => Date) {
  const byName = new Map(accounts.map((account) => [account.name, account]));
  const configured = (account: string) => byName.get(account)?.links ?? [];
  const readers = async (account: string, mailbox: string) => {
    const fromConfig = configured(account).filter((link) => link.mailbox === mailbox);
    const at = now();
    const stored = (await store.linksOf(account, mailbox)).filter((link) => !isOver(link, at));
    return [...fromConfig, ...stored].map((link) => link.user);
  };
  const deskOf = (conversation: Seated) =>
    findDesk(byName.get(conversation.account), store, conversation);
  return {
    readers,
    deskOf,
    clerks: (account: string) => allClerks(byName.get(account)),
    deputies: (account: string) => standIns(byName.get(account), store, account, now()),
    async mailboxes(account: string, user: string) {
      const fromConfig = configured(account).filter((link) => link.user === user);
      const at = now();
      const stored = (await store.mailboxesOf(account, user)).filter((link) => !isOver(link, at));
      return [...fromConfig, ...stored].map((link) => link.mailbox);
    },
    async seats(conversation: Seated): Promise<readonly string[]> {
      const { account, local } = conversation;
      if (local.role !== "authority") return readers(account, local.address);
      if (conversation.id === undefined) return allClerks(byName.get(account));
      return (await deskOf(conversation))?.clerks ?? byName.get(account)?.clerks ?? [];
    },
  };
}

export function createDirectory(
  accounts: readonly AccountConfig[],
  store: PeopleStore,
  now: () => Date = () => new Date(),
): Directory {
  const own = lookUp(accounts, store, now);
  const withDeputies = async (account: string, users: readonly string[]) =>
    addDeputies(users, await own.deputies(account));
  const clerksOf = (account: string) => withDeputies(account, own.clerks(account));
  return {
    readersOf: async (account, mailbox) =>
      firstOf(await withDeputies(account, await own.readers(account, mailbox))),
    async mailboxesOf(account, user) {
      const absent = (await own.deputies(account)).filter((one) => one.deputy === user);
      const users = [user, ...absent.map((one) => one.absent)];
      const found: string[] = [];
      for (const one of users) found.push(...(await own.mailboxes(account, one)));
      return firstOf(found);
    },
    clerksOf,
    isClerk: async (account, user) => (await clerksOf(account)).includes(user),
    async seatsOf(conversation) {
      const { account, local } = conversation;
      const all = await withDeputies(account, await own.seats(conversation));
      return local.role === "authority" ? all : firstOf(all);
    },
    async capacityOf(conversation, user) {
      const seats = await own.seats(conversation);
      const desk =
        conversation.local.role === "authority" ? await own.deskOf(conversation) : undefined;
      const absent = seats.includes(user)
        ? undefined
        : (await own.deputies(conversation.account)).find(
            (one) => one.deputy === user && seats.includes(one.absent),
          );
      return {
        ...(desk ? { desk: desk.name } : {}),
        ...(absent ? { insteadOf: absent.absent } : {}),
      };
    },
  };
}

/** A letter names its service only when it comes in; the first one says to which desk the conversation belongs. */
export async function noteService(
  store: Pick<Store, "claimFact">,
  conversationId: string,
  service: string,
): Promise<void> {
  await store.claimFact(SERVICE_SCOPE, conversationId, service);
}
const SERVICE_SCOPE = "conversation-service";

async function findDesk(
  account: AccountConfig | undefined,
  store: Pick<Store, "fact">,
  conversation: Seated,
): Promise<FunctionMailbox | undefined> {
  const desks = account?.functionMailboxes ?? [];
  if (desks.length === 0 || conversation.id === undefined) return undefined;
  const service = await store.fact(SERVICE_SCOPE, conversation.id);
  const reference = conversation.case?.reference;
  return desks.find(
    ({ services = [], references = [] }) =>
      (service !== undefined && services.includes(service)) ||
      (reference !== undefined && references.some((start) => reference.startsWith(start))),
  );
}

function allClerks(account: AccountConfig | undefined): readonly string[] {
  const desks = account?.functionMailboxes ?? [];
  return [...new Set([...(account?.clerks ?? []), ...desks.flatMap(({ clerks }) => clerks)])];
}

/** Behind those for whom they stand in; a deputy's own absence hands nothing on. */
function addDeputies(users: readonly string[], active: readonly StandIn[]): readonly string[] {
  const present = new Set(users);
  const more = active.filter(({ absent }) => present.has(absent)).map(({ deputy }) => deputy);
  return [...new Set([...users, ...more])];
}

function firstOf(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort().slice(0, MAX_READERS);
}
