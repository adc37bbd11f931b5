import { DeliveryError } from "../../../src/model/errors.ts";
import type { SoapAnswer } from "./envelope.ts";
import type { BspReceipt } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import { statusOfFault } from "./names.ts";
import type { Operation } from "./names.ts";
import { readOkkommAnswer } from "./okkomm.ts";
import { httpRuleOf, resultOf } from "./profile.ts";
import type { OutcomeRule, Profile } from "./profile.ts";
import { parseReceipt } from "./quittung.ts";

/** What an answer of a mailbox node means for a letter (bundid-fink.md §1.6, §1.7, §7.8). */
export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: Buffer;
  /** false: it broke off, or it was too long. */
  readonly complete: boolean;
  /** false: it came before our letter had left completely. */
  readonly afterRequest: boolean;
}

/** A letter that was refused with a code of table 9006. */
export class RefusedLetter extends DeliveryError {
  readonly status: string;
  constructor(status: string, hints: string | undefined, profile: Profile) {
    const { fault, code, text } = resultOf(status, profile);
    // What the node says may quote the letter: its author gets to read it, no log does.
    const said = printable(hints ?? "");
    const options =
      said === "" ? {} : { notice: `${noticeOf(code)} Hinweis des Postfachs: ${said}` };
    super(fault, code, `refused with ${status} (${text})`, options);
    this.status = status;
  }
}
function noticeOf(code: OutcomeRule["code"]): string {
  return new DeliveryError("permanent", code, "").notice;
}

/**
 * Returns the positive receipt, else throws. A receipt decides; a fault beside it must say the same. What contradicts
 * itself, or breaks off after a success, may have been taken: unknown.
 * @throws DeliveryError
 */
export async function judgeAnswer(
  http: HttpAnswer,
  answer: SoapAnswer | undefined,
  operation: Operation,
  profile: Profile,
): Promise<BspReceipt> {
  if (answer === undefined) throw judgeStatus(http, profile);
  const receipt = await receiptOf(answer, operation, profile);
  const faultStatus = answer.fault && statusOfFault(answer.fault.code);
  if (receipt === undefined) {
    if (answer.fault === undefined) throw notUnderstood("the answer holds no receipt");
    if (faultStatus !== undefined) throw new RefusedLetter(faultStatus, answer.fault.text, profile);
    const { soapFaults } = profile;
    const rule = soapFaults[answer.fault.code] ?? (soapFaults["other"] as OutcomeRule);
    throw new DeliveryError(rule.fault, rule.code, `SOAP fault, HTTP ${http.status}`);
  }
  const positive = receipt.status === profile.accepted;
  if (receipt.accepted !== positive || (positive && answer.fault !== undefined))
    throw notUnderstood("the receipt contradicts itself");
  if (!positive) {
    if (faultStatus !== undefined && faultStatus !== receipt.status)
      throw notUnderstood("fault and receipt say different things");
    throw new RefusedLetter(receipt.status, receipt.hints, profile);
  }
  if (!http.afterRequest) throw notUnderstood("a receipt came before the letter had been sent");
  if (http.status >= 300) throw notUnderstood(`a positive receipt came with HTTP ${http.status}`);
  return receipt;
}

async function receiptOf(
  { payload }: SoapAnswer,
  operation: Operation,
  profile: Profile,
): Promise<BspReceipt | undefined> {
  if (payload === undefined || payload.trim() === "") return undefined;
  try {
    if (operation.name === "sendBspNachrichtNative") return await parseReceipt(payload, profile);
    const answer = await readOkkommAnswer(payload, profile);
    if (answer.receipt !== undefined) return await parseReceipt(answer.receipt, profile);
    const hints = answer.text === undefined ? {} : { hints: answer.text };
    if (answer.ok) return { accepted: true, status: profile.accepted, ...hints };
    // FEHLER that names no code of the table: not taken, but why is not known.
    return { accepted: false, status: answer.status ?? "other", ...hints };
  } catch (cause) {
    if (!(cause instanceof LetterFault)) throw cause;
    throw notUnderstood(`the receipt cannot be read (${cause.message})`, cause);
  }
}

/** An answer without a word in SOAP: its status decides. */
function judgeStatus({ status, retryAfter }: HttpAnswer, profile: Profile): DeliveryError {
  if (status >= 200 && status < 300)
    return notUnderstood(`answered ${status} without a receipt that can be read`);
  const { fault, code } = httpRuleOf(status, profile);
  return new DeliveryError(fault, code, `answered ${status}`, retryOptions(retryAfter));
}

const MAX_RETRY_AFTER_MS = 86_400_000;

function retryOptions(retryAfter: string | undefined): { retryAfterMs?: number } {
  if (retryAfter === undefined || !/^\d{1,9}$/.test(retryAfter)) return {};
  return { retryAfterMs: Math.min(Number(retryAfter) * 1000, MAX_RETRY_AFTER_MS) };
}

function notUnderstood(message: string, cause?: unknown): DeliveryError {
  return new DeliveryError("unknown", "REMOTE_ANSWER_INVALID", message, { cause });
}

/** Foreign text for a human: one line, no control characters, not long. */
export function printable(text: string): string {
  const visible = text.replace(/[^\x20-\x7e\u00a0-\u024f\u2010-\u2027\u20ac]/g, " ");
  return visible.replace(/\s+/g, " ").trim().slice(0, 500);
}
