import { GatewayError, type ErrorCode } from "../../../src/model/errors.ts";

/**
 * A message, part or answer that this bridge does not take. `osciCode` is the code of OSCI-Transport 1.2 that names the
 * same fault on the wire (facts §2.8): what an intermediary would answer, what an operator finds in its documents.
 */
export class OsciError extends GatewayError {
  readonly osciCode: string;
  constructor(
    code: ErrorCode,
    osciCode: string,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(code, message, options);
    this.name = "OsciError";
    this.osciCode = osciCode;
  }
}

/** 9100: this is no OSCI message. */
export function malformed(message: string, cause?: unknown): OsciError {
  return new OsciError("INPUT_INVALID", "9100", message, cause === undefined ? {} : { cause });
}

/** A limit of ours is exceeded, or the message is built to mislead. */
export function hostile(message: string): OsciError {
  return new OsciError("INPUT_HOSTILE", "9100", message);
}

/**
 * 9202: one and the same error, text and all, for every way in which a decryption can fail. No cause on purpose: what
 * exactly was wrong (padding, tag, length, content) is what a padding oracle lives on (CVE-2017-10668).
 */
export function undecryptable(): OsciError {
  return new OsciError("INPUT_INVALID", "9202", "the encrypted data cannot be decrypted");
}

/** 9601: a signature is there and wrong. */
export function badSignature(message: string, cause?: unknown): OsciError {
  return new OsciError("SIGNATURE_INVALID", "9601", message, cause === undefined ? {} : { cause });
}

/** An algorithm that the preset does not allow; `osciCode` says for what it was used. */
export function forbiddenAlgorithm(purpose: string, osciCode: string): OsciError {
  return new OsciError("INPUT_INVALID", osciCode, `${purpose} is not on the list of algorithms`);
}

/** Runs a reader and gives every fault of the parser beneath the code that this protocol has for it. */
export function asMalformed<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof OsciError) throw cause;
    if (cause instanceof GatewayError)
      throw new OsciError(cause.code, "9100", `${what}: ${cause.message}`, { cause });
    throw cause;
  }
}
