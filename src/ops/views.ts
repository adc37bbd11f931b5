import { ERRORS } from "../model/errors.ts";
import { writerOf } from "../people/writer.ts";
import type { StoredMessage, Trace } from "../store/store.ts";

/**
 * What operators see of a letter, in the admin API and with `--json`: ids, states, sizes and digests. Subject, text and
 * names of people are content and stay out.
 */
export function letterView(stored: StoredMessage): Record<string, unknown> {
  const { message } = stored;
  const writer = writerOf(message);
  return {
    id: message.id,
    account: message.account,
    direction: `${stored.origin} → ${stored.destination}`,
    state: stored.state,
    ...(stored.code ? { code: stored.code, next: ERRORS[stored.code].next } : {}),
    ...(stored.detail ? { detail: stored.detail } : {}),
    conversation: stored.conversationId,
    sourceId: message.sourceId,
    ...(stored.remoteId ? { remoteId: stored.remoteId } : {}),
    ...(message.inReplyTo ? { inReplyTo: message.inReplyTo } : {}),
    sentAt: message.sentAt,
    acceptedAt: stored.acceptedAt,
    ...(stored.settledAt ? { settledAt: stored.settledAt } : {}),
    attempts: stored.attempts,
    ...(stored.nextAttemptAt ? { nextAttemptAt: stored.nextAttemptAt } : {}),
    ...(writer ? { writtenBy: writer } : {}),
    level: message.level,
    replyPolicy: message.replyPolicy,
    attachments: message.attachments.map(({ mediaType, blob }) => ({ mediaType, ...blob })),
    ...(message.original ? { original: message.original } : {}),
  };
}

export interface TraceStep {
  readonly at: Date;
  readonly step: string;
  readonly detail?: string;
}

/** The life of one letter in the order of time. */
export function traceSteps(trace: Trace): readonly TraceStep[] {
  const { stored } = trace;
  const steps: TraceStep[] = [
    {
      at: stored.acceptedAt,
      step: `accepted from ${stored.origin}`,
      detail: stored.message.sourceId,
    },
    ...trace.attempts.flatMap((attempt) => [
      { at: attempt.startedAt, step: `attempt ${attempt.n} began` },
      ...(attempt.endedAt
        ? [
            {
              at: attempt.endedAt,
              step: `attempt ${attempt.n}: ${attempt.outcome ?? "cut"}`,
              ...describe(attempt.code, attempt.detail),
            },
          ]
        : []),
    ]),
    ...trace.receipts.map((receipt) => ({
      at: receipt.recordedAt,
      step: `receipt ${receipt.kind} (origin: ${receipt.notice})`,
      ...describe(undefined, receipt.detail),
    })),
    ...trace.quarantine.map((item) => ({
      at: item.createdAt,
      step: `quarantine ${item.id}: ${item.state}`,
      ...describe(item.code, item.detail),
    })),
    ...trace.audit.map((entry) => ({
      at: entry.at,
      step: `${entry.action} by ${entry.actor}`,
    })),
  ];
  return steps.sort((a, b) => a.at.getTime() - b.at.getTime());
}

function describe(code: string | undefined, detail: string | undefined): { detail?: string } {
  const text = [code, detail].filter(Boolean).join(": ");
  return text === "" ? {} : { detail: text };
}
