import { DeliveryError } from "../../../src/model/errors.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";

/** Codes of table 9006 with which a letter is refused (bundid-fink.md §1.7). */
export type RefusalStatus = "10" | "11" | "20" | "30" | "31" | "32" | "99";

const CODES: Readonly<Record<RefusalStatus, ErrorCode>> = {
  "10": "INPUT_INVALID",
  "11": "INPUT_INVALID",
  "20": "LETTER_INVALID",
  "30": "RECIPIENT_UNKNOWN",
  "31": "CONTENT_REJECTED",
  "32": "ATTACHMENT_REJECTED",
  "99": "REMOTE_UNAVAILABLE",
};

/** A letter that the interface does not allow: which element, why, and in German what its author can do about it. */
export class LetterFault extends Error {
  override readonly name = "LetterFault";
  readonly status: RefusalStatus;
  /** Path on the wire, such as `NachrichtenInhalt/DataContainer[2]/FileName`. */
  readonly field: string;
  readonly notice: string | undefined;
  constructor(
    status: RefusalStatus,
    field: string,
    message: string,
    options: { notice?: string; cause?: unknown } = {},
  ) {
    super(`${field}: ${message}`, "cause" in options ? { cause: options.cause } : {});
    this.status = status;
    this.field = field;
    this.notice = options.notice;
  }

  get code(): ErrorCode {
    return CODES[this.status];
  }

  /** As the answer to a letter that we would have had to send: as it is, it never can be. */
  asDeliveryError(): DeliveryError {
    const notice = this.notice === undefined ? {} : { notice: this.notice };
    return new DeliveryError("permanent", this.code, this.message, { cause: this, ...notice });
  }
}
