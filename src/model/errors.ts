/**
 * Every code this gateway reports, in one list: what it means for the operator, what a citizen or clerk reads (German),
 * and what the operator does next. A `throw` in this project carries one of these codes and keeps its cause.
 */
export const ERRORS = {
  // Configuration and operation
  CONFIG_INVALID: {
    meaning: "the configuration is not valid",
    next: "correct the lines that `postfach-bridge check` names",
  },
  PLAN_REFUSED: {
    meaning: "a plan of the transition contradicts itself, its bridges or the plan in force",
    notice: "Die Umstellung bleibt, wie sie ist: Der neue Plan widerspricht sich.",
    next: "the plan in force goes on unchanged; see `postfach-bridge plan`, cure what the message names, apply again (--jump only for steps that skip a phase)",
  },
  SECRET_UNREADABLE: {
    meaning: "a secret (file: or env:) cannot be read",
    next: "check the path or variable, its owner and its permissions",
  },
  KEY_MISMATCH: {
    meaning: "stored data cannot be opened with the configured key",
    next: "configure the key with the id that the message names; nothing was changed",
  },
  STORE_NEWER: {
    meaning: "the database was written by a newer version of the gateway",
    next: "start the newer version; an older one must not touch this data",
  },
  STORE_UNAVAILABLE: {
    meaning: "the database does not answer or cannot write",
    next: "check disk space, permissions and the database server; upstream systems keep their letters meanwhile",
  },
  DOORBELL_REFUSED: {
    meaning: "Redis is configured so that it may forget jobs",
    next: "set `maxmemory-policy noeviction`",
  },
  NOT_FOUND: { meaning: "there is no such thing", next: "check the id or name" },
  NOT_ALLOWED: {
    meaning: "this step is not possible in the present state",
    next: "see the state that the message names (for a letter: `postfach-bridge trace <id>`)",
  },
  // Delivery, the same words for every legacy system (facts: bundid-fink.md §7.8)
  RECIPIENT_UNKNOWN: {
    meaning: "the legacy system does not know this mailbox",
    notice: "Das Postfach der Empfängerin oder des Empfängers ist nicht bekannt.",
    next: "tell the sender; choose another channel",
  },
  RECIPIENT_GONE: {
    meaning: "the mailbox was deleted",
    notice: "Das Postfach der Empfängerin oder des Empfängers wurde gelöscht.",
    next: "tell the sender; choose another channel",
  },
  RECIPIENT_UNLINKED: {
    meaning: "nobody in Matrix reads this mailbox",
    notice: "Dieses Postfach ist mit keinem Matrix-Konto verbunden.",
    next: "link the mailbox (links import, admin API), then release the letter from quarantine",
  },
  SENDER_NOT_ALLOWED: {
    meaning: "this Matrix user may not write in the name of this mailbox or authority",
    notice: "Sie sind für dieses Postfach nicht als schreibberechtigt eingetragen.",
    next: "check clerks and links of the account",
  },
  REPLY_NOT_POSSIBLE: {
    meaning: "this letter cannot be answered through this channel",
    notice: "Auf dieses Schreiben kann hier nicht geantwortet werden.",
    next: "nothing; the sender was told",
  },
  CONTENT_REJECTED: {
    meaning: "the content is not allowed by the receiving system",
    notice: "Der Inhalt des Schreibens wird vom Empfangssystem nicht angenommen.",
    next: "the sender has to change the letter and send it again",
  },
  CONTENT_UNSUPPORTED: {
    meaning: "this kind of Matrix event cannot become a letter",
    notice:
      "Diese Art von Nachricht kann nicht als Schreiben übermittelt werden. Bitte senden Sie Text oder eine Datei.",
    next: "nothing; the sender was told",
  },
  CONTENT_ENCRYPTED: {
    meaning: "the event is end-to-end encrypted and this room is not",
    notice: "Verschlüsselte Nachrichten können in diesem Raum nicht übermittelt werden.",
    next: "nothing; the sender was told",
  },
  EDIT_REFUSED: {
    meaning: "a letter that was handed over cannot be changed",
    notice:
      "Ein übermitteltes Schreiben kann nicht geändert werden. Bitte senden Sie ein neues Schreiben.",
    next: "nothing; the sender was told",
  },
  ACT_INVALID: {
    meaning: "a command in the room is no act that a letter there asks for, or leaves open which",
    notice: "Dieser Befehl ist hier nicht möglich. Es wurde nichts übermittelt.",
    next: "nothing; the sender was told which commands there are",
  },
  ACT_REPEATED: {
    meaning: "this act was already done, or is on its way; it never leaves twice",
    notice: "Dies wurde bereits erklärt. Es wurde nichts weiter übermittelt.",
    next: "nothing; the sender was told",
  },
  ACT_CONFLICT: {
    meaning: "another act was already done for the same request",
    notice: "Hierzu wurde bereits etwas anderes erklärt. Es wurde nichts weiter übermittelt.",
    next: "nothing; the sender was told. To correct it, write to the other side",
  },
  ATTACHMENT_REJECTED: {
    meaning: "an attachment is not allowed (type, size, count or name)",
    notice: "Eine Anlage wird vom Empfangssystem nicht angenommen.",
    next: "the sender has to change the attachment and send it again",
  },
  ATTACHMENT_MISSING: {
    meaning: "an attachment that the message names cannot be read",
    notice: "Eine Anlage konnte nicht gelesen werden.",
    next: "the sender has to send the file again",
  },
  LETTER_INVALID: {
    meaning: "the message violates the schema or a limit of the legacy system",
    notice: "Das Schreiben erfüllt die Vorgaben des Empfangssystems nicht.",
    next: "see the detail; probably a fault of ours: report it",
  },
  LEVEL_UNAVAILABLE: {
    meaning: "the required trust level cannot be kept on this way",
    notice: "Das geforderte Vertrauensniveau kann auf diesem Weg nicht eingehalten werden.",
    next: "check the levels of account and letter",
  },
  AUTH_REFUSED: {
    meaning: "the other side refuses our certificate, token or signature",
    notice: "Die Übermittlung ist zurzeit gestört; es wird weiter versucht.",
    next: "check certificates, their expiry and the clock; letters wait meanwhile",
  },
  TOKEN_EXPIRED: {
    meaning: "the sender's token ran out before the letter could be forwarded",
    notice: "Das Schreiben konnte nicht rechtzeitig weitergeleitet werden.",
    next: "the legacy sender has to send it again",
  },
  METADATA_EXPIRED: {
    meaning: "there are no metadata of the federation that are valid now",
    notice: "Es liegen zurzeit keine gültigen Metadaten der Föderation vor. Das Schreiben wartet.",
    next: "take current metadata (the refresh command of the bridge, or push the file), see why the last ones were refused; letters wait meanwhile",
  },
  NO_MAILBOX_NODE: {
    meaning: "nobody says at which node the mailboxes of this account are reached",
    notice: "Zum Nutzerkonto der Gegenseite ist kein Postfachknoten bekannt. Das Schreiben wartet.",
    next: "ask the participant, or set an override for its node; letters wait meanwhile",
  },
  PARTICIPANT_REMOVED: {
    meaning: "this participant left the metadata of the federation; nothing is exchanged with it",
    notice:
      "Das Nutzerkonto der Gegenseite nimmt seit einer Änderung der Föderation nicht mehr teil. Das Schreiben wartet.",
    next: "ask the federation; letters wait until it is listed again, or `resolve <id> failed`",
  },
  REMOTE_UNAVAILABLE: {
    meaning: "the other side does not answer or is overloaded",
    notice: "Das Empfangssystem ist zurzeit nicht erreichbar; es wird weiter versucht.",
    next: "nothing; retried with growing pauses",
  },
  REMOTE_ANSWER_INVALID: {
    meaning: "the other side answered something that cannot be understood",
    notice: "Es wird geprüft, ob das Schreiben angekommen ist.",
    next: "see the kept answer in `trace`",
  },
  OUTCOME_UNKNOWN: {
    meaning: "the connection broke after the letter was handed over; the other side may have it",
    notice: "Es wird geprüft, ob das Schreiben angekommen ist.",
    next: "ask the other side, then `resend <id>` or `resolve <id> delivered|failed`",
  },
  DEADLINE_PASSED: {
    meaning: "the letter could not be delivered within the configured time",
    notice: "Das Schreiben konnte nicht zugestellt werden.",
    next: "find the cause in `trace`, then `resend <id>`",
  },
  SAME_ID_OTHER_CONTENT: {
    meaning: "the same source id arrived again with other content",
    next: "look at both in quarantine; release or reject the second one",
  },
  EGRESS_REFUSED: {
    meaning: "the address is not on the account's list or points where it must not",
    next: "check the account's URLs; private networks must be allowed explicitly",
  },
  INPUT_HOSTILE: {
    meaning: "the input breaks a limit or is built to attack",
    next: "look at it in quarantine; reject it",
  },
  INPUT_INVALID: { meaning: "the input cannot be understood", next: "look at it in quarantine" },
  SIGNATURE_INVALID: {
    meaning: "a signature does not verify",
    next: "ask the sender; do not release it unread",
  },
  CERTIFICATE_INVALID: {
    meaning: "a certificate is unknown, expired or does not match",
    next: "check the configured certificates",
  },
  ROUTING_INVALID: {
    meaning: "routing information of a reply is not ours or was changed",
    next: "look at it in quarantine; never deliver it by hand unseen",
  },
  INTERNAL: { meaning: "a fault in the gateway", next: "report it with the log lines of this id" },
} as const satisfies Record<string, { meaning: string; next: string; notice?: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** The German sentence for citizens and clerks that belongs to a code. */
export function noticeFor(code: ErrorCode): string {
  const entry: { meaning: string; notice?: string } = ERRORS[code];
  return entry.notice ?? "Das Schreiben konnte nicht übermittelt werden.";
}

/** An error of the gateway itself: has a code of the list, and keeps its cause. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = "GatewayError";
    this.code = code;
  }
}

/**
 * transient: nothing was taken, try again later. permanent: will never work as it is.
 * unknown: the other side may have taken it; never resend before `find` or an operator settled it.
 */
export type Fault = "transient" | "permanent" | "unknown";

export interface DeliveryErrorOptions {
  readonly cause?: unknown;
  /** What the other side asked for, milliseconds; a lower bound for the next attempt. */
  readonly retryAfterMs?: number;
  /** German sentence for the sender; default: the notice of the code. */
  readonly notice?: string;
}

/** The only error a bridge's `deliver`, `find` or `notify` may throw. */
export class DeliveryError extends Error {
  readonly fault: Fault;
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly notice: string;
  constructor(fault: Fault, code: ErrorCode, message: string, options: DeliveryErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : {});
    this.name = "DeliveryError";
    this.fault = fault;
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.notice = options.notice ?? noticeFor(code);
  }
}

/** A short text of an unknown thrown value for logs and rows: never a stack, never content. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, 500);
  const cause = error.cause instanceof Error ? ` (cause: ${error.cause.message})` : "";
  return `${error.message}${cause}`.slice(0, 500);
}
