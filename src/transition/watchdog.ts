import { z } from "zod";
import type { Log } from "../bridge/contract.ts";
import type { Message } from "../model/message.ts";
import type { Store } from "../store/store.ts";
import { addDays, dayOf } from "./berlin.ts";
import { legalClock, type ClockOptions } from "./legal-clock.ts";
import { clockOfLetter } from "./letter-clock.ts";

/**
 * Letters that count as notified only when they are retrieved within some days (§ 41 Abs. 2a VwVfG: ten; bundid-fink.md
 * §5, L8). Whoever lets them pass has to notify again or otherwise, so somebody has to hear of it.
 */
export interface WatchdogDeps {
  readonly store: Pick<
    Store,
    "trace" | "listFacts" | "putFact" | "claimFact" | "removeFact" | "appendAudit"
  >;
  readonly log: Log;
  readonly options: ClockOptions;
  readonly now: () => Date;
  /** How many letters stand where, by account. */
  count(figures: readonly WatchFigure[]): void;
}
export interface WatchFigure {
  readonly account: string;
  /** waits: may still be retrieved. due: until tomorrow at the latest. over: not notified. */
  readonly state: "waits" | "due" | "over";
  readonly count: number;
}

/** Facts: letter id → what is known of it. A letter leaves when it is retrieved, or was over for long. */
const SCOPE = "not-retrieved";
const PAGE = 1_000;
const DUE_DAYS = 1;
/** So long an overdue letter stays in the figures, days. */
const SHOWN_DAYS = 90;
export const WATCHDOG_MS = 600_000;

const watchedSchema = z.object({ account: z.string(), told: z.iso.datetime().optional() });

/** Has to be called before the letter is handed over: what is delivered is watched, whatever happens then. */
export async function watchLetter(
  { store, options, now }: Pick<WatchdogDeps, "store" | "options" | "now">,
  { id, account, case: matter }: Pick<Message, "id" | "account" | "case">,
): Promise<void> {
  const legalBasis = matter?.legalBasis;
  if (legalBasis === undefined) return;
  const available = [{ side: "matrix", at: now() }] as const;
  const facts = { legalBasis, side: "matrix", available, retrieved: [] } as const;
  const clock = legalClock(facts, options, now());
  if (clock.state === "waits" && clock.until !== undefined)
    await store.claimFact(SCOPE, id, JSON.stringify({ account }));
}

/** Looks at every watched letter: logged and audited once when its days are over. */
export async function lookAtWatched(deps: WatchdogDeps): Promise<void> {
  const figures = new Map<string, WatchFigure & { count: number }>();
  for (let after: string | undefined; ;) {
    const page = await deps.store.listFacts(SCOPE, "", {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { key: id, value } of page) {
      const { account, told } = watchedSchema.parse(JSON.parse(value));
      const state = await lookAt(deps, id, account, told);
      if (state === undefined) continue;
      const key = `${state} ${account}`;
      const figure = figures.get(key) ?? { account, state, count: 0 };
      figure.count += 1;
      figures.set(key, figure);
    }
    after = page.at(-1)?.key;
    if (page.length < PAGE) break;
  }
  deps.count([...figures.values()]);
}

/** undefined: it needs no watching any more. */
async function lookAt(
  { store, options, log, now }: WatchdogDeps,
  id: string,
  account: string,
  told: string | undefined,
): Promise<WatchFigure["state"] | undefined> {
  const trace = await store.trace(id);
  const clock = trace && clockOfLetter(trace.stored, trace.receipts, options, now());
  const today = dayOf(now());
  if (clock?.state === "waits" && clock.until !== undefined)
    return addDays(today, DUE_DAYS) >= clock.until ? "due" : "waits";
  // Not delivered yet, or waiting to be sent again.
  if (clock?.state === "not-started") return "waits";
  if (clock?.state !== "not-notified" || today > addDays(clock.since, SHOWN_DAYS)) {
    await store.removeFact(SCOPE, id);
    return undefined;
  }
  if (told === undefined) {
    const { since, rule } = clock;
    const entry = { actor: "gateway", action: "letter-not-notified", subject: id };
    await store.appendAudit({ ...entry, detail: { account, since, basis: rule.basis } }, now());
    log.warn({ account, id, since, basis: rule.basis }, "letter-not-notified");
    await store.putFact(SCOPE, id, JSON.stringify({ account, told: now().toISOString() }));
  }
  return "over";
}
