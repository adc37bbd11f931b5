import { z } from "zod";
import { partySchema, type Party } from "../model/message.ts";
import type { Store } from "../store/store.ts";

/**
 * What the gateway knows about its own things on the homeserver, so that a restart costs no request. Everything here can
 * be found out again from the homeserver, except which party a ghost id stands for.
 */
export const SCOPE = {
  /** ghost id → who it is, and what was already done for it. */
  ghost: "matrix-ghost",
  /** "<room> <user>" → membership. */
  member: "matrix-member",
  /** conversation id → room that is complete. */
  room: "matrix-room",
  /** "<account> <mailbox>" → room id of the space. */
  space: "matrix-space",
  /** room id of a space → "<account> <mailbox>". */
  spaceRoom: "matrix-space-room",
  /** "<delivery id>/<part>" → mxc of what was uploaded for it. */
  media: "matrix-media",
  /** message id → its status notice. */
  status: "matrix-status",
  /** room id that replaces an older one, as long as we could not join it → conversation. */
  upgrade: "matrix-upgrade",
  /** ghost id that a look-up gave away → until when its invitations are looked for. */
  lookedUp: "matrix-looked-up",
  /** account → digest of the readers that its rooms were aligned with. */
  readers: "matrix-readers",
  /** "<conversation id> <message id>" → name of the act that this letter asks for. */
  request: "matrix-request",
  /** event id of a command → source id of the act that it became. */
  act: "matrix-act",
  /** room id of a chat in which somebody links a mailbox → who. */
  claimRoom: "matrix-claim-room",
  /** user id → room id of their chat. */
  claimRoomOf: "matrix-claim-room-of",
  /** event id → what it is answered in such a chat, until that is said. */
  claimAnswer: "matrix-claim-answer",
} as const;

const ghostFact = z.object({
  account: z.string(),
  party: partySchema,
  ready: z.boolean(),
  /** Display name that was set. */
  shown: z.string().optional(),
});
export interface GhostFact {
  readonly account: string;
  readonly party: Party;
  readonly ready: boolean;
  readonly shown?: string;
}

const memberFact = z.object({
  membership: z.enum(["invite", "join", "leave", "ban", "knock"]),
  name: z.string().optional(),
});
export interface MemberFact {
  readonly membership: "invite" | "join" | "leave" | "ban" | "knock";
  readonly name?: string;
}

const statusFact = z.object({ notice: z.string(), kind: z.string(), room: z.string() });
export type StatusFact = z.infer<typeof statusFact>;
const upgradeFact = z.object({ conversation: z.string(), from: z.string() });
export type UpgradeFact = z.infer<typeof upgradeFact>;

/** Reads a fact; one that cannot be read counts as unknown, because it can be found out again. */
function reader<T>(scope: string, schema: z.ZodType<unknown>) {
  return async (store: Store, key: string): Promise<T | undefined> => {
    const raw = await store.fact(scope, key);
    return raw === undefined ? undefined : parseFact<T>(schema, raw);
  };
}
function parseFact<T>(schema: z.ZodType<unknown>, raw: string): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(raw));
    return parsed.success ? (parsed.data as T) : undefined;
  } catch {
    return undefined;
  }
}

export const readGhost = reader<GhostFact>(SCOPE.ghost, ghostFact);
export const readMember = reader<MemberFact>(SCOPE.member, memberFact);
export const readStatus = reader<StatusFact>(SCOPE.status, statusFact);
export const readUpgrade = reader<UpgradeFact>(SCOPE.upgrade, upgradeFact);

export function memberKey(roomId: string, userId: string): string {
  return `${roomId} ${userId}`;
}
export async function putMember(
  store: Store,
  roomId: string,
  userId: string,
  fact: MemberFact,
): Promise<void> {
  await store.putFact(SCOPE.member, memberKey(roomId, userId), JSON.stringify(fact));
}

const PAGE = 500;
/** More members than this in a case room is a configuration fault. */
const MAX_MEMBERS = 5_000;

/** Everybody of whom a membership in this room is known. */
export async function membersOf(
  store: Store,
  roomId: string,
): Promise<ReadonlyMap<string, MemberFact>> {
  const prefix = `${roomId} `;
  const members = new Map<string, MemberFact>();
  let after: string | undefined;
  do {
    const page = await store.listFacts(SCOPE.member, prefix, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { key, value } of page) {
      const fact = parseFact<MemberFact>(memberFact, value);
      if (fact) members.set(key.slice(prefix.length), fact);
    }
    after = page.length === PAGE ? page.at(-1)?.key : undefined;
  } while (after !== undefined && members.size < MAX_MEMBERS);
  return members;
}
