import { GatewayError } from "../model/errors.ts";
import type { LetterDetail } from "../ops/letter-schema.ts";
import { isHistory } from "../model/history.ts";
import { letterDetail } from "../ops/views.ts";
import { clockOptionsOf } from "../transition/legal-config.ts";
import type { Cli } from "./cli.ts";
import { facts } from "./output.ts";
import type { AddCommand } from "./program.ts";

export const addShow: AddCommand = (parent, cli) => {
  parent
    .command("show <id>")
    .description("One letter: where it stands, its sizes and digests. Never shows content.")
    .action(async (id: string) => {
      const { steps: _, ...letter } = await readLetter(cli(), id);
      cli().print(letter, () => renderLetter(cli(), letter));
    });
};

/** Throws NOT_FOUND. */
export function readLetter(cli: Cli, id: string): Promise<LetterDetail> {
  return cli.withStorage(async ({ loaded, storage }) => {
    const trace = await storage.store.trace(id);
    if (!trace) throw new GatewayError("NOT_FOUND", `there is no letter ${id}`);
    return letterDetail(trace, clockOptionsOf(loaded.config.transition), cli.now());
  });
}

/** `mirror by pilot-nw`; a letter that came before there were plans was decided by none. */
export function decisionText({ phase, rule }: Pick<LetterDetail, "phase" | "rule">): string {
  if (isHistory({ ...(rule === undefined ? {} : { rule }) }))
    return "history that was moved; tells and counts nothing";
  return phase === undefined ? "not by a plan" : `${phase} by ${rule ?? "account"}`;
}

const NOT_STARTED = {
  "not-available": "no evidence yet that the mailbox has it",
  objected: "the user objected to electronic notification",
};

/** What is known of the notification of a letter; the line itself is German, as people read it. */
export function clockTexts({ clock }: Pick<LetterDetail, "clock">): Record<string, string> {
  if (!clock) return {};
  const { state, line, channel, legalBasis, rule, why } = clock;
  const instead = state === "no-rule" ? `no rule for "${legalBasis}"` : why && NOT_STARTED[why];
  return {
    "legal clock": line ?? instead ?? state,
    "clock counts": `${channel}${rule ? `, ${rule.basis} as valid from ${rule.validFrom}` : ""}`,
  };
}

function writerText({ writtenBy }: Pick<LetterDetail, "writtenBy">): string | undefined {
  if (!writtenBy) return undefined;
  const { user, desk, insteadOf } = writtenBy;
  const place = desk === undefined ? "" : `, ${desk}`;
  return `${user}${place}${insteadOf === undefined ? "" : `, standing in for ${insteadOf}`}`;
}

function renderLetter({ style }: Cli, letter: Omit<LetterDetail, "steps">): string {
  const { state, parts, original } = letter;
  const paint = state === "delivered" ? style.good : state === "failed" ? style.bad : style.warn;
  const attachments = letter.attachments.map(
    ({ mediaType, size, digest }) => `${mediaType}, ${size} bytes, ${digest.slice(0, 19)}…`,
  );
  return facts({
    letter: letter.id,
    account: letter.account,
    way: letter.direction,
    state,
    code: letter.code,
    detail: letter.detail,
    decided: decisionText(letter),
    "copy of": letter.copyOf,
    ...clockTexts(letter),
    accepted: letter.acceptedAt.toISOString(),
    settled: letter.settledAt?.toISOString(),
    "next attempt": letter.nextAttemptAt?.toISOString(),
    attempts: letter.attempts,
    "source id": letter.sourceId,
    "delivery id": letter.deliveryId,
    "remote id": letter.remoteId,
    parts: parts.length === 0 ? undefined : parts.join(" "),
    "answers letter": letter.inReplyTo,
    conversation: letter.conversation,
    room: letter.room,
    "written by": writerText(letter),
    level: letter.level,
    "may be answered": letter.replyPolicy,
    attachments: attachments.length === 0 ? undefined : attachments.join("; "),
    original: original && `${original.size} bytes, ${original.digest}`,
  }).replace(/^(state\s+)(\S+)$/m, (_, name: string, text: string) => name + paint(text));
}
