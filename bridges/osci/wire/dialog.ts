import { randomBytes } from "node:crypto";
import type { ControlBlock } from "./control-block.ts";
import { OsciError } from "./errors.ts";
import { isResponse, type MessageType, type RequestType } from "./names.ts";

/**
 * The client's side of one dialog with an intermediary, as a value: each step gives the next one, nothing is changed in
 * place (facts §1.4). `implicit`: one exchange of its own. `explicit`: opened by InitDialog, closed by ExitDialog.
 */
export type Dialog =
  | { readonly kind: "implicit"; readonly stage: "fresh" }
  | { readonly kind: "explicit"; readonly stage: "fresh" }
  | { readonly kind: "implicit" | "explicit"; readonly stage: "over" }
  | {
      readonly kind: "explicit";
      readonly stage: "open";
      readonly conversationId: string;
      /** Of the last answer; the next request returns it. */
      readonly challenge: string;
      readonly nextSequence: number;
    };

/** A request on its way: what its answer has to match. */
export interface Exchange {
  readonly dialog: Dialog;
  readonly request: RequestType;
  readonly control: ControlBlock;
}

const challengeBytes = 10;
const notInDialog: readonly RequestType[] = ["AcceptDelivery", "ProcessDelivery"];
/** Orders that exist only within an explicit dialog (9802). */
const dialogOnly: readonly RequestType[] = [
  "FetchDelivery",
  "FetchProcessCard",
  "MediateDelivery",
  "PartialFetchDelivery",
  "ExitDialog",
];

export function implicitDialog(): Dialog {
  return { kind: "implicit", stage: "fresh" };
}
export function explicitDialog(): Dialog {
  return { kind: "explicit", stage: "fresh" };
}

/** Base64 of 10 random bytes, as the library makes them. */
export function newChallenge(): string {
  return randomBytes(challengeBytes).toString("base64");
}

/**
 * The control block of the next request. `challenge` must be new each time. Throws OsciError NOT_ALLOWED when the order
 * does not fit the state: nothing may be sent then.
 */
export function nextRequest(dialog: Dialog, request: RequestType, challenge: string): Exchange {
  if (dialog.stage === "over") throw notAllowed("the dialog is over");
  if (notInDialog.includes(request)) throw notAllowed(`a client does not send ${request}`);
  if (dialog.kind === "implicit") {
    if (dialogOnly.includes(request) || request === "InitDialog")
      throw notAllowed(`${request} needs an explicit dialog`);
    return { dialog, request, control: { challenge, sequenceNumber: 0 } };
  }
  if ((dialog.stage === "fresh") !== (request === "InitDialog"))
    throw notAllowed("an explicit dialog begins with InitDialog, and only so");
  if (dialog.stage === "fresh") return { dialog, request, control: { challenge } };
  const { conversationId, nextSequence: sequenceNumber, challenge: response } = dialog;
  return { dialog, request, control: { response, challenge, conversationId, sequenceNumber } };
}

/**
 * Checks an answer by the table of facts §1.4 and gives the state after it. Throws OsciError: 9100 when something is
 * missing, 9802 when it is the ConversationId, 9400 when something does not match. After a throw the dialog is over.
 */
export function acceptResponse(
  exchange: Exchange,
  type: MessageType,
  answer: ControlBlock,
): Dialog {
  const { dialog, request, control } = exchange;
  if (type !== `ResponseTo${request}`) throw mismatch(`${request} was answered with ${type}`);
  if (answer.response === undefined) throw missing("Response");
  if (answer.response !== control.challenge) throw mismatch("Response is not our Challenge");
  requireSequence(request, control, answer);
  const { conversationId, challenge } = answer;
  if (conversationId === undefined)
    throw new OsciError("REMOTE_ANSWER_INVALID", "9802", "the answer has no ConversationId");
  if (dialog.kind === "implicit") return { kind: "implicit", stage: "over" };
  if (dialog.stage === "open" && conversationId !== dialog.conversationId)
    throw mismatch("the answer belongs to another conversation");
  if (request === "ExitDialog") {
    if (challenge !== undefined) throw mismatch("a closed dialog goes on");
    return { kind: "explicit", stage: "over" };
  }
  if (challenge === undefined) throw missing("Challenge");
  const nextSequence = control.sequenceNumber === undefined ? 0 : control.sequenceNumber + 1;
  return { kind: "explicit", stage: "open", conversationId, challenge, nextSequence };
}

/** After a fault, a lost answer or one that could not be kept: nothing more may be sent in this dialog (facts §1.3). */
export function dropped(dialog: Dialog): Dialog {
  return { kind: dialog.kind, stage: "over" };
}

/** Absent in the answer to InitDialog, echoed everywhere else. */
function requireSequence(request: RequestType, control: ControlBlock, answer: ControlBlock): void {
  if (request === "InitDialog") {
    if (answer.sequenceNumber !== undefined) throw mismatch("a SequenceNumber where none may be");
    return;
  }
  if (answer.sequenceNumber === undefined) throw missing("SequenceNumber");
  if (answer.sequenceNumber !== control.sequenceNumber)
    throw mismatch("the SequenceNumber is another one");
}

/** Presence of each field by message type, for messages that are looked at without their dialog (facts §1.4). */
export function controlFaults(type: MessageType, control: ControlBlock): readonly string[] {
  const rule = ruleOf(type);
  const present = {
    Response: control.response !== undefined,
    Challenge: control.challenge !== undefined,
    ConversationId: control.conversationId !== undefined,
    SequenceNumber: control.sequenceNumber !== undefined,
  };
  return Object.entries(present).flatMap(([name, there], index) => {
    const demand = rule.charAt(index);
    if (demand === "+" && !there) return [`${name} is missing`];
    return demand === "-" && there ? [`${name} must not be there`] : [];
  });
}

/** Response, Challenge, ConversationId, SequenceNumber: + must, - must not, . may. */
const rules: Readonly<Partial<Record<MessageType, string>>> = {
  InitDialog: "-+--",
  ResponseToInitDialog: "+++-",
  FetchDelivery: "++++",
  FetchProcessCard: "++++",
  ExitDialog: "++++",
  MediateDelivery: "++++",
  PartialFetchDelivery: "++++",
  ResponseToFetchDelivery: "++++",
  ResponseToFetchProcessCard: "++++",
  ResponseToMediateDelivery: "++++",
  ResponseToPartialFetchDelivery: "++++",
  ResponseToExitDialog: "+-++",
  ResponseToForwardDelivery: "+..+",
  AcceptDelivery: "-+--",
  ProcessDelivery: "-+--",
  ResponseToAcceptDelivery: "+.--",
  ResponseToProcessDelivery: "+..+",
};
function ruleOf(type: MessageType): string {
  return rules[type] ?? (isResponse(type) ? "+.++" : ".+.+");
}

function notAllowed(message: string): OsciError {
  return new OsciError("NOT_ALLOWED", "9802", message);
}
function missing(what: string): OsciError {
  return new OsciError("REMOTE_ANSWER_INVALID", "9100", `the answer has no ${what}`);
}
function mismatch(message: string): OsciError {
  return new OsciError("REMOTE_ANSWER_INVALID", "9400", message);
}
