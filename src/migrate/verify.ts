import { z } from "zod";
import type { Client } from "../matrix/client.ts";
import { readAnswer } from "../matrix/homeserver-error.ts";
import { path } from "../matrix/http.ts";
import { ATTACHMENT_BLOCK, letterToEvents, MESSAGE_BLOCK } from "../matrix/letter-events.ts";
import { digestOf } from "../model/id.ts";
import type { Store, StoredMessage } from "../store/store.ts";
import { isHistory } from "../model/history.ts";

const PAGE = 100;
const CONVERSATIONS = 200;
/** Events of one room that are read back. */
const MAX_PAGES = 1_000;
/** Differences that are named; the rest is counted. */
const MAX_NAMED = 1_000;

export type DifferenceKind =
  "not-delivered" | "missing" | "doubled" | "order" | "time" | "text" | "file-missing";
export interface Difference {
  readonly kind: DifferenceKind;
  /** Of the letter. */
  readonly id: string;
  readonly sourceId: string;
  readonly detail?: string;
}
export interface MailboxReport {
  readonly mailbox: string;
  readonly letters: number;
  readonly cases: number;
  /** Found in the rooms, whole. */
  readonly inMatrix: number;
  /** Of what was taken from the source, and of what stands in the rooms: equal, or something differs. */
  readonly digest: string;
  readonly matrixDigest: string;
}
export interface VerifyReport {
  readonly mailboxes: readonly MailboxReport[];
  readonly differenceCount: number;
  readonly differences: readonly Difference[];
}

export interface VerifyDeps {
  readonly store: Store;
  readonly client: Client;
  readonly keeper: string;
  readonly account: string;
  readonly bridge: string;
}

const pageAnswer = z.object({
  chunk: z.array(
    z.object({
      event_id: z.string(),
      sender: z.string(),
      origin_server_ts: z.number(),
      content: z.record(z.string(), z.unknown()),
    }),
  ),
  end: z.string().optional(),
});
type RoomLetter = z.output<typeof pageAnswer>["chunk"][number];
const mark = z.object({ message_id: z.string() });
const fileMark = mark.extend({ sha256: z.string() });

interface Tally {
  letters: number;
  cases: number;
  inMatrix: number;
  digest: string;
  matrixDigest: string;
}

/** Reads every room with history back from the homeserver and compares it with what the store took from the source. */
export async function verifyHistory(deps: VerifyDeps, signal: AbortSignal): Promise<VerifyReport> {
  const tallies = new Map<string, Tally>();
  const differences: Difference[] = [];
  let differenceCount = 0;
  const note = (kind: DifferenceKind, { message }: StoredMessage, detail?: string) => {
    differenceCount += 1;
    if (differences.length >= MAX_NAMED) return;
    const { id, sourceId } = message;
    differences.push({ kind, id, sourceId, ...(detail === undefined ? {} : { detail }) });
  };
  let after: string | undefined;
  do {
    const place = after === undefined ? {} : { after };
    const filter = { account: deps.account, limit: CONVERSATIONS, ...place };
    const page = await deps.store.listConversations(filter);
    for (const { id, local, roomId } of page) {
      signal.throwIfAborted();
      const letters = await historyOf(deps.store, id);
      if (letters.length === 0) continue;
      const tally = tallies.get(local.address) ?? newTally();
      tallies.set(local.address, tally);
      tally.cases += 1;
      const room = roomId === undefined ? [] : await readRoom(deps, roomId, signal);
      compareRoom(deps, letters, room, tally, note);
    }
    after = page.length === CONVERSATIONS ? page.at(-1)?.id : undefined;
  } while (after !== undefined);
  const mailboxes = [...tallies].map(([mailbox, tally]) => ({ mailbox, ...tally }));
  mailboxes.sort((a, b) => (a.mailbox < b.mailbox ? -1 : 1));
  return { mailboxes, differenceCount, differences };
}

function newTally(): Tally {
  return { letters: 0, cases: 0, inMatrix: 0, digest: digestOf(), matrixDigest: digestOf() };
}

async function historyOf(store: Store, conversationId: string): Promise<readonly StoredMessage[]> {
  const found: StoredMessage[] = [];
  let after = 0;
  for (;;) {
    const page = await store.listMessages({ conversationId, order: "oldest", after, limit: PAGE });
    found.push(...page.filter((one) => isHistory(one) && one.state !== "rejected"));
    if (page.length < PAGE) return found;
    after = page.at(-1)?.seq ?? after;
  }
}

/** In the order of the room. Our own service's events only: what people write is none of ours to compare. */
async function readRoom(
  { client, keeper }: VerifyDeps,
  roomId: string,
  signal: AbortSignal,
): Promise<readonly RoomLetter[]> {
  const found: RoomLetter[] = [];
  const filter = JSON.stringify({ types: ["m.room.message"] });
  let from: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const request = {
      method: "GET" as const,
      path: path`/_matrix/client/v3/rooms/${roomId}/messages`,
      query: { dir: "f", limit: PAGE, filter, from },
    };
    const answer = await client.call(request, { as: keeper, signal });
    const { chunk, end } = readAnswer(pageAnswer, answer, "messages");
    found.push(
      ...chunk.filter(({ content }) => MESSAGE_BLOCK in content || ATTACHMENT_BLOCK in content),
    );
    if (end === undefined || end === from || chunk.length === 0) break;
    from = end;
  }
  return found;
}

function compareRoom(
  deps: VerifyDeps,
  letters: readonly StoredMessage[],
  room: readonly RoomLetter[],
  tally: Tally,
  note: (kind: DifferenceKind, letter: StoredMessage, detail?: string) => void,
): void {
  const mains = groupBy(room, ({ content }) => mark.safeParse(content[MESSAGE_BLOCK]).data);
  const files = groupBy(room, ({ content }) => mark.safeParse(content[ATTACHMENT_BLOCK]).data);
  let lastPlace = -1;
  for (const letter of letters) {
    const { id } = letter.message;
    const expected = expectedOf(deps, letter);
    tally.letters += 1;
    tally.digest = digestOf(tally.digest, id, expected);
    const [main, second] = mains.get(id) ?? [];
    if (!main) {
      note(letter.state === "delivered" ? "missing" : "not-delivered", letter, letter.state);
      continue;
    }
    if (second) note("doubled", letter, second.event_id);
    const found = foundOf(main, files.get(id) ?? []);
    tally.matrixDigest = digestOf(tally.matrixDigest, id, found);
    const place = room.indexOf(main);
    if (place < lastPlace) note("order", letter);
    lastPlace = Math.max(place, lastPlace);
    if (main.origin_server_ts !== letter.message.sentAt.getTime()) note("time", letter);
    if (found === expected) tally.inMatrix += second ? 0 : 1;
    else note(bodyOf(found) === bodyOf(expected) ? "file-missing" : "text", letter);
  }
}

function groupBy(
  room: readonly RoomLetter[],
  markOf: (event: RoomLetter) => { message_id: string } | undefined,
): ReadonlyMap<string, readonly RoomLetter[]> {
  const groups = new Map<string, RoomLetter[]>();
  for (const event of room) {
    const id = markOf(event)?.message_id;
    if (id !== undefined) groups.set(id, [...(groups.get(id) ?? []), event]);
  }
  return groups;
}

/** What the room must show: text, and the digest of every file in order. */
function expectedOf({ bridge }: VerifyDeps, letter: StoredMessage): string {
  const { conversationId: conversation, deliveryId, message } = letter;
  const { main, files } = letterToEvents(message, { conversation, bridge, deliveryId, copy: true });
  return shapeOf(
    main["body"],
    files.map(({ sha256 }) => sha256),
  );
}
function foundOf({ content }: RoomLetter, files: readonly RoomLetter[]): string {
  const digests = files.map(
    (file) => fileMark.safeParse(file.content[ATTACHMENT_BLOCK]).data?.sha256 ?? "",
  );
  return shapeOf(content["body"], digests);
}
function shapeOf(body: unknown, files: readonly string[]): string {
  return `${digestOf(String(body))} ${files.join(" ")}`;
}
function bodyOf(shape: string): string {
  return shape.split(" ")[0] ?? "";
}
