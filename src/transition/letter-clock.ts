import type { Bridge } from "../bridge/contract.ts";
import type { Detail, Message, Side } from "../model/message.ts";
import type { StoredMessage, StoredReceipt } from "../store/store.ts";
import { clockLine, legalClock, type ClockOptions, type ClockState } from "./legal-clock.ts";
import { isCopy, PHASES } from "./phases.ts";

/**
 * The way into Matrix for one letter: whoever reads it sees from when on it counts as notified. Unchanged for copies and
 * for letters without a rule.
 */
export function showingClock<D extends { readonly bridge: Bridge }>(
  toMatrix: D,
  letter: StoredMessage,
  options: ClockOptions,
  now: Date,
  watch: (message: Message) => Promise<void>,
): D {
  const { message, origin, phase } = letter;
  const counts = !isCopy({ origin, destination: "matrix", ...(phase ? { phase } : {}) });
  const detail = counts ? clockDetail(message, now, options) : undefined;
  if (!detail) return toMatrix;
  const shown = { ...message, details: [...(message.details ?? []), detail] };
  const { bridge } = toMatrix;
  return {
    ...toMatrix,
    bridge: {
      ...bridge,
      deliver: async (_, deliveryId, signal) => {
        await watch(message);
        return bridge.deliver(shown, deliveryId, signal);
      },
      ...(bridge.find
        ? {
            find: (_, deliveryId, signal) =>
              bridge.find?.(shown, deliveryId, signal) ?? Promise.resolve(undefined),
          }
        : {}),
    } satisfies Bridge,
  };
}

/** Receipts that say that the mailbox of the reader has the letter, and that somebody opened it. */
const AVAILABLE = "delivered";
const RETRIEVED = "retrieved";

/**
 * The clock of a stored letter, out of the evidence about it. undefined: it names no legal basis, or it is a copy: then
 * the letter that counts has the clock, and this one never starts a second one. Nor for what was written in Matrix.
 */
export function clockOfLetter(
  { message, origin, destination, phase }: StoredMessage,
  receipts: readonly Pick<StoredReceipt, "kind" | "at">[],
  options: ClockOptions,
  now: Date,
): ClockState | undefined {
  const legalBasis = message.case?.legalBasis;
  if (legalBasis === undefined) return undefined;
  // What is written in Matrix has the legal basis of its case; whether it is a decision at all, nobody here can tell.
  if (origin === "matrix") return undefined;
  if (isCopy({ origin, destination, ...(phase ? { phase } : {}) })) return undefined;
  const side = clockSide({ destination, ...(phase ? { phase } : {}) });
  const events = (kind: string) =>
    receipts
      .filter((receipt) => receipt.kind === kind)
      .map(({ at }) => ({ side: destination, at }));
  const facts = {
    ...{ legalBasis, side },
    available: events(AVAILABLE),
    retrieved: events(RETRIEVED),
  };
  return legalClock(facts, options, now);
}

/** The side whose times count. What was decided before there were phases counts where it went. */
export function clockSide({
  destination,
  phase,
}: Pick<StoredMessage, "destination" | "phase">): Side {
  return (phase && PHASES[phase].clock) ?? destination;
}

/**
 * What stands beside a letter in the room when it is handed over at this moment. A rule that counts from the retrieval
 * says until when; the day itself is shown where the evidence is (`plan explain --message`).
 */
export function clockDetail(
  message: Pick<Message, "case">,
  availableAt: Date,
  options: ClockOptions,
): Detail | undefined {
  const legalBasis = message.case?.legalBasis;
  if (legalBasis === undefined) return undefined;
  const available = [{ side: "matrix", at: availableAt }] as const;
  const facts = { legalBasis, side: "matrix", available, retrieved: [] } as const;
  const value = clockLine(legalClock(facts, options, availableAt));
  return value === undefined ? undefined : { label: "Bekanntgabe", value };
}
