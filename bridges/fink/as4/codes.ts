import type { ErrorCode, Fault } from "../../../src/model/errors.ts";

/**
 * What states and error codes of an access point mean. One table each; the codes are ebMS 3.0 Core §6.7 and AS4 §5.2.5,
 * their classes are ours (bundid-fink.md §2.5, §7.8).
 */

/**
 * under-way: the access point has it and works on it. retrying: so, after a failed attempt. acknowledged: the receipt
 * of the other access point is there. failed: the access point gave up. absent: it never had it. unclear: neither.
 */
export type Stage = "under-way" | "retrying" | "acknowledged" | "failed" | "absent" | "unclear";

const STAGES: Readonly<Record<string, Stage>> = {
  READY_TO_SEND: "under-way",
  READY_TO_PULL: "under-way",
  BEING_PULLED: "under-way",
  SEND_ENQUEUED: "under-way",
  SEND_IN_PROGRESS: "under-way",
  WAITING_FOR_RECEIPT: "under-way",
  SEND_ATTEMPT_FAILED: "retrying",
  WAITING_FOR_RETRY: "retrying",
  ACKNOWLEDGED: "acknowledged",
  ACKNOWLEDGED_WITH_WARNING: "acknowledged",
  SEND_FAILURE: "failed",
  NOT_FOUND: "absent",
  // States of the receiving side, and of what was removed after its end: they say nothing about a letter we sent.
  RECEIVED: "unclear",
  RECEIVED_WITH_WARNINGS: "unclear",
  DOWNLOADED: "unclear",
  DELETED: "unclear",
};

/** A state that is not in the list (a newer version) is never taken for an end. */
export function stageOf(status: string): Stage {
  return Object.hasOwn(STAGES, status) ? (STAGES[status] ?? "unclear") : "unclear";
}

export interface CodeMeaning {
  readonly fault: Extract<Fault, "transient" | "permanent">;
  readonly code: ErrorCode;
  /** configuration: letters wait until a human has changed something. */
  readonly class: "transient" | "configuration" | "permanent";
}

const transient: CodeMeaning = {
  fault: "transient",
  code: "REMOTE_UNAVAILABLE",
  class: "transient",
};
const credentials: CodeMeaning = {
  fault: "transient",
  code: "AUTH_REFUSED",
  class: "configuration",
};
const agreement: CodeMeaning = {
  fault: "transient",
  code: "CONFIG_INVALID",
  class: "configuration",
};
const invalid: CodeMeaning = { fault: "permanent", code: "LETTER_INVALID", class: "permanent" };

const CODES: Readonly<Record<string, CodeMeaning>> = {
  "EBMS:0001": invalid, // ValueNotRecognized
  "EBMS:0002": invalid, // FeatureNotSupported
  "EBMS:0003": invalid, // ValueInconsistent
  "EBMS:0004": invalid, // Other
  "EBMS:0005": transient, // ConnectionFailure
  "EBMS:0006": transient, // EmptyMessagePartitionChannel: a warning to a pull, nothing was refused
  "EBMS:0007": invalid, // MimeInconsistency
  "EBMS:0008": invalid, // FeatureNotSupported (inconsistent)
  "EBMS:0009": invalid, // InvalidHeader
  "EBMS:0010": agreement, // ProcessingModeMismatch
  "EBMS:0011": invalid, // ExternalPayloadError
  "EBMS:0101": credentials, // FailedAuthentication
  "EBMS:0102": credentials, // FailedDecryption
  "EBMS:0103": credentials, // PolicyNoncompliance
  "EBMS:0201": transient, // DysfunctionalReliability
  "EBMS:0202": transient, // DeliveryFailure
  "EBMS:0301": transient, // MissingReceipt
  "EBMS:0302": transient, // InvalidReceipt
  "EBMS:0303": invalid, // DecompressionFailure
  "WS_PLUGIN:0001": invalid, // generic
  "WS_PLUGIN:0002": credentials, // authentication or authorisation
  "WS_PLUGIN:0003": agreement, // PMode
  "WS_PLUGIN:0004": agreement, // parties
  "WS_PLUGIN:0005": invalid, // payloads
  "WS_PLUGIN:0006": transient, // proxy
  "WS_PLUGIN:0007": invalid, // invalid message
  "WS_PLUGIN:0008": invalid, // conversion
  "WS_PLUGIN:0009": invalid, // no such message
};

/** `EBMS_0005`, `EBMS:0005`, `DOMIBUS:WS_PLUGIN:0002`, `WS_PLUGIN_0002` are written by different versions. */
export function normalCode(code: string): string {
  const [, family, number] = /(EBMS|WS_PLUGIN)[:_](\d{4})$/.exec(code.trim()) ?? [];
  return family === undefined || number === undefined ? code.trim() : `${family}:${number}`;
}

/** A code that is not in the list ends the letter visibly instead of repeating it for ever. */
export function meaningOf(code: string): CodeMeaning {
  const known = normalCode(code);
  return Object.hasOwn(CODES, known) ? (CODES[known] ?? invalid) : invalid;
}

/** Codes of the list, for tests and documentation. */
export const KNOWN_CODES: readonly string[] = Object.keys(CODES);
