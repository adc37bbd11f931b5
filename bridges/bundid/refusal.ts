import type { ErrorCode } from "../../src/model/errors.ts";
import { BodyTooLarge } from "../../src/guard/listener.ts";
import { MultipartError } from "../../src/guard/multipart.ts";
import { LetterFault } from "./letter-fault.ts";
import { TokenError } from "./token.ts";

/**
 * What the inlet answers to a legacy system that it refuses (bundid-fink.md §7.3): a status and
 * `{code, message, field?, retryable}`. English: it is read by the operators of that system.
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  constructor(
    status: number,
    code: string,
    message: string,
    options: { field?: string; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.status = status;
    this.code = code;
    this.field = options.field;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  body(): Readonly<Record<string, unknown>> {
    return {
      code: this.code,
      message: this.message,
      ...(this.field === undefined ? {} : { field: this.field }),
      retryable: this.status === 408 || this.status === 429 || this.status === 503,
    };
  }
}

const FAULT_STATUS = { schema: 400, size: 413, type: 415, content: 422 } as const;
const FAULT_CODE = {
  schema: "SCHEMA",
  size: "TOO_LARGE",
  type: "MEDIA_TYPE",
  content: "CONTENT",
} as const;

/** Known faults of the input as refusals; undefined for anything else, which is a fault of ours. */
export function asRefusal(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof LetterFault) {
    const { kind, field, message } = error;
    return new Refusal(FAULT_STATUS[kind], FAULT_CODE[kind], message, { field, cause: error });
  }
  if (error instanceof TokenError)
    return new Refusal(401, error.fault, error.message, { cause: error });
  if (error instanceof BodyTooLarge)
    return new Refusal(413, "TOO_LARGE", error.message, { cause: error });
  if (error instanceof MultipartError) {
    const tooLarge = error.fault === "part-size" || error.fault === "limit";
    const field = error.part === undefined ? {} : { field: error.part.fileName ?? error.part.name };
    return new Refusal(tooLarge ? 413 : 400, tooLarge ? "TOO_LARGE" : "MULTIPART", error.message, {
      ...field,
      cause: error,
    });
  }
  return undefined;
}

const CODE_STATUS: Partial<Record<ErrorCode, number>> = {
  RECIPIENT_UNKNOWN: 404,
  RECIPIENT_GONE: 410,
  RECIPIENT_UNLINKED: 404,
  CONTENT_REJECTED: 422,
  ATTACHMENT_REJECTED: 415,
  LETTER_INVALID: 400,
  SAME_ID_OTHER_CONTENT: 409,
  TOKEN_EXPIRED: 401,
};

/** The status that tells a legacy system how a letter ended that failed for good. */
export function statusOfCode(code: ErrorCode | undefined): number {
  return (code === undefined ? undefined : CODE_STATUS[code]) ?? 502;
}
