import { DeliveryError, GatewayError, type ErrorCode, type Fault } from "../../src/model/errors.ts";
import { meaningOf } from "./wire/codes.ts";
import type { Feedback } from "./wire/feedback.ts";

/**
 * Why one exchange with an intermediary did not end well.
 *
 * - not-sent: not one byte of the request left.
 * - cut: it may have arrived; there is no answer, or none that can be believed.
 * - fault: a SOAP fault. Nobody signs those, so it proves nothing (facts §2.8, §3.1).
 * - refused: a signed answer says that the order took no effect.
 */
export class ExchangeError extends GatewayError {
  readonly stage: "not-sent" | "cut" | "fault" | "refused";
  readonly osciCode: string | undefined;
  constructor(
    stage: ExchangeError["stage"],
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; osciCode?: string } = {},
  ) {
    super(code, message, "cause" in options ? { cause: options.cause } : {});
    this.name = "ExchangeError";
    this.stage = stage;
    this.osciCode = options.osciCode;
  }
}

interface Rule {
  readonly fault: Fault;
  readonly code: ErrorCode;
  readonly notice?: string;
}
const LATER: Rule = { fault: "transient", code: "REMOTE_UNAVAILABLE" };
/** Our keys, certificates or their clock: letters wait until an operator has put it right. */
const OUR_KEYS: Rule = { fault: "transient", code: "AUTH_REFUSED" };
const OUR_FAULT: Rule = { fault: "permanent", code: "LETTER_INVALID" };
const THEIR_KEY: Rule = {
  fault: "permanent",
  code: "CERTIFICATE_INVALID",
  notice:
    "Das Zertifikat des Empfängerpostfachs ist ungültig oder gesperrt; das Schreiben wurde nicht angenommen.",
};
const REACHED: Rule = { fault: "unknown", code: "OUTCOME_UNKNOWN" };

/** What a refusal of StoreDelivery means (facts §2.8). Every code from 9000 on that is missing here: later. */
const RULES: Readonly<Record<string, Rule>> = {
  "9000": LATER,
  "9100": OUR_FAULT,
  "9200": OUR_KEYS,
  "9201": OUR_KEYS,
  "9202": OUR_KEYS,
  "9300": OUR_FAULT,
  "9400": LATER,
  "9500": OUR_KEYS,
  "9501": OUR_KEYS,
  "9502": OUR_KEYS,
  "9503": LATER,
  "9600": OUR_KEYS,
  "9601": OUR_KEYS,
  "9602": OUR_KEYS,
  "9603": LATER,
  "9700": OUR_KEYS,
  "9701": OUR_KEYS,
  "9704": OUR_KEYS,
  "9705": OUR_KEYS,
  "9706": THEIR_KEY,
  "9707": THEIR_KEY,
  "9708": THEIR_KEY,
  "9709": THEIR_KEY,
  "9710": LATER,
  "9711": THEIR_KEY,
  "9712": THEIR_KEY,
  "9800": OUR_FAULT,
  "9801": LATER,
  "9802": LATER,
  "9805": { fault: "permanent", code: "CONTENT_REJECTED" },
  // Of a passive recipient behind the intermediary: it may have the letter.
  "9806": REACHED,
  "9807": REACHED,
  "9808": REACHED,
  "9809": LATER,
  "9810": REACHED,
  "9811": LATER,
  "9900": OUR_FAULT,
  "9901": OUR_FAULT,
  "9902": OUR_FAULT,
  "9903": OUR_FAULT,
  "9904": {
    fault: "permanent",
    code: "ATTACHMENT_REJECTED",
    notice: "Das Schreiben ist mit seinen Anlagen zu groß für das Empfangssystem.",
  },
  "9905": OUR_FAULT,
};

/** The first entry that refuses; undefined when the order took effect, with or without a remark (facts §7.5). */
export function refusalIn(feedback: Feedback | undefined): ExchangeError | undefined {
  const entry = feedback?.entries.find(({ outcome }) => outcome === "refused");
  if (entry === undefined) return undefined;
  const { code } = entry;
  return new ExchangeError("refused", ruleOf(code).code, `${code}: ${meaningOf(code)}`, {
    osciCode: code,
  });
}

export function faultError(code: string): ExchangeError {
  const known = /^\d{4}$/.test(code) ? code : "no code";
  return new ExchangeError("fault", ruleOf(known).code, `fault ${known}: ${meaningOf(known)}`, {
    osciCode: known,
  });
}

function ruleOf(code: string): Rule {
  return Object.hasOwn(RULES, code) ? (RULES[code] ?? LATER) : LATER;
}

/**
 * As what `deliver` ends. `storing`: StoreDelivery may have left. A fault is never permanent, for anybody on the way can
 * write one; the retry carries the same message id, which the intermediary takes only once.
 */
export function asDeliveryError(error: unknown, storing: boolean): DeliveryError {
  if (error instanceof DeliveryError) return error;
  const cause = error;
  if (!(error instanceof ExchangeError)) return ownFault(error, storing);
  const { stage, code, message } = error;
  if (stage === "not-sent") return new DeliveryError("transient", code, message, { cause });
  const rule = ruleOf(error.osciCode ?? "");
  if (stage === "cut" || (stage === "refused" && rule.fault === "unknown"))
    return storing
      ? new DeliveryError("unknown", "OUTCOME_UNKNOWN", message, { cause })
      : new DeliveryError("transient", code, message, { cause });
  const fault = stage === "refused" && storing ? rule.fault : "transient";
  const notice = rule.notice === undefined || fault !== "permanent" ? {} : { notice: rule.notice };
  return new DeliveryError(fault, code, message, { cause, ...notice });
}

/** Faults on our side while the letter is put together; the codes of the first list are the letter's own. */
const LETTERS_OWN: readonly ErrorCode[] = [
  "CONTENT_REJECTED",
  "CONTENT_UNSUPPORTED",
  "ATTACHMENT_REJECTED",
  "ATTACHMENT_MISSING",
  "LETTER_INVALID",
];
function ownFault(error: unknown, storing: boolean): DeliveryError {
  const code = error instanceof GatewayError ? error.code : "INTERNAL";
  const message = error instanceof Error ? error.message : String(error);
  if (storing) return new DeliveryError("unknown", "OUTCOME_UNKNOWN", message, { cause: error });
  const fault = LETTERS_OWN.includes(code) ? "permanent" : "transient";
  return new DeliveryError(fault, code, message, { cause: error });
}
