import { DeliveryError, GatewayError } from "../../../src/model/errors.ts";
import type { Attachment, Message } from "../../../src/model/message.ts";
import { writeContainers } from "./cover.ts";
import type { Cover } from "./cover.ts";
import type {
  CaseReferences,
  EgvpAddressee,
  EgvpOutgoing,
  EgvpOutgoingFile,
  EgvpSender,
  WriteEgvp,
} from "./contract.ts";
import { fileNumber, optional, toLine } from "./documents.ts";
import { isFault, readAct, readDemand } from "./eeb.ts";
import { carried } from "./extra.ts";
import { extensionOf, legalName, NameRegister, readableName } from "./file-names.ts";
import { deriveUuid } from "./identifiers.ts";
import { EGVP } from "./profile.ts";
import { isDataset, MAX_NAME_CHARACTERS } from "./rules.ts";
import { writeReceipt, writeTransmission } from "./xjustiz-write.ts";

const MEDIA_TYPE = /^[a-z]{1,20}\/[a-z0-9][a-z0-9.+-]{0,99}$/i;

type Parties = { readonly sender: EgvpSender; readonly addressee: EgvpAddressee };

/**
 * What goes into a delivery (facts §5.1, §5.5). The same letter, parties, answered letter and `now` give the same bytes.
 * @throws DeliveryError permanent
 */
export const writeEgvp: WriteEgvp = (letter, parties, answered, now) => {
  try {
    requireAddressee(letter, parties.addressee);
    return letter.action === undefined
      ? writeLetter(letter, parties, answered, now)
      : writeAct(letter, parties, answered, now);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new DeliveryError("permanent", error.code, error.message, { cause: error });
  }
};

/** The transport looked the addressee up; a letter for somebody else must never get this far. */
function requireAddressee({ to }: Message, { safeId }: EgvpAddressee): void {
  const [addressee, second] = to;
  if (second !== undefined) throw refuse("LETTER_INVALID", "more than one addressee");
  if (addressee?.address.toLowerCase() !== safeId.toLowerCase())
    throw refuse("ROUTING_INVALID", "the letter is addressed to another mailbox");
}

function writeLetter(
  letter: Message,
  { sender, addressee }: Parties,
  answered: Message | undefined,
  now: Date,
): EgvpOutgoing {
  const references = referencesOf(letter, answered);
  const cover: Cover = {
    kind: kindOf(letter),
    subject: toLine(letter.subject) ?? EGVP.defaultSubject,
    text: letter.text ?? "",
    ours: references.ours,
    theirs: references.theirs,
  };
  const { files, dataset } = writeFiles(letter, { sender, addressee }, references, answered, now);
  return {
    ...envelope(cover.kind),
    containers: writeContainers(cover, { sender, addressee }, files, now),
    references: {
      ...references,
      ...optional("xjustizId", dataset ? deriveUuid(letter.id, "xjustiz") : undefined),
    },
  };
}

/** The reader's files under legal names, and the dataset that lists them, unless the letter brings its own. */
function writeFiles(
  letter: Message,
  { sender, addressee }: Parties,
  references: CaseReferences,
  answered: Message | undefined,
  now: Date,
): { files: readonly EgvpOutgoingFile[]; dataset: boolean } {
  const { attachments } = letter;
  const own = attachments.some(({ name }) => isDataset(name));
  const dataset = EGVP.xjustiz.send.enabled && !own && attachments.length > 0;
  const register = new NameRegister(dataset ? [EGVP.xjustiz.file] : []);
  const named = attachments.map((attachment) => ({
    attachment,
    fileName: register.take(legalNameOf(attachment), MAX_NAME_CHARACTERS, (n) => `_${n}`),
  }));
  const files = named.map(({ attachment, fileName }, index) =>
    outgoingFile(index, fileName, attachment.mediaType, attachment.blob),
  );
  if (!dataset) return { files, dataset };
  const bytes = writeTransmission(
    named.map(({ attachment, fileName }) => ({
      title: readableName(attachment.name),
      fileName,
    })),
    {
      letterId: letter.id,
      now,
      sender: sender.organisation,
      addressee: addressee.name,
      ours: references.ours,
      theirs: references.theirs,
      answers: carried(answered, "xjustizId"),
    },
  );
  const file = outgoingFile(files.length, EGVP.xjustiz.file, "application/xml", bytes);
  return { files: [...files, file], dataset };
}

/** A receipt: text and files of the act stay out, the dataset alone speaks. */
function writeAct(
  letter: Message,
  { sender, addressee }: Parties,
  answered: Message | undefined,
  now: Date,
): EgvpOutgoing {
  if (answered === undefined)
    throw refuse("REPLY_NOT_POSSIBLE", "the letter that asks for the receipt is not known");
  if (answered.from.address.toLowerCase() !== addressee.safeId.toLowerCase())
    throw refuse("ROUTING_INVALID", "a receipt goes to nobody but who asked for it");
  const receipt = readAct(letter, answered);
  if (isFault(receipt)) throw refuse(receipt.code, receipt.detail, receipt.notice);
  const demand = readDemand(answered);
  if (isFault(demand)) throw refuse(demand.code, demand.detail, demand.notice);
  const bytes = writeReceipt(receipt, demand, {
    name: sender.organisation,
    letterId: letter.id,
    now,
  });
  const reference = demand.theirs ?? toLine(answered.subject) ?? demand.id;
  const cover: Cover = {
    kind: EGVP.eeb.kind,
    subject: EGVP.eeb.subject.replace("{reference}", () => reference),
    text: "",
    ours: demand.ours,
    theirs: demand.theirs,
  };
  const file = outgoingFile(0, EGVP.xjustiz.file, "application/xml", bytes);
  return {
    ...envelope(cover.kind),
    containers: writeContainers(cover, { sender, addressee }, [file], now),
    references: {
      ...optional("theirs", demand.theirs),
      ...optional("ours", demand.ours),
      answers: [demand.id.toLowerCase()],
      xjustizId: deriveUuid(letter.id, "eeb"),
    },
  };
}

/**
 * `case.reference` is the number of who writes. In a room that a court's letter opened it may still be the court's: that
 * number is never sent as ours.
 */
function referencesOf(letter: Message, answered: Message | undefined): CaseReferences {
  const theirs = fileNumber(carried(answered, "theirs"));
  const own = fileNumber(letter.case?.reference);
  const ours = own === undefined || own === theirs ? fileNumber(carried(answered, "ours")) : own;
  const answers = carried(answered, "xjustizId");
  return {
    ...optional("theirs", theirs),
    ...optional("ours", ours),
    answers: answers === undefined ? [] : [answers.toLowerCase()],
  };
}

function kindOf(letter: Message): string {
  const wanted = carried(letter, "kind");
  return wanted !== undefined && EGVP.kinds.known.includes(wanted) ? wanted : EGVP.kinds.ordinary;
}

function envelope(kind: string): Pick<EgvpOutgoing, "kind" | "customHeaders"> {
  return { kind, customHeaders: [EGVP.header] };
}

/** The Content Id is a number, so that no name ever becomes part of an identifier (facts §3.5). */
function outgoingFile(
  index: number,
  cid: string,
  mediaType: string,
  content: EgvpOutgoingFile["content"],
): EgvpOutgoingFile {
  // What a Matrix client declares becomes a MIME header: nothing but a plain type gets there.
  const type = MEDIA_TYPE.test(mediaType) ? mediaType.toLowerCase() : "application/octet-stream";
  return { contentId: `content${index + 1}`, cid, mediaType: type, content };
}

function legalNameOf(attachment: Attachment): string {
  return isDataset(attachment.name) ? EGVP.xjustiz.file : legalName(withExtension(attachment));
}

/** Pictures pasted into a chat often have a name without an extension. */
function withExtension({ name, mediaType }: Attachment): string {
  if (extensionOf(name) !== "") return name;
  const wanted = mediaType.split(";")[0]?.trim().toLowerCase() ?? "";
  const entry = EGVP.mediaTypes.find(
    ({ type, aliases }) => type === wanted || (aliases?.includes(wanted) ?? false),
  );
  return name + (entry?.extensions[0] ?? "");
}

function refuse(code: DeliveryError["code"], detail: string, notice?: string): DeliveryError {
  return new DeliveryError("permanent", code, detail, notice === undefined ? {} : { notice });
}
