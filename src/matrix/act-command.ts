import type { Action, ActionChoice, ActionRequest } from "../model/message.ts";
import { oneLine } from "./german.ts";

/** What somebody typed or a client sent, before it is known what was asked for. Words in lower case. */
export interface Command {
  readonly name: string;
  /** Empty when it was left out. */
  readonly choice: string;
  readonly argument?: string;
}

/** Characters of a free text that goes with an act. */
export const MAX_ARGUMENT = 2_000;
/** Characters of a command that the answer to it repeats. */
const MAX_QUOTED = 60;

/** Does this text mean to be a command? Clients may put invisible marks and full-width signs in front of it. */
export function isCommand(text: string): boolean {
  return /^[\s\p{Cf}]*[!！]/u.test(text);
}

/** `!name choice argument`. Pure; undefined when the text does not begin with "!". */
export function readCommand(text: string): Command | undefined {
  if (!isCommand(text)) return undefined;
  return readWords(text.replace(/^[\s\p{Cf}]*[!！]/u, ""));
}

/** The same words without the sign: what a command looks like whose "!" was forgotten. One line only. */
export function readForgotten(text: string): Command | undefined {
  const line = text.trim();
  return /^[a-z]{2,20}\s+[a-z]{2,20}(\s|$)/i.test(line) && !line.includes("\n")
    ? readWords(line)
    : undefined;
}

function readWords(words: string): Command {
  const [, name = "", choice = "", rest = ""] = /^\s*(\S*)\s*(\S*)\s*([\s\S]*)$/.exec(words) ?? [];
  return commandOf({ name, choice, argument: rest });
}

/** A command in its normal form: words in lower case, no empty argument. */
export function commandOf(words: {
  readonly name: string;
  readonly choice: string;
  readonly argument?: string | undefined;
}): Command {
  const argument = words.argument?.replaceAll("\u0000", "").trim() ?? "";
  return {
    name: words.name.trim().toLowerCase(),
    choice: words.choice.trim().toLowerCase(),
    ...(argument === "" ? {} : { argument }),
  };
}

export type CheckedAct =
  | { readonly kind: "act"; readonly action: Action; readonly choice: ActionChoice }
  /** Whole German sentences for the person who wrote it. */
  | { readonly kind: "problem"; readonly problem: string };

/** Is the command one of the acts that this request asks for, with everything it needs? Pure. */
export function checkAct(request: ActionRequest, command: Command): CheckedAct {
  const choice = request.choices.find((one) => one.name === command.choice);
  if (command.name !== request.name || !choice)
    return problem(
      command.choice === ""
        ? "Der Befehl ist unvollständig."
        : `„${oneLine(`!${command.name} ${command.choice}`, MAX_QUOTED)}“ ist hier kein Befehl.`,
    );
  const argument = readArgument(choice, command.argument);
  if ("problem" in argument) return problem(argument.problem);
  const { name } = request;
  return { kind: "act", action: { name, choice: choice.name, ...argument }, choice };
}

function readArgument(
  choice: ActionChoice,
  given: string | undefined,
): { argument?: string } | { problem: string } {
  const wanted = choice.argument;
  if (!wanted) {
    if (given === undefined) return {};
    return {
      problem: `Nach „${choice.name}“ darf nichts weiter stehen, es würde nicht übermittelt.`,
    };
  }
  const blank = given === undefined || given === placeholderOf(choice);
  if (blank) return wanted.required ? { problem: `Es fehlt die Angabe „${wanted.label}“.` } : {};
  if (wanted.kind === "text") {
    if (given.length <= MAX_ARGUMENT) return { argument: given };
    return {
      problem: `Die Angabe „${wanted.label}“ ist zu lang (höchstens ${MAX_ARGUMENT} Zeichen).`,
    };
  }
  const date = readDate(given);
  if (date !== undefined) return { argument: date };
  return {
    problem: `Die Angabe „${wanted.label}“ ist kein Datum. Bitte als TT.MM.JJJJ oder JJJJ-MM-TT schreiben.`,
  };
}

/** What stands for the argument where a command is shown. */
export function placeholderOf({ argument }: ActionChoice): string {
  if (!argument) return "";
  return argument.kind === "date" ? "TT.MM.JJJJ" : `${argument.label}…`;
}

/** `2026-11-21` or `21.11.2026`, only days that exist, as ISO date. Never a two-digit year: it could be another one. */
export function readDate(text: string): string | undefined {
  const iso = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  const german = /^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})$/.exec(text);
  const [year, month, day] = iso
    ? [iso[1], iso[2], iso[3]]
    : [german?.[3], german?.[2]?.padStart(2, "0"), german?.[1]?.padStart(2, "0")];
  const date = `${year}-${month}-${day}`;
  const time = Date.parse(`${date}T00:00:00.000Z`);
  // Some engines move 30 February to March: only a day that stays itself exists.
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date) ? date : undefined;
}

function problem(text: string): CheckedAct {
  return { kind: "problem", problem: text };
}
