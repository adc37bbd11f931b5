import type { Refusal } from "../bridge/contract.ts";
import type { Action, ActionRequest } from "../model/message.ts";
import type { MessageState } from "../model/state.ts";
import type { StoredMessage } from "../store/store.ts";
import type { Command } from "./act-command.ts";
import {
  commandList,
  describeAct,
  describeRequest,
  titleOf,
  type OpenRequest,
} from "./act-text.ts";
import { SENDER_KEY } from "./envelope.ts";
import { formatTime } from "./german.ts";

/** Letters in the question which of several is meant. */
const MAX_NAMED = 10;
const NOTHING_SENT = "Es wurde nichts übermittelt.";

/** What was wrong with a command, and which commands there are. */
export function withCommands(problem: string, open: readonly OpenRequest[]): Refusal {
  const notice = `${problem} ${NOTHING_SENT}\n${commandList(open)}`;
  return { code: "ACT_INVALID", detail: "no act that is asked for here", notice };
}

export function answersNothing(open: readonly OpenRequest[]): Refusal {
  return withCommands("Das gemeinte Schreiben erbittet diese Erklärung nicht.", open);
}

export function severalOpen(open: readonly OpenRequest[]): Refusal {
  const named = open.slice(0, MAX_NAMED).map((one) => `  ${describeRequest(one)}`);
  const rest = open.length > MAX_NAMED ? [`  … und ${open.length - MAX_NAMED} weitere`] : [];
  const notice = [
    `Mehrere Schreiben warten auf diese Erklärung. ${NOTHING_SENT}`,
    "Bitte senden Sie den Befehl als Antwort auf das gemeinte Schreiben:",
    ...named,
    ...rest,
  ].join("\n");
  return { code: "ACT_INVALID", detail: `${open.length} requests of this name are open`, notice };
}

/** The "!" was forgotten: as a letter it would leave, and nobody would have acted. */
export function forgottenSign({ name, choice }: Command): Refusal {
  const notice = `Meinten Sie „!${name} ${choice} …“? Ein Befehl beginnt mit einem Ausrufezeichen. ${NOTHING_SENT}`;
  return { code: "ACT_INVALID", detail: "the words of a command without its sign", notice };
}

/** A second act for the same request: the same again, or another one. Neither leaves. */
export function repeatedAct(
  request: ActionRequest,
  action: Action,
  { message, state }: StoredMessage,
): Refusal {
  const first = message.action;
  const same = first?.choice === action.choice && first.argument === action.argument;
  const what = first === undefined ? "" : ` ${describeAct(request, first)}`;
  const who = message.extra?.[SENDER_KEY] ?? "unbekannt";
  const given = `${titleOf(request)} –${what} – von ${who} am ${formatTime(message.sentAt)}; ${STATES[state]}.`;
  if (same)
    return {
      code: "ACT_REPEATED",
      detail: `the act ${message.id} is the same`,
      notice: `Bereits erklärt: ${given} Es wurde nichts weiter übermittelt.`,
    };
  return {
    code: "ACT_CONFLICT",
    detail: `the act ${message.id} says something else`,
    notice: `Bereits anders erklärt: ${given} Ihre neue Angabe wurde nicht übermittelt.`,
  };
}

const STATES: Readonly<Record<MessageState, string>> = {
  pending: "wird übermittelt",
  sending: "wird übermittelt",
  unknown: "es wird geprüft, ob sie angekommen ist",
  held: "wartet auf eine Freigabe",
  delivered: "übermittelt",
  failed: "nicht zugestellt",
  rejected: "nicht angenommen",
};

/** A late act still leaves: what it is worth then is for people to decide. */
export function deadlineNote({ deadline }: ActionRequest, at: Date): string | undefined {
  if (deadline === undefined || at <= deadline) return undefined;
  return `Hinweis: Die Frist bis ${formatTime(deadline)} war bei der Abgabe abgelaufen.`;
}
