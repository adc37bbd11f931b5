import type { Detail, IncomingMessage } from "../model/message.ts";

/** Source id of a letter's copy for the side that does not count: the same one every time. */
export function copySourceOf(sourceId: string): string {
  return `copy:${sourceId}`;
}

/** A copy in Matrix says so, cannot be answered, and asks for nothing: the letter that counts lies elsewhere. */
export function asCopyInMatrix(message: IncomingMessage): IncomingMessage {
  const { request: _, ...rest } = message;
  return { ...rest, replyPolicy: "forbidden", details: [...(message.details ?? []), COPY_DETAIL] };
}

const COPY_DETAIL: Detail = {
  label: "Kopie",
  value: "Maßgeblich ist das Schreiben im bisherigen Postfach; dort kann geantwortet werden.",
};
