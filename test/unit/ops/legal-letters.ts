import type { Store } from "../../../src/store/store.ts";
import { deliverHead, leaseOf, letter } from "../../support/stores.ts";

/** Ids of letters whose legal clock stands differently; all of account `first`. */
export interface LegalLetters {
  /** § 9 OZG, delivered at T0: deemed. */
  readonly deemed: string;
  /** Its copy for the old mailbox: has no clock. */
  readonly copy: string;
  /** § 41 Abs. 2a VwVfG, delivered, not retrieved. */
  readonly waiting: string;
  /** § 9 OZG, not delivered. */
  readonly pending: string;
  /** A legal basis that the table does not know, delivered. */
  readonly foreign: string;
  /** Without a legal basis, decided by no plan. */
  readonly plain: string;
}

export async function acceptLegalLetters(store: Store, at: Date): Promise<LegalLetters> {
  const decision = { phase: "matrix-first", rule: "pilot-nw" } as const;
  const make = (lane: string, legalBasis: string | undefined) =>
    letter({
      ...{ account: "first", conversationId: lane },
      ...(legalBasis === undefined ? {} : { message: { case: { legalBasis } }, decision }),
    });
  const deemed = make("c1", "§ 9 Abs. 1 OZG");
  const copy = letter({
    ...{ account: "first", conversationId: "c1", destination: "legacy", lane: "c1-copy" },
    message: { case: { legalBasis: "§ 9 Abs. 1 OZG" } },
    decision: { ...decision, copyOf: deemed.message.id },
  });
  const waiting = make("c2", "§ 41 Abs. 2a VwVfG");
  const pending = make("c3", "§ 9 OZG");
  const foreign = make("c4", "§ 122 AO");
  const plain = make("c5", undefined);
  await store.accept([deemed, copy], at);
  for (const one of [waiting, pending, foreign, plain]) await store.accept([one], at);
  for (const lane of ["c1-matrix", "c1-copy", "c2-matrix", "c4-matrix", "c5-matrix"])
    await deliverHead(store, await leaseOf(store, lane, { now: at }), at);
  return {
    deemed: deemed.message.id,
    copy: copy.message.id,
    waiting: waiting.message.id,
    pending: pending.message.id,
    foreign: foreign.message.id,
    plain: plain.message.id,
  };
}
