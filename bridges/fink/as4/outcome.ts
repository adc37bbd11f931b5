import { faultOfRequest } from "../../../src/guard/egress-error.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import type { DeliveryErrorOptions, GatewayError } from "../../../src/model/errors.ts";
import { meaningOf, normalCode } from "./codes.ts";
import type { ErrorEntry, SoapFault } from "./envelope-read.ts";

/** What went wrong with a call, in the gateway's words. Pure. */

/** The plug-in refused with its own detail: its transaction is undone, nothing happened. */
export class AccessPointFault extends Error {
  readonly code: string;
  constructor(fault: SoapFault) {
    // Only codes: the texts of the access point quote values of the letter.
    super(`the access point refused with ${normalCode(fault.code ?? "")}`);
    this.name = "AccessPointFault";
    this.code = normalCode(fault.code ?? "");
  }
}

type Kind = "submit" | "safe";
const WAITING_NOTICE = "Die Übermittlung ist zurzeit gestört; es wird weiter versucht.";

/** Only what certainly never left may simply be tried again; a submission that had begun is looked up. */
export function asNetworkFault(cause: unknown, kind: Kind): DeliveryError {
  if (cause instanceof DeliveryError) return cause;
  const fault = faultOfRequest(cause);
  if (kind === "submit" || fault.fault === "transient") return fault;
  return new DeliveryError("transient", "REMOTE_UNAVAILABLE", "the access point did not answer", {
    cause,
  });
}

/** A SOAP fault. Without the plug-in's detail it may come from after the commit; from the sender's side, from before. */
export function judgeFault(fault: SoapFault, kind: Kind): AccessPointFault | DeliveryError {
  if (fault.code !== undefined) return new AccessPointFault(fault);
  if (fault.role === "Sender")
    return new DeliveryError("permanent", "LETTER_INVALID", "the access point refused the request");
  const message = "the access point reports a fault without detail";
  return kind === "submit"
    ? new DeliveryError("unknown", "OUTCOME_UNKNOWN", message)
    : new DeliveryError("transient", "REMOTE_UNAVAILABLE", message);
}

/** An answer that is no SOAP envelope, or not the one that was asked for. */
export function judgeStatus(status: number, cause: GatewayError, kind: Kind): DeliveryError {
  const options: DeliveryErrorOptions = { cause };
  if (status === 401 || status === 403)
    return new DeliveryError("transient", "AUTH_REFUSED", `answered ${status}`, options);
  if (status === 413)
    return new DeliveryError("permanent", "ATTACHMENT_REJECTED", "answered 413", options);
  if (status >= 400 && status < 500)
    return new DeliveryError("transient", "REMOTE_ANSWER_INVALID", `answered ${status}`, options);
  if (kind === "submit")
    return new DeliveryError("unknown", "REMOTE_ANSWER_INVALID", `answered ${status}`, options);
  const code = status === 200 ? "REMOTE_ANSWER_INVALID" : "REMOTE_UNAVAILABLE";
  return new DeliveryError("transient", code, `answered ${status}`, options);
}

/** A refused submission. */
export function refusalOf(fault: AccessPointFault): DeliveryError {
  const meaning = meaningOf(fault.code);
  const notice = meaning.class === "configuration" ? { notice: WAITING_NOTICE } : {};
  return new DeliveryError(meaning.fault, meaning.code, fault.message, { cause: fault, ...notice });
}

/** The receipt never came, or was not valid: the letter itself may have arrived (ebMS 0301, 0302). */
const RECEIPT_MISSING: readonly string[] = ["EBMS:0301", "EBMS:0302"];

/** Why the access point gave up on a message: the last error counts. It does not try again by itself. */
export function failureOf(entries: readonly ErrorEntry[]): DeliveryError {
  const code = normalCode(entries.at(-1)?.code ?? "");
  const detail = `the access point gave up and names ${code === "" ? "no error" : code}`;
  if (RECEIPT_MISSING.includes(code))
    return new DeliveryError("unknown", "OUTCOME_UNKNOWN", detail);
  const { code: ours } = meaningOf(code === "" ? "EBMS:0202" : code);
  return new DeliveryError("permanent", ours, detail, {
    notice: "Das Schreiben konnte dem Empfangssystem nicht übergeben werden.",
  });
}
