import type { Bridge, Capabilities, Delivery, Log } from "../bridge/contract.ts";
import type { DeliveryConfig } from "../config/schema.ts";
import { DeliveryError, describeError, noticeFor } from "../model/errors.ts";
import type { Receipt } from "../model/receipt.ts";
import type { Attempt, Lease, Settlement, Store, StoredMessage } from "../store/store.ts";
import { nextAttemptAt } from "./backoff.ts";
import { passPoint } from "./fault-points.ts";

/** Pause before the other side is asked about an unknown outcome, and between two questions, milliseconds. */
const ASK_FIRST = 5_000;
const ASK_AGAIN = 60_000;
/** A letter to an account that is switched off waits and is looked at again after this time, milliseconds. */
const ACCOUNT_OFF_PAUSE = 60_000;

/** Where a letter goes: the bridge of its account, or Matrix. */
export interface Destination {
  readonly bridge: Bridge;
  readonly capabilities: Capabilities;
}

export interface AttemptDeps {
  readonly store: Store;
  readonly log: Log;
  readonly policy: DeliveryConfig;
  readonly now: () => Date;
  readonly random: () => number;
  /** undefined: the account is off or no longer configured; the letter waits. */
  destination(letter: StoredMessage): Destination | undefined;
  observe(letter: StoredMessage, outcome: Settlement["outcome"], seconds: number): void;
}

/** One try at the head letter of a lane. false: somebody else has the lane now, stop here. */
export async function attemptLetter(
  deps: AttemptDeps,
  lease: Lease,
  letter: StoredMessage,
  signal: AbortSignal,
): Promise<boolean> {
  const destination = deps.destination(letter);
  if (letter.state === "sending") return recoverCut(deps, lease, letter, destination);
  if (letter.state === "unknown") return askRemote(deps, lease, letter, destination, signal);
  const startedAt = deps.now();
  const attempt = await deps.store.beginAttempt(lease, letter.message.id, startedAt);
  if (!attempt) return false;
  passPoint("after-begin-attempt");
  const settlement = destination
    ? await handOver(deps, destination, letter, attempt, signal)
    : waitForAccount(deps);
  passPoint("after-deliver");
  return finish(deps, lease, letter, settlement, startedAt);
}

async function handOver(
  deps: AttemptDeps,
  destination: Destination,
  letter: StoredMessage,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<Settlement> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(deps.policy.attemptTimeout)]);
  try {
    const delivery = await destination.bridge.deliver(letter.message, attempt.deliveryId, limited);
    return delivered(delivery, deps.now());
  } catch (error) {
    return classify(deps, destination, asDeliveryError(error), attempt);
  }
}

/** What follows from a failed attempt. A fault of ours counts as unknown: we cannot know how far it came. */
function classify(
  deps: AttemptDeps,
  destination: Destination,
  error: DeliveryError,
  attempt: Attempt,
): Settlement {
  const now = deps.now();
  const fault =
    error.fault === "unknown" && destination.capabilities.idempotentDelivery
      ? "transient"
      : error.fault;
  const facts = { code: error.code, detail: describeError(error) };
  if (fault === "permanent") return permanent(facts, error.notice, now);
  if (fault === "unknown") return inDoubt(deps, destination, facts, ASK_FIRST);
  const firstAttemptAt = attempt.firstAttemptAt.getTime();
  const at = nextAttemptAt(
    deps.policy,
    { n: attempt.n, firstAttemptAt, retryAfterMs: error.retryAfterMs },
    now.getTime(),
    deps.random(),
  );
  if (at === undefined) {
    const gaveUp = `gave up after ${attempt.n} attempts; last: ${facts.code}: ${facts.detail}`;
    return permanent(
      { code: "DEADLINE_PASSED", detail: gaveUp },
      noticeFor("DEADLINE_PASSED"),
      now,
    );
  }
  const late = now.getTime() - firstAttemptAt >= deps.policy.delayNotice;
  const receipt: Receipt = { kind: "delayed", at: now, notice: noticeFor("REMOTE_UNAVAILABLE") };
  return { outcome: "transient", ...facts, nextAt: new Date(at), ...(late ? { receipt } : {}) };
}

/** A crash or a lost lease cut an attempt: its outcome is open, unless repeating it can never make a second letter. */
async function recoverCut(
  deps: AttemptDeps,
  lease: Lease,
  letter: StoredMessage,
  destination: Destination | undefined,
): Promise<boolean> {
  const repeatable = destination?.capabilities.idempotentDelivery ?? false;
  const detail = "the attempt was cut before its outcome was recorded";
  const settlement: Settlement = repeatable
    ? { outcome: "absent", detail: `${detail}; repeating is safe` }
    : inDoubt(deps, destination, { code: "OUTCOME_UNKNOWN", detail }, ASK_FIRST);
  return finish(deps, lease, letter, settlement, deps.now());
}

/** Asks the other side about an unknown outcome. Never a silent resend: only a certain "absent" sends it again. */
async function askRemote(
  deps: AttemptDeps,
  lease: Lease,
  letter: StoredMessage,
  destination: Destination | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const startedAt = deps.now();
  const limited = AbortSignal.any([signal, AbortSignal.timeout(deps.policy.attemptTimeout)]);
  const facts = { code: letter.code ?? "OUTCOME_UNKNOWN", detail: letter.detail ?? "" };
  let settlement: Settlement;
  try {
    const { message, deliveryId } = letter;
    const found = await destination?.bridge.find?.(message, deliveryId, limited);
    if (found === "absent")
      settlement = { outcome: "absent", detail: "the other side has not got it" };
    else if (found) settlement = delivered(found, deps.now());
    else settlement = inDoubt(deps, undefined, facts, ASK_AGAIN);
  } catch (error) {
    deps.log.warn({ id: letter.message.id, error: describeError(error) }, "find-failed");
    settlement = inDoubt(deps, destination, facts, ASK_AGAIN);
  }
  return finish(deps, lease, letter, settlement, startedAt);
}

async function finish(
  deps: AttemptDeps,
  lease: Lease,
  letter: StoredMessage,
  settlement: Settlement,
  startedAt: Date,
): Promise<boolean> {
  const at = deps.now();
  const kept = await deps.store.settle(lease, letter.message.id, settlement, at);
  passPoint("after-settle");
  const fields = {
    id: letter.message.id,
    account: letter.message.account,
    destination: letter.destination,
    outcome: settlement.outcome,
    ...("code" in settlement ? { code: settlement.code, detail: settlement.detail } : {}),
  };
  if (!kept) {
    deps.log.warn(fields, "attempt-fenced-out");
    return false;
  }
  deps.observe(letter, settlement.outcome, (at.getTime() - startedAt.getTime()) / 1000);
  if (settlement.outcome === "permanent" || settlement.outcome === "unknown")
    deps.log.error(fields, `letter-${settlement.outcome === "permanent" ? "failed" : "unknown"}`);
  else deps.log.info(fields, `letter-${settlement.outcome}`);
  return true;
}

function delivered(delivery: Delivery, now: Date): Settlement {
  return {
    outcome: "delivered",
    remoteId: delivery.remoteId,
    parts: delivery.parts ?? [],
    receipt: delivery.receipt ?? { kind: "delivered", at: now },
  };
}

function permanent(
  facts: { code: DeliveryError["code"]; detail: string },
  notice: string,
  at: Date,
): Settlement {
  const receipt: Receipt = { kind: "not-delivered", at, notice, detail: facts.code };
  return { outcome: "permanent", ...facts, receipt };
}

function inDoubt(
  deps: AttemptDeps,
  destination: Destination | undefined,
  facts: { code: DeliveryError["code"]; detail: string },
  pause: number,
): Settlement {
  const now = deps.now();
  const receipt: Receipt = { kind: "in-doubt", at: now, notice: noticeFor("OUTCOME_UNKNOWN") };
  const nextAt = destination?.bridge.find ? { nextAt: new Date(now.getTime() + pause) } : {};
  return { outcome: "unknown", ...facts, receipt, ...nextAt };
}

function waitForAccount(deps: AttemptDeps): Settlement {
  return {
    outcome: "transient",
    code: "REMOTE_UNAVAILABLE",
    detail: "the account is switched off or not configured",
    nextAt: new Date(deps.now().getTime() + ACCOUNT_OFF_PAUSE),
  };
}

function asDeliveryError(error: unknown): DeliveryError {
  if (error instanceof DeliveryError) return error;
  return new DeliveryError("unknown", "INTERNAL", describeError(error), { cause: error });
}
