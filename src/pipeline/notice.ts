import { describeError } from "../model/errors.ts";
import { isOwnLetter } from "../people/own-letters.ts";
import { isCopy } from "../transition/phases.ts";
import type { Lease, NoticeResult, StoredMessage, StoredReceipt } from "../store/store.ts";
import type { AttemptDeps, Destination } from "./attempt.ts";
import { nextAttemptAt } from "./backoff.ts";
import { passPoint } from "./fault-points.ts";

export interface NoticeDeps extends AttemptDeps {
  /** The bridge a letter came from. undefined: the account is off or no longer configured; the notice waits. */
  origin(letter: StoredMessage): Destination | undefined;
}

/** A notice to an account that is off is looked at again after this time, milliseconds. */
const ACCOUNT_OFF_PAUSE = 60_000;

/** Tells the origin of a letter which stage it reached. false: somebody else has the lane now. */
export async function tellOrigin(
  deps: NoticeDeps,
  lease: Lease,
  notice: StoredReceipt,
  letter: StoredMessage,
  signal: AbortSignal,
): Promise<boolean> {
  const result = await tell(deps, notice, letter, signal);
  passPoint("after-notify");
  return deps.store.settleNotice(lease, notice, result, deps.now());
}

async function tell(
  deps: NoticeDeps,
  notice: StoredReceipt,
  letter: StoredMessage,
  signal: AbortSignal,
): Promise<NoticeResult> {
  // What became of a copy, or of a letter that the gateway itself wrote, is nobody's matter but ours: the sender hears of the letter itself, and only once.
  if (isCopy(letter) || isOwnLetter(letter.message.sourceId)) return { outcome: "not-wanted" };
  const origin = deps.origin(letter);
  if (!origin) {
    const nextAt = new Date(deps.now().getTime() + ACCOUNT_OFF_PAUSE);
    return { outcome: "retry", nextAt, detail: "the account is switched off or not configured" };
  }
  if (!origin.bridge.notify) return { outcome: "not-wanted" };
  const limited = AbortSignal.any([signal, AbortSignal.timeout(deps.policy.attemptTimeout)]);
  try {
    return { outcome: await origin.bridge.notify(letter.message, notice, limited) };
  } catch (error) {
    const detail = describeError(error);
    const now = deps.now().getTime();
    const tries = { n: notice.noticeAttempts + 1, firstAttemptAt: notice.recordedAt.getTime() };
    const at = nextAttemptAt(deps.policy, tries, now, deps.random());
    deps.log.warn({ id: letter.message.id, kind: notice.kind, error: detail }, "notice-failed");
    return at === undefined
      ? { outcome: "gave-up", detail }
      : { outcome: "retry", nextAt: new Date(at), detail };
  }
}
