import type { Log, Report } from "../bridge/contract.ts";
import { GatewayError } from "../model/errors.ts";
import type { Store, StoredMessage } from "../store/store.ts";

export interface ReportDeps {
  readonly store: Store;
  readonly log: Log;
  readonly now: () => Date;
  ring(lane: string): void;
}

/**
 * Late evidence about a letter: recorded once per kind, then the letter's origin is told if the rank is the highest so
 * far. `account` undefined: from the homeserver, which speaks for all. Throws NOT_FOUND for a letter that is not the
 * account's own: one tenant can never touch another's letters.
 */
export async function reportReceipt(
  deps: ReportDeps,
  account: string | undefined,
  report: Report,
): Promise<void> {
  const letter = await findTarget(deps.store, account, report.target);
  if (!letter || (account !== undefined && letter.message.account !== account)) {
    throw new GatewayError("NOT_FOUND", `no letter for receipt ${report.kind}`);
  }
  const { target: _, ...receipt } = report;
  const isNew = await deps.store.addReceipt(letter.message.id, receipt, deps.now());
  if (!isNew) return;
  deps.ring(letter.originLane);
  const fields = { id: letter.message.id, account: letter.message.account, kind: receipt.kind };
  deps.log.info(fields, "receipt-recorded");
}

function findTarget(
  store: Store,
  account: string | undefined,
  target: Report["target"],
): Promise<StoredMessage | undefined> {
  if ("id" in target) return store.message(target.id);
  return store.messageByRemote(account, target.remoteId);
}
