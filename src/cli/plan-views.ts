import type { Explanation } from "../transition/explaining.ts";
import type { PlanReview } from "../transition/review.ts";
import { facts, lines, safeText, table, type Style } from "./output.ts";

export function renderReview(style: Style, review: PlanReview): string {
  const { before, planId, conflicts, questions } = review;
  const marks = { refuse: style.bad("✗"), jump: style.bad("✗"), warn: style.warn("!") };
  return [
    lines([
      before?.planId === planId
        ? `plan ${planId} is in force already, as number ${before.seq}`
        : before
          ? `plan ${planId} would replace number ${before.seq} (${before.planId})`
          : `plan ${planId} would be the first one`,
      "",
      ...changes(review),
    ]),
    order(review),
    effect(review),
    ...conflicts.flatMap(({ kind, about, text, next }) => [
      `${marks[kind]} ${safeText(about)}: ${safeText(text)}\n`,
      `  → ${safeText(next)}\n`,
    ]),
    ...questions.map((text) => `${style.warn("!")} open legal question: ${text}\n`),
  ].join("");
}

function changes({ difference }: PlanReview): string[] {
  const { accounts, cohorts, participants, conversations } = difference;
  const found = [
    ...accounts.map(({ account, from, to, also }) =>
      [
        `~ account ${account}: ${from ?? "new"} → ${to ?? "removed"}`,
        ...(also.length > 0 ? [`(${also.join(", ")} changed)`] : []),
      ].join(" "),
    ),
    ...cohorts.map(({ cohort, change, detail }) => `~ cohort ${cohort}: ${change} ${detail}`),
    ...participants.map(({ code, change }) => `~ participant ${code}: ${change}`),
    ...(conversations ? [`~ conversations: ${conversations.from} → ${conversations.to}`] : []),
  ].map((line) => safeText(line.trimEnd()));
  return found.length > 0 ? found : ["no change of accounts, cohorts or participants"];
}

function order({ after }: PlanReview): string {
  if (after.cohorts.length === 0) return "";
  const rows = [...after.cohorts, { name: "account", phase: "of the account" }];
  return `\n${table(
    ["", "RULE", "PHASE"],
    rows.map(({ name, phase }, n) => [n + 1, name, phase]),
  )}`;
}

function effect({ effect: found }: PlanReview): string {
  const { mailboxes, moved, conversations, inFlight, truncated } = found;
  const sum = [...inFlight.values()].reduce((all, count) => all + count, 0);
  const shown = moved.map(({ account, direction, from, to, count, examples }) => [
    ...[account, direction, `${from} → ${to}`, count],
    examples.join(" ") + (count > examples.length ? " …" : ""),
  ]);
  return [
    "\n",
    shown.length === 0
      ? `${mailboxes} mailboxes looked at, none moves\n`
      : table(["ACCOUNT", "LETTERS", "PHASE", "MAILBOXES", "FOR EXAMPLE"], shown),
    facts({
      "open conversations": `${conversations.open}: ${conversations.moved} change the side that counts, ${conversations.kept} stay although their mailbox moves${conversations.kept > 0 ? " (--move-conversations takes them along)" : ""}`,
      "letters in flight": `${sum}, each keeps its decision`,
      "not looked at": truncated ? "there are more conversations than a review reads" : undefined,
    }),
    "\n",
  ].join("");
}

export function renderExplanation(style: Style, found: Explanation): string {
  const { letter, now, steps, plan } = found;
  return [
    facts({
      account: found.account,
      mailbox: found.mailbox,
      letters: found.direction,
      readers: found.readers,
      plan: `${plan.id}, number ${plan.seq}`,
      letter: letter?.id,
      decided:
        letter &&
        (letter.phase === undefined
          ? "not by a plan"
          : `${letter.phase} by ${letter.rule ?? ""} at ${letter.acceptedAt.toISOString()}, to ${letter.destination}`),
      "copy of": letter?.copyOf,
      "legal clock": letter?.clock,
    }),
    "\n",
    lines(
      steps.map(
        ({ rule, phase, matched, why }) =>
          `${matched ? style.good("→") : " "} ${rule} (${phase}): ${safeText(why)}`,
      ),
    ),
    now.keptFrom
      ? `${style.warn("!")} the conversation stays in ${now.phase} by ${now.rule}; the plan alone says ${now.keptFrom.phase}\n`
      : "",
    `${style.bold(now.phase)}: ${found.meaning}\n`,
    `rooms show letters ${levelText(found)}\n`,
  ].join("");
}

function levelText({ levels, letter }: Explanation): string {
  const rule =
    levels === "all"
      ? "of every trust level"
      : `up to trust level ${levels.roomMaximum}; above: ${levels.above} (${levels.link})`;
  if (!letter) return rule;
  return `${rule}; this one: ${letter.level.detail}, ${letter.level.show ? "shown" : "withheld"}`;
}
