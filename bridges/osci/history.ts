import { Readable } from "node:stream";
import type { History, HistoricLetter, HistoryEntry } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import { timeOf } from "./cards.ts";
import { cardOf, requireWhole } from "./delivery.ts";
import { UnreadableAnswer, type Answer, type Kept } from "./exchange.ts";
import { ExchangeError, refusalIn } from "./faults.ts";
import { interpret, readSeen } from "./intake.ts";
import type { Parts } from "./parts.ts";
import { pastFault, pastLetter } from "./past.ts";
import { hasCode, type Feedback } from "./wire/feedback.ts";
import type { ProcessCard } from "./wire/process-card.ts";

/**
 * What somebody has fetched out of this mailbox before, and the intermediary still keeps. Its process cards tell: those
 * with a Reception (facts §4). A delivery without one is not history, it comes the ordinary way. Fetching by message id
 * gives a delivery once more where the intermediary allows that (facts §1.3, §9: not certain); the dialog ends without
 * another word, so that nothing is confirmed and no stamp is set anew.
 */

const EVER = "2000-01-01T00:00:00Z";
/** Questions for one listing: the other side gives the cards piece by piece (3801). */
const MAX_PAGES = 100_000;
const MORE = "3801";
/** No delivery; no card. */
const EMPTY = ["9803", "9804"];

export function createHistory(parts: Parts): History {
  return {
    list: (cursor, signal) => listFetched(parts, cursor ?? EVER, signal),
    read: (id, signal) => readAgain(parts, id, signal),
    raw: async (id, signal) => {
      const { source } = await fetchAgain(parts, id, signal).then(
        ({ answer }): Kept => answer,
        (error: unknown) => {
          if (error instanceof UnreadableAnswer) return error.kept;
          throw error;
        },
      );
      return Readable.from(source.open(), { objectMode: false });
    },
  };
}

/** A cursor is the time of a card's last change, as the intermediary wrote it: pages begin with that time. */
async function* listFetched(
  parts: Parts,
  start: string,
  signal: AbortSignal,
): AsyncGenerator<HistoryEntry> {
  let since = start;
  let known: ReadonlySet<string> = new Set();
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { cards, more } = await fetchPage(parts, since, signal);
    const fresh = cards.filter(({ messageId }) => !known.has(messageId));
    for (const card of fresh) if (await isPast(parts, card)) yield entryOf(parts, card);
    if (!more) return;
    const last = cards.reduce<ProcessCard | undefined>(
      (newest, card) => (changedAt(card) >= changedAt(newest) ? card : newest),
      undefined,
    );
    if (last === undefined || fresh.length === 0) break;
    since = last.recentModification.text;
    known = new Set(cards.map(({ messageId }) => messageId));
  }
  // Going on would lose what comes after: better nothing than a part that looks like the whole.
  throw new GatewayError(
    "REMOTE_ANSWER_INVALID",
    `the intermediary announces more process cards than it gives, after ${since}`,
  );
}

async function fetchPage(
  { dialogs, home }: Parts,
  since: string,
  signal: AbortSignal,
): Promise<{ readonly cards: readonly ProcessCard[]; readonly more: boolean }> {
  const selection = { kind: "recentModification", since, role: "Addressee" } as const;
  return dialogs.with(home, signal, async (dialog) => {
    const order = { type: "FetchProcessCard", selection } as const;
    const { feedback, cards } = (await dialog.step({ order, moves: "small" })).message;
    if (isEmpty(feedback)) return { cards: [], more: false };
    const refusal = refusalIn(feedback);
    if (refusal !== undefined) throw refusal;
    return { cards, more: feedback !== undefined && hasCode(feedback, MORE) };
  });
}

/** Fetched before, and not by this account: what that took in is here already, or in its quarantine. */
async function isPast(parts: Parts, { messageId, reception }: ProcessCard): Promise<boolean> {
  if (reception === undefined) return false;
  const seen = await readSeen(parts, messageId);
  return seen === undefined || seen.left === true;
}

function entryOf({ context: { account } }: Parts, card: ProcessCard): HistoryEntry {
  const { messageId: id, recentModification } = card;
  const at = timeOf(card.creation, card);
  if (at === undefined)
    throw new GatewayError("REMOTE_ANSWER_INVALID", "a process card does not say when");
  return { id, at, mailbox: account, cursor: recentModification.text };
}

function changedAt(card: ProcessCard | undefined): number {
  return card?.recentModification.at?.getTime() ?? Number.NEGATIVE_INFINITY;
}

async function readAgain(parts: Parts, id: string, signal: AbortSignal): Promise<HistoricLetter> {
  try {
    const { answer, card, proof } = await fetchAgain(parts, id, signal);
    requireSame(answer, id);
    const reading = await interpret(parts, answer, signal);
    const [original, evidence] = [await answer.keep(), await proof.keep()];
    const now = parts.now();
    return await pastLetter({ context: parts.context, now }, { reading, card, original, evidence });
  } catch (cause) {
    // Only an answer that came whole says something about the delivery.
    const ours = cause instanceof ExchangeError && !(cause instanceof UnreadableAnswer);
    if (ours || cause instanceof NotGiven) throw cause;
    throw pastFault(cause, signal);
  }
}

function requireSame(answer: Answer, id: string): void {
  requireWhole(answer);
  if (cardOf(answer).messageId !== id)
    throw new GatewayError("REMOTE_ANSWER_INVALID", "another delivery came than was asked for");
}

class NotGiven extends GatewayError {
  constructor(why: string) {
    super("NOT_FOUND", why);
    this.name = "NotGiven";
  }
}
/** Ends a dialog without another word: not even ExitDialog, which would confirm (facts §1.3). */
class NothingMore extends Error {}

interface Again {
  readonly answer: Answer;
  /** As it is now: the one that comes with a delivery never shows its Reception (facts §4). */
  readonly card: ProcessCard;
  readonly proof: Kept;
}

async function fetchAgain(parts: Parts, id: string, signal: AbortSignal): Promise<Again> {
  const selection = { kind: "messageIds", ids: [id] } as const;
  let again: Again | undefined;
  try {
    await parts.dialogs.with(parts.home, signal, async (dialog) => {
      const proof = await dialog.step({
        order: { type: "FetchProcessCard", selection },
        moves: "small",
      });
      requireDone(proof);
      const card = proof.message.cards.find(({ messageId }) => messageId === id);
      // Fetching it could be what confirms it: that is up to live traffic alone.
      if (card?.reception === undefined) return;
      const answer = await dialog.step({
        order: { type: "FetchDelivery", selection },
        moves: "large",
      });
      if (isEmpty(answer.message.feedback)) return;
      requireDone(answer);
      again = { answer, card, proof };
      throw new NothingMore();
    });
  } catch (error) {
    if (!(error instanceof NothingMore)) throw error;
  }
  if (again !== undefined) return again;
  throw new NotGiven(
    "the intermediary does not give this delivery out again: take it from an archive of the old client",
  );
}

function requireDone({ message: { feedback } }: Answer): void {
  const refusal = isEmpty(feedback) ? undefined : refusalIn(feedback);
  if (refusal !== undefined) throw refusal;
}

function isEmpty(feedback: Feedback | undefined): boolean {
  return feedback !== undefined && EMPTY.some((code) => hasCode(feedback, code));
}
