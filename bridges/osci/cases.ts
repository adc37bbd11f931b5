import { z } from "zod";
import type { BridgeContext, KnownMessage } from "../../src/bridge/contract.ts";
import { digestOf } from "../../src/model/id.ts";
import type { Message } from "../../src/model/message.ts";
import type { CaseReferences } from "./egvp/contract.ts";

/**
 * Which conversation a delivery belongs to. One file number of one counterpart is one room, whoever wrote first: a court
 * with its own number, or we out of a room that was opened in Matrix. A counterpart is known by more than the SAFE-ID it
 * claims (`origin.ts`), so that nobody gets into the room of another.
 */
export interface Cases {
  /** `answered`: our letter or theirs whose XJustiz id this delivery names. */
  find(counterpart: string, references: CaseReferences, fallback: Fallback): Promise<Place>;
  /**
   * Written before a letter leaves or is confirmed: no answer can come earlier. The first conversation stays. A letter of
   * the past is the last one of its conversation only as long as no live one is.
   */
  remember(counterpart: string, references: CaseReferences, place: Place): Promise<void>;
  /** The letter that this one answers: the one it names, else the last one of its conversation. */
  answeredBy(message: Message): Promise<KnownMessage | undefined>;
}
export interface Place {
  readonly conversation: string;
  /** Ours: the letter that is meant. */
  readonly letter?: string | undefined;
  /** It was moved here with the history. */
  readonly past?: true | undefined;
}
/** Takes the place of a file number when there is none. */
export interface Fallback {
  readonly subject?: string | undefined;
  readonly messageId: string;
}

const placeSchema = z.object({
  conversation: z.string(),
  letter: z.string().optional(),
  past: z.literal(true).optional(),
});
export const CASE = "case:";
const LAST = "last:";

type Context = Pick<BridgeContext<unknown>, "records" | "recall">;

export function createCases(context: Context): Cases {
  const read = async (key: string): Promise<Place | undefined> => {
    const value = await context.records.get(key);
    return value === undefined ? undefined : placeSchema.parse(JSON.parse(value));
  };
  return {
    async find(counterpart, references, fallback) {
      const { answers } = references;
      for (const id of answers) {
        const known = await read(keyOf(counterpart, "xjustiz", id));
        if (known !== undefined) return { conversation: known.conversation, letter: known.letter };
      }
      for (const [kind, number] of numbersOf(references)) {
        const known = await read(keyOf(counterpart, kind, number));
        if (known !== undefined) return { conversation: known.conversation };
      }
      return { conversation: newKey(counterpart, references, fallback) };
    },
    async remember(counterpart, references, place) {
      const { xjustizId } = references;
      const first = async (key: string, value: Place) => {
        const known = await read(key);
        if (known === undefined || completes(value, known))
          await context.records.put(key, JSON.stringify(value));
      };
      if (xjustizId !== undefined) await first(keyOf(counterpart, "xjustiz", xjustizId), place);
      for (const [kind, number] of numbersOf(references))
        await first(keyOf(counterpart, kind, number), { conversation: place.conversation });
      if (place.letter === undefined) return;
      const last = LAST + place.conversation;
      const known = await read(last);
      if (known === undefined || isNewer(place, known))
        await context.records.put(last, JSON.stringify(place));
    },
    async answeredBy({ inReplyTo, conversation }) {
      const last = inReplyTo === undefined ? (await read(LAST + conversation))?.letter : undefined;
      const id = inReplyTo ?? last;
      return id === undefined ? undefined : context.recall(id);
    },
  };
}

/** The same place, now with the letter: that of a letter of the past is written before the letter has an id. */
function completes(next: Place, known: Place): boolean {
  const same = next.conversation === known.conversation;
  return same && known.letter === undefined && next.letter !== undefined;
}

/** Our ids grow with time: a delivery that is only repeated does not come before its successors again. */
function isNewer(next: Place, known: Place): boolean {
  if (next.past !== known.past) return known.past === true;
  return (known.letter ?? "") < (next.letter ?? "");
}

/** Our own number first: we gave it, the other one only has to repeat it. */
function numbersOf({ ours, theirs }: Pick<CaseReferences, "ours" | "theirs">) {
  const found: ["ours" | "theirs", string][] = [];
  if (ours !== undefined && normalised(ours) !== "") found.push(["ours", ours]);
  if (theirs !== undefined && normalised(theirs) !== "") found.push(["theirs", theirs]);
  return found;
}

function keyOf(counterpart: string, kind: "ours" | "theirs" | "xjustiz", value: string): string {
  return CASE + digestOf(counterpart, kind, kind === "xjustiz" ? value : normalised(value));
}

/** The same without the records: what was lost is found again by the number alone. */
export function newKey(
  counterpart: string,
  { theirs, ours }: CaseReferences,
  { subject, messageId }: Fallback,
): string {
  const [kind, value] =
    theirs !== undefined && normalised(theirs) !== ""
      ? ["theirs", normalised(theirs)]
      : ours !== undefined && normalised(ours) !== ""
        ? ["ours", normalised(ours)]
        : topicOf(subject, messageId);
  return `osci-${digestOf(counterpart, kind, value).slice(0, 32)}`;
}

function topicOf(subject: string | undefined, messageId: string): [string, string] {
  const topic = normalised((subject ?? "").replace(/^(?:\s*(?:re|aw|antw|wg|fwd?)\s*:)+/i, ""));
  return topic === "" ? ["message", messageId] : ["subject", topic];
}

/** File numbers are written with blanks or without. */
function normalised(text: string): string {
  return text.normalize("NFC").toLowerCase().replace(/\s+/g, "");
}
