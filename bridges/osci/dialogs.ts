import { describeError } from "../../src/model/errors.ts";
import { exchangeWith, type Answer, type Line, type Outgoing, type Station } from "./exchange.ts";
import { refusalIn } from "./faults.ts";
import {
  dropped,
  explicitDialog,
  implicitDialog,
  newChallenge,
  nextRequest,
  type Dialog,
} from "./wire/dialog.ts";

/** An open dialog. After a step that threw nothing more can be sent in it. */
export interface OpenDialog {
  /** Throws ExchangeError. The feedback is not judged here. */
  step(outgoing: Outgoing): Promise<Answer>;
}

/** One request outside of any dialog. Throws ExchangeError; the feedback is not judged here. */
export function askOnce(
  line: Line,
  station: Station,
  outgoing: Outgoing,
  signal: AbortSignal,
): Promise<Answer> {
  const exchange = nextRequest(implicitDialog(), requestOf(outgoing), newChallenge());
  return exchangeWith(line, station, exchange, outgoing, signal);
}

export type Dialogs = ReturnType<typeof createDialogs>;

/** Explicit dialogs with intermediaries: one at a time for each, as the mailbox there is one (facts §7.5). */
export function createDialogs(line: Line) {
  const tails = new Map<string, Promise<unknown>>();

  /**
   * Opens a dialog, lets `work` use it, closes it. When `work` throws, not even ExitDialog is sent: any further request
   * would confirm the delivery that was fetched last (facts §1.3).
   */
  async function talk<T>(
    station: Station,
    signal: AbortSignal,
    work: (dialog: OpenDialog) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    let state: Dialog = explicitDialog();
    const step = async (outgoing: Outgoing): Promise<Answer> => {
      const exchange = nextRequest(state, requestOf(outgoing), newChallenge());
      state = dropped(state);
      const answer = await exchangeWith(line, station, exchange, outgoing, signal);
      state = answer.dialog;
      return answer;
    };
    const opened = await step({ order: { type: "InitDialog" }, moves: "small" });
    const refusal = refusalIn(opened.message.feedback);
    if (refusal !== undefined) throw refusal;
    const result = await work({ step });
    // What was asked for is safe already; a dialog that is not closed runs out by itself.
    await step({ order: { type: "ExitDialog" }, moves: "small" }).catch((error: unknown) => {
      const { account, log } = line.context;
      log.warn({ account, error: describeError(error) }, "osci-dialog-not-closed");
    });
    return result;
  }

  return {
    /** Waits for the dialog before it at the same intermediary. Throws ExchangeError and what `work` throws. */
    with<T>(
      station: Station,
      signal: AbortSignal,
      work: (dialog: OpenDialog) => Promise<T>,
    ): Promise<T> {
      const before = tails.get(station.url) ?? Promise.resolve();
      const turn = untilAborted(before, signal).then(() => talk(station, signal, work));
      const tail = Promise.allSettled([before, turn]);
      tails.set(station.url, tail);
      void tail.then(() => {
        if (tails.get(station.url) === tail) tails.delete(station.url);
      });
      return turn;
    },
  };
}

/** Waits; throws the signal's reason as soon as it is aborted. */
async function untilAborted(before: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason as Error);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([before, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The orders that this bridge sends are requests, all of them. */
function requestOf({ order: { type } }: Outgoing) {
  switch (type) {
    case "InitDialog":
    case "GetMessageId":
    case "ExitDialog":
    case "StoreDelivery":
    case "FetchDelivery":
    case "FetchProcessCard":
      return type;
    default:
      throw new Error(`a client does not send ${type}`);
  }
}
