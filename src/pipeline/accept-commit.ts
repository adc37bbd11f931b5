import type { Accepted } from "../bridge/contract.ts";
import type { Acceptance } from "../store/store.ts";
import { isCopy } from "../transition/phases.ts";
import type { AcceptDeps } from "./accept.ts";
import { passPoint } from "./fault-points.ts";

/** A letter, maybe with its copy behind it: both or none. */
export async function commit(
  deps: AcceptDeps,
  items: readonly [Acceptance, ...Acceptance[]],
): Promise<Accepted | "redecide"> {
  const [{ message, origin, originLane }] = items;
  passPoint("before-accept-commit");
  const [result] = await deps.store.accept(items, deps.now());
  passPoint("after-accept-commit");
  if (!result) throw new Error("the store answered nothing to accept");
  const { outcome, id, destination, phase } = result;
  if (outcome === "redecide") return outcome;
  for (const { lane } of items) deps.ring(lane);
  if (origin === "matrix") deps.ring(originLane);
  const fields = { account: message.account, origin, id, sourceId: message.sourceId };
  if (outcome === "conflict") deps.log.error(fields, "same-id-other-content");
  else deps.log.info({ ...fields, destination, ...(phase ? { phase } : {}) }, `letter-${outcome}`);
  const isCopied = isCopy({ origin, destination, ...(phase ? { phase } : {}) });
  return {
    ...{ outcome, id },
    ...(isCopied ? { acknowledge: false } : {}),
    ...(origin === "legacy" && destination === "legacy" ? { primary: "legacy" } : {}),
  };
}
