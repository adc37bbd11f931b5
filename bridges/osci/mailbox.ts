import { describeError } from "../../src/model/errors.ts";
import { cardOf, requireWhole } from "./delivery.ts";
import type { OpenDialog } from "./dialogs.ts";
import { UnreadableAnswer, type Answer } from "./exchange.ts";
import { ExchangeError, refusalIn } from "./faults.ts";
import { isLeft, takeIn, UNREADABLE } from "./intake.ts";
import type { Parts } from "./parts.ts";
import { OsciError } from "./wire/errors.ts";
import { hasCode } from "./wire/feedback.ts";
import type { ProcessCard } from "./wire/process-card.ts";
import type { Selection } from "./wire/selection.ts";

/**
 * The way in (facts §1.3): any request after a fetched delivery confirms it. So each is safe here before the next
 * request goes out, and when that fails nothing more is said in the dialog: the delivery comes again in the next one.
 */

/** Deliveries of one dialog; what is left comes with the next one. */
const MAX_IN_DIALOG = 500;
/** An answer that cannot be read comes again with all its bytes: after this time. */
const UNREADABLE_PAUSE_MS = 6 * 3_600_000;
/** More than these are not single bad deliveries. */
const MAX_UNREADABLE = 20;
/** So often the answer may break off before the delivery at the head counts as one that cannot be fetched. */
const MAX_CUTS = 3;
/** No delivery is waiting; no process card, which is the same here. */
const EMPTY = ["9803", "9804"];
const MORE = "3800";
/** More process cards; so often it is asked for the next ones. */
const MORE_CARDS = "3801";
const MAX_PAGES = 60;
/** Everything that was never confirmed. */
const waitingSince = (since: string): Selection => ({
  kind: "recentModification",
  since,
  noReception: true,
  role: "Addressee",
});
const EVER = "2000-01-01T00:00:00Z";

export type Mailbox = ReturnType<typeof createMailbox>;

/**
 * Fetches the oldest first, as they are served. When an answer comes whole and cannot be believed or read, each delivery
 * is fetched by its own id instead, in a dialog of its own: the bad one is kept for the operator, unconfirmed, and does
 * not hold up the others. The same while the old mailbox counts (phases observe, mirror): each is read once and stays
 * unconfirmed for its reader there.
 */
export function createMailbox(parts: Parts) {
  /** By message id: when it may be tried again, milliseconds. */
  const unreadable = new Map<string, number>();
  /** Read here, and waiting there for their reader. */
  const left = new Set<string>();
  /** Answers to FetchDelivery that broke off, in a row: too large, maybe, or the network. */
  let cuts = 0;

  async function oneByOne(signal: AbortSignal): Promise<void> {
    const ids = await listWaiting(parts, signal);
    for (const id of unreadable.keys()) if (!ids.includes(id)) unreadable.delete(id);
    for (const id of left) if (!ids.includes(id)) left.delete(id);
    for (const id of ids) {
      const now = parts.now().getTime();
      if (now < (unreadable.get(id) ?? 0) || left.has(id)) continue;
      const result = await fetchById(parts, id, signal);
      if (result === "left") left.add(id);
      else if (result === "taken") unreadable.delete(id);
      else {
        unreadable.set(id, now + UNREADABLE_PAUSE_MS);
        if (unreadable.size > MAX_UNREADABLE) throw result;
      }
    }
  }

  return {
    /** Empties the mailbox. Throws ExchangeError, and what the store throws. */
    async collect(signal: AbortSignal): Promise<void> {
      const { phase } = parts.context;
      if (phase === "off" || phase === "drain") return;
      if (unreadable.size + left.size > 0) return oneByOne(signal);
      try {
        await parts.dialogs.with(parts.home, signal, (dialog) => empty(parts, dialog, signal));
        cuts = 0;
      } catch (error) {
        if (error instanceof LeftUnconfirmed) return oneByOne(signal);
        if (!isBad(error)) throw error;
        cuts += 1;
        if (!(error instanceof UnreadableAnswer) && cuts < MAX_CUTS) throw error;
        const { account, log } = parts.context;
        log.warn({ account, error: describeError(error) }, "osci-answer-unreadable");
        await oneByOne(signal);
        cuts = 0;
      }
    },
  };
}

/** In a dialog of its own. An ExchangeError: this delivery cannot be read. Throws what says nothing about it. */
async function fetchById(
  parts: Parts,
  id: string,
  signal: AbortSignal,
): Promise<"taken" | "left" | ExchangeError> {
  if (await isLeft(parts, id)) return "left";
  const selection = { kind: "messageIds", ids: [id] } as const;
  try {
    await parts.dialogs.with(parts.home, signal, (dialog) =>
      takeNext(parts, dialog, signal, selection),
    );
    return "taken";
  } catch (error) {
    if (error instanceof LeftUnconfirmed) return "left";
    if (!isBad(error)) throw error;
    await keepUnreadable(parts, id, error);
    return error;
  }
}

/** Ends a dialog without another word, so that what was fetched in it is not confirmed. */
class LeftUnconfirmed extends Error {}

/** It may be this one delivery, and not the intermediary or the way to it. */
function isBad(error: unknown): error is ExchangeError {
  return error instanceof ExchangeError && error.stage === "cut";
}

async function empty(parts: Parts, dialog: OpenDialog, signal: AbortSignal): Promise<void> {
  const { log, account } = parts.context;
  const served = new Set<string>();
  for (let count = 0; count < MAX_IN_DIALOG; count += 1) {
    const answer = await takeNext(parts, dialog, signal, undefined, (sourceId) => {
      if (!served.has(sourceId)) return void served.add(sourceId);
      log.error({ account, sourceId }, "osci-served-again");
      return "stop";
    });
    const { feedback } = answer?.message ?? {};
    if (feedback === undefined || !hasCode(feedback, MORE)) return;
  }
}

/** Fetches one delivery and makes it safe. undefined: nothing is waiting, or `look` said stop. */
async function takeNext(
  parts: Parts,
  dialog: OpenDialog,
  signal: AbortSignal,
  selection?: Selection,
  look: (messageId: string) => "stop" | undefined = () => undefined,
): Promise<Answer | undefined> {
  const { log, account } = parts.context;
  const order = { type: "FetchDelivery", ...(selection && { selection }) } as const;
  const answer = await dialog.step({ order, moves: "large" });
  const { feedback } = answer.message;
  if (feedback !== undefined && EMPTY.some((code) => hasCode(feedback, code))) return undefined;
  const refusal = refusalIn(feedback);
  if (refusal !== undefined) throw refusal;
  const sourceId = idOf(answer);
  if (look(sourceId) === "stop") return undefined;
  const outcome = await takeIn(parts, answer, signal);
  log.debug({ account, sourceId, outcome }, "osci-fetched");
  if (outcome === "left") throw new LeftUnconfirmed(sourceId);
  return answer;
}

/**
 * Which delivery an answer brings. A piece of one (facts §2.6) must not be confirmed: the rest would be lost with it.
 * Throws UnreadableAnswer.
 */
function idOf(answer: Answer): string {
  try {
    requireWhole(answer);
    return cardOf(answer).messageId;
  } catch (error) {
    throw error instanceof OsciError ? new UnreadableAnswer(error, answer) : error;
  }
}

/** Ids of what was never confirmed, the oldest first. */
async function listWaiting(parts: Parts, signal: AbortSignal): Promise<readonly string[]> {
  const found = new Map<string, number>();
  await parts.dialogs.with(parts.home, signal, async (dialog) => {
    let since = EVER;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const order = { type: "FetchProcessCard", selection: waitingSince(since) } as const;
      const { feedback, cards } = (await dialog.step({ order, moves: "small" })).message;
      if (feedback !== undefined && EMPTY.some((code) => hasCode(feedback, code))) return;
      const refusal = refusalIn(feedback);
      if (refusal !== undefined) throw refusal;
      const before = found.size;
      for (const card of cards) found.set(card.messageId, createdAt(card));
      const more = feedback !== undefined && hasCode(feedback, MORE_CARDS);
      const latest = cards
        .map(({ recentModification }) => recentModification.text)
        .sort()
        .at(-1);
      if (!more || found.size === before || latest === undefined) return;
      since = latest;
    }
  });
  return [...found].sort(([, left], [, right]) => left - right).map(([id]) => id);
}

function createdAt({ creation }: ProcessCard): number {
  return (creation?.kind === "plain" ? creation.time.at?.getTime() : undefined) ?? 0;
}

/**
 * It came not whole, or not as an answer of our intermediary, or as none that we can read. It stays unconfirmed there;
 * the operator gets its bytes when there are some.
 */
async function keepUnreadable(parts: Parts, id: string, error: ExchangeError): Promise<void> {
  const { account, log, quarantine } = parts.context;
  const detail = `not confirmed, it stays in the mailbox: ${describeError(error)}`;
  log.error({ account, sourceId: id, error: describeError(error) }, "osci-delivery-not-fetched");
  if (!(error instanceof UnreadableAnswer)) return;
  const original = await error.kept.keep();
  const { code } = error.cause;
  await quarantine({ sourceId: UNREADABLE + id, code, detail, original });
}
