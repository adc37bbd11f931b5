import { isHistory } from "../model/history.ts";
import { digestOf } from "../model/id.ts";
import type { Side } from "../model/message.ts";
import type { MessageState } from "../model/state.ts";
import type { LetterOutline, Store, StoredSighting } from "../store/store.ts";
import { addDays, dayOf, startOfDay, type Day } from "./berlin.ts";
import { PHASES } from "./phases.ts";

/**
 * What the old mailbox and Matrix hold of the letters that came in, day by day (Germany, day of acceptance): the
 * evidence for the decision to go on. A letter and its copy count once; letters of the past that were moved do not.
 */
export interface DayComparison {
  readonly day: Day;
  readonly legacy: Holding;
  readonly matrix: Holding;
  /** Should be on a side and is not (yet). */
  readonly missing: readonly Finding[];
  /** Is on a side and should not be. */
  readonly extra: readonly Finding[];
}
export interface Holding {
  readonly count: number;
  /** Over (source id, content digest) of all of them in order: equal on both sides when both hold the same letters. */
  readonly digest: string;
}
export interface Finding {
  readonly side: Side;
  readonly sourceId: string;
  readonly letter?: string;
  readonly why: string;
}

const PAGE = 1_000;
/** Days of one comparison. */
export const MAX_DAYS = 400;
/** Findings that are named per day; the rest is counted. */
const MAX_NAMED = 100;

/** `since` and `until` are both included. Throws RangeError for more than MAX_DAYS. */
export async function compareDays(
  store: Pick<Store, "listOutlines" | "copiesOf" | "listSightings">,
  account: string,
  since: Day,
  until: Day,
): Promise<readonly DayComparison[]> {
  if (addDays(since, MAX_DAYS) <= until)
    throw new RangeError(`more than ${MAX_DAYS} days from ${since} to ${until}`);
  const days = new Map<Day, DayBook>();
  const bookOf = (day: Day) => {
    const book = days.get(day) ?? openBook();
    days.set(day, book);
    return book;
  };
  const span = { account, since: startOfDay(since), until: startOfDay(addDays(until, 1)) };
  for await (const page of letters(store, span)) {
    const firsts = page.filter(
      (letter) => letter.origin === "legacy" && letter.copyOf === undefined && !isHistory(letter),
    );
    const copies = new Map<string, LetterOutline>();
    for (const copy of await store.copiesOf(firsts.map(({ id }) => id)))
      if (copy.copyOf !== undefined) copies.set(copy.copyOf, copy);
    for (const first of firsts) enter(bookOf(dayOf(first.acceptedAt)), first, copies.get(first.id));
  }
  for await (const page of sightings(store, span))
    for (const { sourceId, digest, seenAt } of page)
      hold(bookOf(dayOf(seenAt)), "legacy", sourceId, digest);
  return [...days].sort(([a], [b]) => (a < b ? -1 : 1)).map(([day, book]) => close(day, book));
}

interface DayBook {
  readonly legacy: Map<string, string>;
  readonly matrix: Map<string, string>;
  readonly missing: Finding[];
  readonly extra: Finding[];
}
function openBook(): DayBook {
  return { legacy: new Map(), matrix: new Map(), missing: [], extra: [] };
}
function hold(book: DayBook, side: Side, sourceId: string, digest: string): void {
  book[side].set(sourceId, digest);
}
function close(day: Day, { legacy, matrix, missing, extra }: DayBook): DayComparison {
  const named = (found: readonly Finding[]) => {
    const rest = found.length - MAX_NAMED;
    const more = { side: "matrix", sourceId: "", why: `and ${rest} more` } as const;
    return rest > 0 ? [...found.slice(0, MAX_NAMED), more] : found;
  };
  const sides = { legacy: holdingOf(legacy), matrix: holdingOf(matrix) };
  return { day, ...sides, missing: named(missing), extra: named(extra) };
}
function holdingOf(held: ReadonlyMap<string, string>): Holding {
  const entries = [...held].sort(([a], [b]) => (a < b ? -1 : 1));
  return { count: entries.length, digest: digestOf(...entries.flat()).slice(0, 16) };
}

/** One letter on both sides, by the phase in which it was decided. Undecided ones (forwarded, held) are where they go. */
function enter(book: DayBook, first: LetterOutline, copy: LetterOutline | undefined): void {
  const { sourceId, digest, phase } = first;
  const rule = phase && PHASES[phase];
  // Without a letter of ours for it, a letter that counts in the old mailbox is there by itself.
  const keptThere = rule?.authority === "legacy" && first.destination === "matrix";
  const bySide: Record<Side, LetterOutline | undefined> = { legacy: undefined, matrix: undefined };
  bySide[first.destination] = first;
  if (copy) bySide[copy.destination] = copy;
  if (keptThere) hold(book, "legacy", sourceId, digest);
  const counts = rule?.authority ?? first.destination;
  const arrived = keptThere || bySide[counts]?.state === "delivered";
  for (const side of ["legacy", "matrix"] as const) {
    const letter = bySide[side];
    if (!letter) continue;
    const place = { side, sourceId, letter: letter.id };
    if (letter.state !== "delivered") {
      book.missing.push({ ...place, why: whyMissing(letter.state) });
      continue;
    }
    hold(book, side, sourceId, digest);
    const refused = bySide[counts]?.state;
    if (!arrived && refused !== undefined && isOver(refused))
      book.extra.push({ ...place, why: `the side that counts (${counts}) has ${refused} it` });
  }
}

function isOver(state: MessageState): boolean {
  return state === "failed" || state === "rejected";
}
function whyMissing(state: MessageState): string {
  return isOver(state) ? `could not be delivered (${state})` : `not delivered yet (${state})`;
}

type Span = Parameters<Store["listOutlines"]>[0];

async function* letters(
  store: Pick<Store, "listOutlines">,
  span: Span,
): AsyncGenerator<readonly LetterOutline[]> {
  for (let after = 0; ;) {
    const page = await store.listOutlines(span, { after, limit: PAGE });
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.seq ?? after;
  }
}

async function* sightings(
  store: Pick<Store, "listSightings">,
  span: Span,
): AsyncGenerator<readonly StoredSighting[]> {
  for (let after: StoredSighting | undefined; ;) {
    const page = await store.listSightings(span, { limit: PAGE, ...(after ? { after } : {}) });
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    after = page.at(-1);
  }
}
