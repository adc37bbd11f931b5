/**
 * Which fields of a letter survive the way through BspNachricht and back: sends a message in which every canonical field
 * is set, and writes down what comes out. `node test/bridges/fink/round-trip.ts --write` brings docs/round-trip.md up to
 * date; round-trip.test.ts fails when it is not.
 */
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { remoteAddress } from "../../../bridges/fink/address.ts";
import { EXTRA, letterOf, messageOf } from "../../../bridges/fink/bsp/codec.ts";
import { checkFiles } from "../../../bridges/fink/bsp/file-rules.ts";
import { prepareFiles } from "../../../bridges/fink/bsp/files.ts";
import type { PreparedFile } from "../../../bridges/fink/bsp/files.ts";
import { checkLetter } from "../../../bridges/fink/bsp/letter-rules.ts";
import { BUILT_IN } from "../../../bridges/fink/bsp/profile.ts";
import { readLetter } from "../../../bridges/fink/bsp/read-letter.ts";
import type { ArrivedLetter } from "../../../bridges/fink/bsp/read-letter.ts";
import { streamPieces, writeLetter } from "../../../bridges/fink/bsp/write-letter.ts";
import type { Message } from "../../../src/model/message.ts";
import {
  compareFields,
  renderSection,
  writeSection,
  type FieldRow,
  type SectionWords,
} from "../../support/round-trip.ts";

const CSV = Buffer.from("a;b;c\n");
const DIGEST = `sha256:${"a".repeat(64)}` as const;
const ENTITY = "https://konto.land.example/idp";
const MAILBOX = "11111111-2222-4333-8444-555555555555";
const OWN_MAILBOX = "bbbbbbbb-2222-4333-8444-555555555555";

/** Every field of the canonical form, and every extra of this bridge. */
const EVERYTHING: Message = {
  id: "01a1fbbf-1efe-77b2-a8bb-8ee4ffad44d9",
  account: "konto",
  sourceId: "$ereignis",
  conversation: "fall-1",
  inReplyTo: "01a1fbbf-0000-7000-8000-000000000000",
  sentAt: new Date("2026-11-20T09:00:00Z"),
  from: {
    address: remoteAddress({ entityId: ENTITY, mailbox: OWN_MAILBOX }),
    name: "Stadt Größe & Söhne",
    role: "authority",
  },
  to: [
    {
      address: remoteAddress({ entityId: ENTITY, mailbox: MAILBOX }),
      name: "Erika Mustermann",
      role: "citizen",
    },
  ],
  subject: 'Betreff mit "Quotes", \\ und 🏛️',
  text: "Guten Tag,\n\nbitte reichen Sie Unterlagen nach.",
  html: "<p>Guten Tag,</p><p>bitte reichen Sie <b>Unterlagen</b> nach.</p>",
  attachments: [
    {
      name: "Bescheid über Gebühren.csv",
      mediaType: "text/csv",
      blob: { digest: DIGEST, size: CSV.length },
      signed: true,
    },
  ],
  level: 3,
  replyPolicy: "possible",
  case: { reference: "AZ 12/34-ä", applicationId: MAILBOX, legalBasis: "ozg9" },
  details: [{ label: "Sonstiges", value: "a" }],
  request: { name: "eeb", title: "Empfangsbekenntnis", choices: [{ name: "ja", label: "Ja" }] },
  action: { name: "eeb", choice: "ja" },
  original: { digest: DIGEST, size: 1 },
  extra: {
    [EXTRA.way]: "anders",
    [EXTRA.peer]: "anders",
    [EXTRA.id]: "anders",
    [EXTRA.service]: "Bauvoranfrage",
    [EXTRA.procedure]: "OK.BAU",
    [EXTRA.municipality]: "09162000",
    [EXTRA.link]: "https://stadt.example/bau",
    [EXTRA.email]: "bau@stadt.example",
    [EXTRA.phone]: "+49 89 1",
    [EXTRA.category]: "KAT_INFOBSP",
    [EXTRA.receiptAddress]: "lesen@stadt.example",
  },
};

/** Why a field does not come back. A field that does not survive and is missing here fails the test. */
const REASONS: Readonly<Record<string, string>> = {
  id: "given by the gateway that accepts",
  account: "given by the gateway that accepts",
  sourceId: "made of sender, NachrichtenId and content",
  conversation: "made of sender, mailbox and case",
  inReplyTo: "AntwortAuf names a letter that only the two sides of it know",
  "to.name": "the form of Empfaenger/Name is not public: it is read, never written",
  "attachments.signed": "BspNachricht has no such mark",
  "case.applicationId": "BspNachricht has no such field",
  "case.legalBasis": "BspNachricht has no such field",
  details: "made anew of what the letter says",
  request: "BspNachricht has no such field",
  action: "BspNachricht has no such field",
  original: "the untouched request of the way in",
  "extra.way": "says how the letter came in",
  "extra.peer": "the authority that delivered it",
  "extra.nachrichtenId": "our own id, by which an answer finds back",
  "extra.lesebestaetigungAntwortAdresse": "the read receipt of the way in belongs to its sender",
};

/** One way out, as an account with the data of EVERYTHING sends it, and in again at a node that knows it. */
async function travel(message: Message): Promise<{ letter: ArrivedLetter; back: Message }> {
  const { extra = {} } = message;
  const open = async () => Readable.from([CSV]);
  const files = await prepareFiles(message, { open }, BUILT_IN, new AbortController().signal);
  const authority = {
    name: message.from.name ?? "",
    service: extra[EXTRA.service] ?? "",
    procedure: extra[EXTRA.procedure],
    municipality: extra[EXTRA.municipality],
    link: extra[EXTRA.link],
    email: extra[EXTRA.email],
    phone: extra[EXTRA.phone],
    mailbox: OWN_MAILBOX,
    nameClerk: true,
    minimumLevel: 1,
    defaultTitle: "Neue Nachricht",
    attachmentText: "Siehe Anlagen.",
  } as const;
  const written = letterOf<PreparedFile>(message, files, { authority, form: "html" }, BUILT_IN);
  const chunks: Buffer[] = [];
  for await (const chunk of streamPieces(writeLetter(written, BUILT_IN))) chunks.push(chunk);
  const letter = await readLetter(Buffer.concat(chunks), BUILT_IN);
  checkLetter(letter, BUILT_IN);
  const arrived = messageOf(
    letter,
    {
      sourceId: "bsp:…",
      peer: { name: "stadt", entityId: ENTITY },
      receivedAt: new Date("2026-11-21T10:00:00Z"),
      files: checkFiles(letter.files, BUILT_IN).map(({ name, mediaType, size }, index) => ({
        name,
        mediaType,
        blob: { digest: message.attachments[index]?.blob.digest ?? DIGEST, size },
      })),
      original: { digest: `sha256:${"b".repeat(64)}`, size: 2 },
    },
    BUILT_IN,
  );
  // A mailbox of the node itself has its handle as address; from outside it is that of its account.
  const to = arrived.to.map((party) => ({
    ...party,
    address: remoteAddress({ entityId: ENTITY, mailbox: party.address }),
  }));
  return {
    letter,
    back: { ...arrived, to, id: "01a1fbbf-1efe-77b2-a8bb-000000000000", account: "b" },
  };
}

/** Matrix → BspNachricht → Matrix → BspNachricht → Matrix. */
export async function measure(): Promise<{ fields: FieldRow[]; wire: Record<string, boolean> }> {
  const first = await travel(EVERYTHING);
  const second = await travel(first.back);
  const rounds = { before: EVERYTHING, after: first.back, again: second.back };
  // The id of a BspNachricht is made anew on every way out.
  const fields = compareFields(rounds, REASONS).map((row) =>
    row.field === `extra.${EXTRA.id}` ? { ...row, stable: true } : row,
  );
  const names = Object.keys(first.letter) as (keyof ArrivedLetter)[];
  const wire = Object.fromEntries(
    names
      .filter((name) => name !== "id")
      .map((name) => [name, isDeepStrictEqual(first.letter[name], second.letter[name])]),
  );
  return { fields, wire };
}

const WORDS: SectionWords = {
  bridge: "fink",
  title: "BspNachricht (FINK)",
  introduction: [
    "A letter in which every canonical field is set goes Matrix → BspNachricht → Matrix → BspNachricht → Matrix through the codec.",
  ],
  wireParts: (count) =>
    `All ${count} fields of a BspNachricht but its id are the same after the second way out.`,
  wireLost: "Fields of a BspNachricht that differ after the second way out",
};

/** The section of docs/round-trip.md that belongs to this bridge. */
export async function section(): Promise<string> {
  const { fields, wire } = await measure();
  return renderSection(WORDS, fields, wire);
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv.includes("--write"))
  writeSection(WORDS.bridge, await section());
