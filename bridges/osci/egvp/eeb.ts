import type { ActionRequest, Message } from "../../../src/model/message.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";
import { carried, carriedParty } from "./extra.ts";
import { EGVP, formFor } from "./profile.ts";
import type { XjustizForm } from "./profile.ts";
import { formatDay, germanDay, isDay } from "./time.ts";
import type { Xjustiz, XjustizParty } from "./xjustiz.ts";

/** The electronic receipt (eEB, § 173 ZPO; facts §5.5): an act of a human, offered here and never done by itself. */

const NAME = "eeb";
const GIVE = "abgeben";
const REFUSE = "ablehnen";

/** Does the demand name everything that an answer needs: id, version, sender? */
export function isAnswerable({ ownId, version, sender }: Xjustiz): boolean {
  return ownId !== undefined && sender !== undefined && formFor(version) !== undefined;
}

/** What a letter asks its reader to do; undefined when it asks for nothing that can be answered. */
export function requestReceipt(xjustiz: Xjustiz | undefined): ActionRequest | undefined {
  if (xjustiz?.receiptDemanded !== true || !isAnswerable(xjustiz)) return undefined;
  const codes = EGVP.eeb.codes.map(({ code, text }) => `${code} = ${text}`).join("; ");
  return {
    name: NAME,
    title: "Empfangsbekenntnis",
    ...(xjustiz.deadline === undefined ? {} : { deadline: xjustiz.deadline }),
    choices: [
      {
        name: GIVE,
        label: "Den Empfang mit rechtlicher Wirkung bestätigen (§ 173 ZPO)",
        argument: { label: "Zustelldatum", kind: "date", required: false },
      },
      {
        name: REFUSE,
        label: "Das Empfangsbekenntnis ablehnen",
        hint: `Am Anfang des Grundes kann eine Ziffer stehen: ${codes}`,
        argument: { label: "Grund", kind: "text", required: true },
      },
    ],
  };
}

export type Receipt =
  | { readonly kind: "given"; readonly day: string }
  | { readonly kind: "refused"; readonly code: string; readonly reason: string };

/** Why a receipt cannot be written; `notice` German. */
export interface ReceiptFault {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly notice: string;
}

/** What the demand says and the answer needs. */
export interface Demand {
  readonly form: XjustizForm;
  readonly version: string;
  readonly id: string;
  readonly theirs?: string;
  readonly ours?: string;
  readonly court: XjustizParty;
  /** Whom the court addressed: the answer comes from them. */
  readonly addressed?: XjustizParty;
}

type Act = Pick<Message, "action" | "attachments" | "sentAt">;

/**
 * The receipt that an act means. The reference day is the day of the act, so that every attempt judges alike.
 * `answered` undefined: only what can be judged without it.
 */
export function readAct(act: Act, answered: Message | undefined): Receipt | ReceiptFault {
  const { action } = act;
  if (action?.name !== NAME)
    return fault("CONTENT_UNSUPPORTED", "an unknown act", "Diese Handlung ist hier nicht möglich.");
  if (answered !== undefined && answered.request?.name !== NAME)
    return fault(
      "REPLY_NOT_POSSIBLE",
      "the letter asks for no receipt",
      "Zu diesem Schreiben wurde kein Empfangsbekenntnis angefordert.",
    );
  if (act.attachments.length > 0)
    return fault(
      "LETTER_INVALID",
      "a receipt with files",
      "Ein Empfangsbekenntnis hat keine Anlagen. Bitte senden Sie die Dateien als eigenes Schreiben.",
    );
  if (action.choice === GIVE) return readDay(action.argument, act.sentAt, answered?.sentAt);
  if (action.choice === REFUSE) return readReason(action.argument);
  return fault(
    "CONTENT_UNSUPPORTED",
    "an unknown choice",
    `Möglich sind „${GIVE}“ und „${REFUSE}“.`,
  );
}

function readDay(
  argument: string | undefined,
  actedAt: Date,
  depositedAt: Date | undefined,
): Receipt | ReceiptFault {
  const today = germanDay(actedAt);
  const day = argument?.trim() ? argument.trim() : today;
  if (!isDay(day))
    return fault(
      "LETTER_INVALID",
      "the day of service is not a date",
      `Das Zustelldatum muss ein Datum der Form ${today} sein.`,
    );
  if (day > today)
    return fault(
      "LETTER_INVALID",
      "the day of service lies in the future",
      `Das Zustelldatum ${formatDay(day)} liegt in der Zukunft.`,
    );
  const earliest = depositedAt && germanDay(depositedAt);
  if (earliest !== undefined && day < earliest)
    return fault(
      "LETTER_INVALID",
      "the day of service lies before the deposit",
      `Das Zustelldatum ${formatDay(day)} liegt vor dem Eingang des Schreibens am ${formatDay(earliest)}.`,
    );
  return { kind: "given", day };
}

/** `2: Seite 3 fehlt`: a digit of the list, then words. Without a digit the first code of the list. */
function readReason(argument: string | undefined): Receipt | ReceiptFault {
  const [, digit, rest] =
    /^(?:(\d)(?=[\s:.)-]|$)[\s:.)-]*)?(.*)$/s.exec(argument?.trim() ?? "") ?? [];
  const code = EGVP.eeb.codes.find((known) => known.code === digit);
  const reason = code === undefined ? (argument?.trim() ?? "") : (rest?.trim() ?? "");
  if (reason === "" && code === undefined)
    return fault(
      "LETTER_INVALID",
      "a refusal without reason",
      "Eine Ablehnung braucht einen Grund.",
    );
  if (reason.length > EGVP.eeb.reasonCharacters)
    return fault(
      "LETTER_INVALID",
      "the reason is too long",
      `Der Grund ist zu lang: höchstens ${EGVP.eeb.reasonCharacters} Zeichen, es sind ${reason.length}.`,
    );
  return { kind: "refused", code: code?.code ?? EGVP.eeb.codes[0]?.code ?? "1", reason };
}

/** What the letter that is answered carries about the demand. */
export function readDemand(answered: Message): Demand | ReceiptFault {
  const version = carried(answered, "version");
  const form = formFor(version);
  const id = carried(answered, "xjustizId");
  const court = carriedParty(answered, "sender");
  if (version === undefined || form === undefined || id === undefined || court === undefined)
    return fault(
      "REPLY_NOT_POSSIBLE",
      "the demand names no version, id or sender that an answer needs",
      "Das Empfangsbekenntnis kann hier nicht erstellt werden: Die Anforderung ist unvollständig.",
    );
  const [theirs, ours] = [carried(answered, "theirs"), carried(answered, "ours")];
  const addressed = carriedParty(answered, "addressee");
  return {
    form,
    version,
    id,
    court,
    ...(theirs === undefined ? {} : { theirs }),
    ...(ours === undefined ? {} : { ours }),
    ...(addressed === undefined ? {} : { addressed }),
  };
}

export function isFault<T extends object>(result: T | ReceiptFault): result is ReceiptFault {
  return "notice" in result;
}
function fault(code: ErrorCode, detail: string, notice: string): ReceiptFault {
  return { code, detail, notice };
}
