import type { Action, ActionChoice, ActionRequest } from "../model/message.ts";
import { placeholderOf, type CheckedAct } from "./act-command.ts";
import { formatDate, formatTime, oneLine } from "./german.ts";
import { escapeHtml } from "./html.ts";

/** Choices of one request that are shown; their words are bounded so that the letter's event keeps its size. */
const MAX_CHOICES = 10;
const FEW_CHOICES = 4;
const MAX_WORDS = 600;
const MAX_TITLE = 150;
const MAX_LABEL = 150;
const MAX_SUBJECT = 100;
/** Commands in the answer to one that was not understood. */
const MAX_COMMANDS = 10;
const HOW =
  "So antworten Sie: Schreiben Sie eine dieser Zeilen in diesen Raum, am besten als Antwort auf dieses Schreiben.";

/** A request that waits for an act, and the letter that makes it. */
export interface OpenRequest {
  readonly request: ActionRequest;
  readonly subject?: string;
  readonly sentAt: Date;
}

/** The line to type: `!eeb abgeben TT.MM.JJJJ`. What may be left out stands in brackets. */
export function commandLine(request: ActionRequest, choice: ActionChoice): string {
  const place = oneLine(placeholderOf(choice), MAX_LABEL);
  const optional = choice.argument?.required === false;
  const argument = place === "" ? "" : optional ? ` [${place}]` : ` ${place}`;
  return `!${request.name} ${choice.name}${argument}`;
}

/** What is asked for, until when and how to do it, as lines under a letter. */
export function requestText(request: ActionRequest): string {
  const lines = shownChoices(request).map(
    (choice) => `${commandLine(request, choice)} – ${wordsOf(request, choice)}`,
  );
  return [titleLine(request), HOW, ...lines, ...restOf(request)].join("\n");
}

export function requestHtml(request: ActionRequest): string {
  const items = shownChoices(request).map(
    (choice) =>
      `<li><code>${escapeHtml(commandLine(request, choice))}</code> – ${escapeHtml(wordsOf(request, choice))}</li>`,
  );
  const rest = restOf(request).map((line) => `<li>${escapeHtml(line)}</li>`);
  const title = `<strong>${escapeHtml(titleLine(request))}</strong>`;
  return `<p>${title}<br>${escapeHtml(HOW)}</p>\n<ul>${[...items, ...rest].join("")}</ul>`;
}

/** The structured twin of what is shown. */
export function requestBlock(request: ActionRequest): Readonly<Record<string, unknown>> {
  const { name, deadline } = request;
  return {
    name,
    title: titleOf(request),
    ...(deadline === undefined ? {} : { deadline: deadline.toISOString() }),
    choices: shownChoices(request).map((choice) => ({
      name: choice.name,
      label: wordsOf(request, choice),
      ...(choice.argument === undefined
        ? {}
        : { argument: { ...choice.argument, label: oneLine(choice.argument.label, MAX_LABEL) } }),
    })),
  };
}

/** Every command that the room waits for, by letter; for somebody whose command was not understood. */
export function commandList(open: readonly OpenRequest[]): string {
  if (open.length === 0) return "In diesem Raum ist zurzeit keine Erklärung offen.";
  const lines = open.flatMap((one) => [
    `${describeRequest(one)}:`,
    ...shownChoices(one.request).map((choice) => `  ${commandLine(one.request, choice)}`),
  ]);
  const shown = lines.slice(0, MAX_COMMANDS);
  const rest = lines.length > shown.length ? ["…"] : [];
  const head = "Möglich sind (am besten als Antwort auf das Schreiben):";
  return [head, ...shown, ...rest].join("\n");
}

/** `Empfangsbekenntnis zu „Ladung“ vom 20.11.2026, 10:00 Uhr` */
export function describeRequest({ request, subject, sentAt }: OpenRequest): string {
  const about = subject === undefined ? "" : ` zu „${oneLine(subject, MAX_SUBJECT)}“`;
  return `${titleOf(request)}${about} vom ${formatTime(sentAt)}`;
}

/** What somebody did, in the words of the request: `Empfang bestätigen (Datum: 21.11.2026)`. */
export function describeAct(request: ActionRequest, action: Action): string {
  const choice = request.choices.find((one) => one.name === action.choice);
  const label = choice ? labelOf(choice) : action.choice;
  if (action.argument === undefined) return label;
  const name = oneLine(choice?.argument?.label ?? "", MAX_LABEL);
  const value = oneLine(formatDate(action.argument), MAX_LABEL);
  return `${label} (${name === "" ? "" : `${name}: `}${value})`;
}

/** Text of the letter that the act becomes: the same words for every system that knows no acts. Never cut. */
export function actLetterText({ action, choice }: Extract<CheckedAct, { kind: "act" }>): string {
  const label = choice.label;
  if (action.argument === undefined) return label;
  return `${label}\n${choice.argument?.label ?? action.name}: ${formatDate(action.argument)}`;
}

function titleLine(request: ActionRequest): string {
  const { deadline } = request;
  const until = deadline === undefined ? "" : ` bis ${formatTime(deadline)}`;
  return `Erbeten: ${titleOf(request)}${until}`;
}
export function titleOf(request: ActionRequest): string {
  return oneLine(request.title, MAX_TITLE);
}
function labelOf(choice: ActionChoice): string {
  return oneLine(choice.label, MAX_LABEL);
}
/** What a choice does and what has to be known for it; long words only where there are few of them. */
function wordsOf({ choices }: ActionRequest, { label, hint }: ActionChoice): string {
  const limit = choices.length <= FEW_CHOICES ? MAX_WORDS : MAX_LABEL;
  return oneLine(hint === undefined ? label : `${label} ${hint}`, limit);
}
function shownChoices(request: ActionRequest): readonly ActionChoice[] {
  return request.choices.slice(0, MAX_CHOICES);
}
function restOf(request: ActionRequest): readonly string[] {
  const more = request.choices.length - MAX_CHOICES;
  return more > 0 ? [`… und ${more} weitere, siehe Schreiben`] : [];
}
