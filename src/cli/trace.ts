import { ERRORS } from "../model/errors.ts";
import { letterView, traceSteps, type TraceStep } from "../ops/views.ts";
import type { Trace } from "../store/store.ts";
import type { Cli } from "./cli.ts";
import { lines, safeText, spanText, table } from "./output.ts";
import type { AddCommand } from "./program.ts";
import { noLetter } from "./show.ts";

export const addTrace: AddCommand = (parent, cli) => {
  parent
    .command("trace <id>")
    .description("The life of one letter, hop by hop, with durations, and what to do next.")
    .action((id: string) =>
      cli().withStorage(async ({ storage }) => {
        const trace = await storage.store.trace(id);
        if (!trace) throw noLetter(id);
        const steps = traceSteps(trace);
        const document = {
          ...letterView(trace.stored),
          parts: trace.parts,
          steps,
          next: nextStep(trace),
        };
        cli().print(document, () => renderTrace(cli(), trace, steps));
      }),
    );
};

function renderTrace({ style }: Cli, trace: Trace, steps: readonly TraceStep[]): string {
  const { stored, conversation } = trace;
  const began = stored.acceptedAt.getTime();
  const rows = steps.map(({ at, step, detail }, n) => {
    const before = steps[n - 1]?.at ?? at;
    return [
      at.toISOString(),
      n === 0 ? "" : `+${spanText(at.getTime() - before.getTime())}`,
      detail === undefined ? safeText(step) : `${safeText(step)}: ${safeText(detail)}`,
    ];
  });
  const end = stored.settledAt?.getTime();
  const total = end === undefined ? "" : ` after ${spanText(end - began)}`;
  return (
    lines([
      style.bold(`Letter ${stored.message.id}`),
      `account ${safeText(stored.message.account)}, ${stored.origin} → ${stored.destination}, conversation ${stored.conversationId}` +
        (conversation.roomId === undefined ? "" : `, room ${safeText(conversation.roomId)}`),
      "",
    ]) +
    table(["TIME", "AFTER", "STEP"], rows) +
    lines(["", `${stored.state}${total}. Next: ${nextStep(trace)}`])
  );
}

/** What the operator does now; nothing, most of the time. */
export function nextStep({ stored, quarantine }: Trace): string {
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
