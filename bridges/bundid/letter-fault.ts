import { DeliveryError } from "../../src/model/errors.ts";
import type { ErrorCode } from "../../src/model/errors.ts";

/** schema: shape or a text limit. size: too large or too many. type: a file that is not allowed. content: HTML. */
export type LetterFaultKind = "schema" | "size" | "type" | "content";

/** A letter that the interface does not allow. Says which field, and in German what the sender can do about it. */
export class LetterFault extends Error {
  override readonly name = "LetterFault";
  readonly kind: LetterFaultKind;
  /** Name on the wire, such as `attachments[1].filename`. */
  readonly field: string;
  readonly notice: string | undefined;
  /** true: it is about a file, not about the letter itself. */
  readonly aboutFile: boolean;
  constructor(
    kind: LetterFaultKind,
    field: string,
    message: string,
    options: { notice?: string; aboutFile?: boolean; cause?: unknown } = {},
  ) {
    super(`${field}: ${message}`, options.cause === undefined ? {} : { cause: options.cause });
    this.kind = kind;
    this.field = field;
    this.notice = options.notice;
    this.aboutFile = options.aboutFile ?? false;
  }

  get code(): ErrorCode {
    if (this.aboutFile) return "ATTACHMENT_REJECTED";
    return this.kind === "content" ? "CONTENT_REJECTED" : "LETTER_INVALID";
  }

  /** As the answer to a letter that we would have had to send: it never can be, as it is. */
  asDeliveryError(): DeliveryError {
    const notice = this.notice === undefined ? {} : { notice: this.notice };
    return new DeliveryError("permanent", this.code, this.message, { cause: this, ...notice });
  }
}
