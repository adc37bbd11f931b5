import { isHistory } from "../model/history.ts";
import { digestOf } from "../model/id.ts";
import { MESSAGE_STATES, UNFINISHED } from "../model/state.ts";
import { GatewayError } from "../model/errors.ts";
import type { LetterOutline, Store } from "../store/store.ts";
import { activePlanOf } from "./active.ts";
import { isBraked } from "./cohorts.ts";
import { accountIn } from "./plan.ts";

/** Proof that nothing is left of an account, or what is. */
export interface ClosingReport {
  readonly account: string;
  readonly at: Date;
  readonly phase: string;
  readonly plan: { readonly seq: number; readonly id: string };
  /** Nothing that blocks is left. */
  readonly closed: boolean;
  readonly left: readonly Left[];
  readonly letters: {
    readonly total: number;
    readonly copies: number;
    /** Of the past, moved by `migrate`. */
    readonly history: number;
    readonly byState: Readonly<Record<string, number>>;
    readonly first?: Date;
    readonly last?: Date;
    /** Over id, content digest and state of every letter, in the order of acceptance. */
    readonly digest: string;
  };
  readonly audit: { readonly whole: boolean; readonly entries: number; readonly head: string };
}
/** block: the account cannot be closed. look: no letter hangs on it, but somebody should have seen it. */
export interface Left {
  readonly kind: "block" | "look";
  readonly what: string;
  readonly count: number;
  readonly next: string;
}

const PAGE = 1_000;
const MAX_QUARANTINE = 1_000;
const END_OF_TIME = new Date(8_640_000_000_000_000);

/** Throws NOT_FOUND for an account that no plan knows. `configuredLinks`: those of the file. */
export async function closingReport(
  store: Store,
  account: string,
  configuredLinks: number,
  now: Date,
): Promise<ClosingReport> {
  const newest = await store.newestPlan();
  const active = newest && activePlanOf(newest);
  const planned = active && accountIn(active.plan, account);
  if (!active || !planned)
    throw new GatewayError("NOT_FOUND", `there is no account ${account} in the plan in force`);
  const letters = await readLetters(store, account);
  const left = [
    ...ofPhase(planned.phase),
    ...ofLetters(letters.byState),
    ...(await ofRest(store, account, configuredLinks)),
  ].filter(({ count }) => count > 0);
  const broken = await store.verifyAudit();
  const [head] = await store.listAudit({ limit: 1 });
  return {
    ...{ account, at: now, phase: planned.phase, left },
    plan: { seq: active.seq, id: active.planId },
    closed: left.every(({ kind }) => kind !== "block") && broken === undefined,
    letters,
    audit: { whole: broken === undefined, entries: head?.seq ?? 0, head: head?.hash ?? "" },
  };
}

/** What the closing report itself is known by; kept in the audit log. */
export function reportDigest(report: ClosingReport): string {
  return digestOf("closing", JSON.stringify(report));
}

function ofPhase(phase: ClosingReport["phase"]): Left[] {
  const isStill = isBraked({ phase: phase as Parameters<typeof isBraked>[0]["phase"] });
  const what = `the account is in phase ${phase} and may take letters`;
  return [
    { kind: "block", what, count: isStill ? 0 : 1, next: "set it to drain, then `plan apply`" },
  ];
}

function ofLetters(byState: Readonly<Record<string, number>>): Left[] {
  const next = {
    unknown: "ask the other side, then `resolve`",
    held: "`quarantine release` or `reject`",
  } as Record<string, string>;
  return [
    ...UNFINISHED.map((state) => ({
      kind: "block" as const,
      what: `letters ${state}`,
      count: byState[state] ?? 0,
      next: next[state] ?? "wait, or find out why with `list`",
    })),
    {
      kind: "look",
      what: "letters failed for good",
      count: byState["failed"] ?? 0,
      next: "their senders were told; `resend` those that shall still go",
    },
  ];
}

async function ofRest(store: Store, account: string, configuredLinks: number): Promise<Left[]> {
  const open = await store.listQuarantine({ account, state: "open", limit: MAX_QUARANTINE });
  const rest = await store.leftovers(account);
  const block = (what: string, count: number, next: string): Left => ({
    ...{ kind: "block", what, count, next },
  });
  const look = (what: string, count: number, next: string): Left => ({
    ...{ kind: "look", what, count, next },
  });
  return [
    block("items in quarantine", open.length, "`quarantine list`"),
    block("receipts not told to the sender", rest.noticesDue, "wait, or find out why with `trace`"),
    block("Matrix events not taken in", rest.eventsOpen, "wait; `run` takes them in"),
    block(
      "letters only counted, never acknowledged",
      rest.sightings,
      "make sure that their readers fetched them in the old mailbox",
    ),
    look(
      "letters mirrored from the old mailbox and never acknowledged by us",
      rest.mirrored,
      "make sure that their readers fetched them in the old mailbox",
    ),
    look("links in the database", rest.links, "`links remove`, or leave them to the history"),
    look("links in the configuration", configuredLinks, "remove them with the account"),
    look("records of the bridge", rest.records, "nothing, when all letters above are finished"),
  ];
}

async function readLetters(store: Store, account: string): Promise<ClosingReport["letters"]> {
  const byState: Record<string, number> = Object.fromEntries(MESSAGE_STATES.map((it) => [it, 0]));
  const span = { account, since: new Date(0), until: END_OF_TIME };
  let digest = digestOf("letters", account);
  let [total, copies, history] = [0, 0, 0];
  let first: LetterOutline | undefined;
  let last: LetterOutline | undefined;
  for (;;) {
    const page = await store.listOutlines(span, { after: last?.seq ?? 0, limit: PAGE });
    for (const letter of page) {
      total += 1;
      copies += letter.copyOf === undefined ? 0 : 1;
      history += isHistory(letter) ? 1 : 0;
      byState[letter.state] = (byState[letter.state] ?? 0) + 1;
      digest = digestOf(digest, letter.id, letter.digest, letter.state);
    }
    first ??= page[0];
    last = page.at(-1) ?? last;
    if (page.length < PAGE) break;
  }
  return {
    ...{ total, copies, history, byState, digest },
    ...(first && last ? { first: first.acceptedAt, last: last.acceptedAt } : {}),
  };
}
