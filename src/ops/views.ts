import { ERRORS } from "../model/errors.ts";
import { writerOf } from "../people/writer.ts";
import type { StoredMessage, Trace } from "../store/store.ts";
import { clockLine, type ClockOptions, type ClockState } from "../transition/legal-clock.ts";
import { clockOfLetter, clockSide } from "../transition/letter-clock.ts";
import type { ClockView, LetterDetail, LetterView, TraceStep } from "./letter-schema.ts";

/**
 * What operators see of a letter, in the admin API and with `--json`: ids, states, sizes and digests. Subject, text and
 * names of people are content and stay out.
 */
export function letterView(stored: StoredMessage): LetterView {
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
    ...(stored.phase ? { phase: stored.phase } : {}),
    ...(stored.rule === undefined ? {} : { rule: stored.rule }),
    ...(stored.copyOf === undefined ? {} : { copyOf: stored.copyOf }),
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

/** The same with its life, and from when on it counts as notified: one view for `show`, `trace` and the admin API. */
export function letterDetail(trace: Trace, options: ClockOptions, now: Date): LetterDetail {
  const { stored, conversation, parts } = trace;
  const clock = clockView(trace, options, now);
  return {
    ...letterView(stored),
    next: nextStep(trace),
    deliveryId: stored.deliveryId,
    parts,
    ...(conversation.roomId === undefined ? {} : { room: conversation.roomId }),
    ...(clock ? { clock } : {}),
    steps: traceSteps(trace),
  };
}

function clockView(
  { stored, receipts }: Pick<Trace, "stored" | "receipts">,
  options: ClockOptions,
  now: Date,
): ClockView | undefined {
  const clock = clockOfLetter(stored, receipts, options, now);
  const legalBasis = stored.message.case?.legalBasis;
  if (!clock || legalBasis === undefined) return undefined;
  const line = clockLine(clock);
  return {
    ...{ state: clock.state, channel: clockSide(stored), legalBasis },
    ...(line === undefined ? {} : { line }),
    ...clockFacts(clock),
  };
}

function clockFacts(clock: ClockState): Omit<ClockView, "state" | "channel" | "legalBasis"> {
  switch (clock.state) {
    case "deemed": {
      const { day, by, rule, noticeInTime } = clock;
      return { day, by, ...ruleOf(rule), ...(noticeInTime === undefined ? {} : { noticeInTime }) };
    }
    case "waits":
      return {
        ...(clock.until === undefined ? {} : { until: clock.until }),
        ...ruleOf(clock.rule),
      };
    case "not-notified":
      return { since: clock.since, ...ruleOf(clock.rule) };
    case "not-started":
      return { why: clock.why };
    case "no-rule":
      return {};
  }
}

function ruleOf({
  basis,
  validFrom,
  days,
  start,
  text,
  openQuestion,
}: Extract<ClockState, { state: "waits" }>["rule"]): Pick<ClockView, "rule"> {
  const question = openQuestion === undefined ? {} : { openQuestion };
  return { rule: { basis, validFrom, days, start, text, ...question } };
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
      step: `receipt ${receipt.kind} (origin: ${receipt.noticeState})`,
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

/** What the operator does now; nothing, most of the time. */
export function nextStep({ stored, quarantine }: Pick<Trace, "stored" | "quarantine">): string {
  const { state, code, nextAttemptAt } = stored;
  const open = quarantine.find((item) => item.state === "open");
  switch (state) {
    case "delivered":
      return "nothing, it arrived";
    case "rejected":
      return "nothing, the sender was told";
    case "pending":
    case "sending":
      if (code === undefined || nextAttemptAt === undefined) return "nothing, it is on its way";
      return `nothing; tried again at ${nextAttemptAt.toISOString()}. If that does not help: ${ERRORS[code].next}`;
    case "held":
      return `${code === undefined ? "look at it" : ERRORS[code].next}; quarantine release|reject ${open?.id ?? "<id>"}`;
    case "unknown":
      return nextAttemptAt === undefined
        ? ERRORS.OUTCOME_UNKNOWN.next
        : `nothing; the other side is asked at ${nextAttemptAt.toISOString()}`;
    case "failed":
      return code === undefined ? "resend <id>" : ERRORS[code].next;
  }
}
