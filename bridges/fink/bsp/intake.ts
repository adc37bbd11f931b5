import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { BridgeContext, KnownMessage } from "../../../src/bridge/contract.ts";
import { digestOf } from "../../../src/model/id.ts";
import type { Attachment, BlobRef, Message } from "../../../src/model/message.ts";
import { isUuid, normaliseMailbox, remoteAddress } from "../address.ts";
import { answeredIds, messageOf } from "./codec.ts";
import type { Arrival } from "./codec.ts";
import { checkFiles } from "./file-rules.ts";
import type { CheckedFile } from "./file-rules.ts";
import type { ArrivedFile, BspLetter, BspReceipt } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import { checkLetter } from "./letter-rules.ts";
import type { Profile } from "./profile.ts";
import type { AuthoritySettings, Unlinked } from "./settings.ts";
import { createTakenLetters } from "./taken.ts";

export interface IntakeParts {
  readonly context: Pick<
    BridgeContext<unknown>,
    "account" | "accept" | "store" | "linked" | "recall" | "log" | "records"
  >;
  readonly profile: Profile;
  readonly authority: AuthoritySettings;
  readonly unlinked: Unlinked;
}

/**
 * Takes a BspNachricht: rules, recipient, files, accept; resolves with the receipt only after the letter is committed.
 * @throws LetterFault when it is refused; anything else is a fault of ours, and nothing was accepted
 */
export async function takeLetter(
  parts: IntakeParts,
  peer: Arrival["peer"],
  letter: BspLetter<ArrivedFile>,
  keepOriginal: () => Promise<BlobRef>,
): Promise<BspReceipt> {
  const { context, profile } = parts;
  checkLetter(letter, profile);
  const files = checkFiles(letter.files, profile);
  const answered = await findAnswered(parts, peer, letter);
  const mailbox = normaliseMailbox(letter.recipient.mailbox);
  const linked = answered !== undefined || (await context.linked(mailbox));
  const sourceId = sourceIdOf(letter, peer.name, files);
  const taken = createTakenLetters(context.records);
  if (!linked && parts.unlinked === "reject" && !(await taken.isNoted(sourceId)))
    throw new LetterFault("30", "Empfaenger/PostkorbId", "nobody reads this mailbox here");
  const original = await keepOriginal();
  const attachments: Attachment[] = [];
  for (const { name, mediaType, read } of files) {
    const blob = await context.store("attachment", Readable.from(read(), { objectMode: false }));
    attachments.push({ name, mediaType, blob });
  }
  const arrival: Arrival = {
    sourceId,
    peer,
    receivedAt: new Date(),
    files: attachments,
    original,
    ...(answered === undefined ? {} : { answered }),
  };
  const hold = {
    code: "RECIPIENT_UNLINKED",
    detail: "nobody in Matrix reads this mailbox",
  } as const;
  const message = messageOf(letter, arrival, profile);
  if (linked) await taken.note(sourceId, arrival.receivedAt);
  // Noted and yet unknown (a crash in between) and unlinked since: held, as nobody refused it either.
  const accepted = await context.accept(message, linked ? {} : { hold });
  const fields = { account: context.account, peer: peer.name, ...accepted };
  context.log.info(fields, "bsp-letter");
  // "conflict" cannot mean another letter here, because the source id covers the content: only the way in which this
  // account names its sender changed since. The first one counts, as for a duplicate.
  return receiptFor(accepted.id, await context.recall(accepted.id), profile);
}

/**
 * A receipt counts as delivery into the mailbox (facts §1.7): it is positive only for a letter that is on its way to a
 * reader. What is held is answered 99, so that its sender comes again; it is known by then and never taken twice.
 */
function receiptFor(id: string, known: KnownMessage | undefined, profile: Profile): BspReceipt {
  switch (known?.state) {
    case "held":
      throw new LetterFault("99", "Empfaenger", `kept as ${id}; nobody reads this mailbox yet`);
    case "rejected":
      throw new LetterFault("30", "Empfaenger", `${id} was not admitted to this mailbox`);
    case "failed":
      throw new LetterFault("99", "Empfaenger", `${id} could not be handed to its reader yet`);
    default:
      return { accepted: true, status: profile.accepted, hints: `${profile.acceptedText}: ${id}` };
  }
}

/**
 * The letter of ours that this one answers. Believed only when it comes from the mailbox to which ours went, back to
 * the one that wrote it; anything else starts its own conversation.
 */
async function findAnswered(
  { context, authority }: IntakeParts,
  { entityId }: Arrival["peer"],
  letter: BspLetter<unknown>,
): Promise<Message | undefined> {
  const { mailbox } = letter.sender;
  if (entityId === undefined || mailbox === undefined) return undefined;
  const counterpart = remoteAddress({ entityId, mailbox: normaliseMailbox(mailbox) });
  const own = normaliseMailbox(letter.recipient.mailbox);
  for (const id of answeredIds(letter).filter(isUuid)) {
    const known = await context.recall(id.toLowerCase());
    if (known?.origin !== "matrix" || known.message.to[0]?.address !== counterpart) continue;
    const { from } = known.message;
    const writer = from.role === "citizen" ? from.address : (authority.mailbox ?? from.address);
    if (normaliseMailbox(writer) === own) return known.message;
  }
  return undefined;
}

/**
 * NachrichtenId is informational only. A letter is the same when its sender, its id and its content are; the time at
 * which it was rendered counts only where the id is no UUID and may be used for many letters.
 */
export function sourceIdOf(
  letter: BspLetter<ArrivedFile>,
  peer: string,
  files: readonly CheckedFile[],
): string {
  const { id, createdAt, version: _version, issue: _issue, product: _product, ...content } = letter;
  const parts = {
    ...content,
    files: files.map(({ name, mediaType, read }) => [name, mediaType, digestOfFile(read())]),
  };
  const time = isUuid(id) ? "" : createdAt.toISOString();
  return `bsp:${digestOf(peer, id, time, JSON.stringify(parts))}`;
}

/** As the blob store names it: source ids of letters that were accepted before this was computed here stay the same. */
function digestOfFile(pieces: Iterable<Uint8Array>): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return `sha256:${hash.digest("hex")}`;
}
