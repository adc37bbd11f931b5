import type { AcceptOptions } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import type { IncomingMessage } from "../model/message.ts";
import { decideLevel } from "../people/levels.ts";
import { isOwnLetter, levelNotice } from "../people/own-letters.ts";
import type { Acceptance, ConversationDraft } from "../store/store.ts";
import type { InboundDecision } from "../transition/deciding.ts";
import type { AcceptDeps } from "./accept.ts";
import { inboundItem, type Place } from "./inbound-item.ts";
import { digestOfLetter } from "./letter-digest.ts";

/**
 * A letter above the level that its room may show stays in the old mailbox, or in quarantine; a notice with a link takes
 * its place in the room. undefined: it may be shown, or nothing of it would come into a room.
 */
export async function withhold(
  deps: AcceptDeps,
  account: AccountConfig,
  incoming: IncomingMessage,
  where: Extract<InboundDecision, { take: "letter" }>,
  digest: string,
  options: AcceptOptions,
): Promise<readonly [Acceptance, ...Acceptance[]] | undefined> {
  const verdict = decideLevel(incoming, account.levels);
  const comesIn = where.destination === "matrix" || where.copyTo === "matrix";
  if (verdict.show || !comesIn || options.hold || isOwnLetter(incoming.sourceId)) return undefined;
  const reader = options.legacyReader ?? deps.legacyReaderOf?.(account) ?? "none";
  const known = await deps.store.messageBySource(account.name, incoming.sourceId);
  const forwards = verdict.above === "notice" && reader === "forward";
  const destination = known?.destination ?? (forwards ? "legacy" : where.destination);
  // As if somebody had said so before: the letter counts where it is, it is no copy.
  const decision = destination === where.destination ? where.decision : undefined;
  const hold = { code: "LEVEL_UNAVAILABLE", detail: verdict.detail } as const;
  const place = { destination, digest, decision };
  const item = inboundItem(account, incoming, place, { ...options, hold }, deps.now());
  const room = await roomOf(deps, item.conversation);
  const first = { ...item, conversation: room };
  if (verdict.above === "hold") return [first];
  const notice = levelNotice(incoming, verdict.link);
  const told: Place = {
    destination: "matrix",
    digest: digestOfLetter(notice),
    decision: undefined,
  };
  return [
    first,
    { ...inboundItem(account, notice, told, {}, deps.now()), conversation: room, receipts: [] },
  ];
}

/** What a withheld letter says of its conversation must not appear as name or rule of the room either. */
async function roomOf(deps: AcceptDeps, draft: ConversationDraft): Promise<ConversationDraft> {
  const known = await deps.store.conversation(draft.id);
  if (known) return known;
  const { subject: _, case: __, ...rest } = draft;
  return rest;
}
