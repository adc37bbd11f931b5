/**
 * Which fields of a letter survive the way through the BundID codec and back: sends a message in which every canonical
 * field is set, and writes down what comes out. `node test/bridges/bundid/round-trip.ts --write` brings
 * docs/round-trip.md up to date; round-trip.test.ts fails when it is not.
 */
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { letterOf, messageOf } from "../../../bridges/bundid/codec.ts";
import type { Letterhead } from "../../../bridges/bundid/codec.ts";
import { prepareFiles } from "../../../bridges/bundid/files.ts";
import { parseLetter, serialiseLetter } from "../../../bridges/bundid/letter.ts";
import type { Letter } from "../../../bridges/bundid/letter.ts";
import { BUILT_IN } from "../../../bridges/bundid/profile.ts";
import { findFileType } from "../../../src/guard/filetype.ts";
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
const SIGNER = "Amt CN";

/** Every field of the canonical form, and every extra of this bridge. */
const EVERYTHING: Message = {
  id: "01a1fbbf-1efe-77b2-a8bb-8ee4ffad44d9",
  account: "konto",
  sourceId: "$ereignis",
  conversation: "fall-1",
  inReplyTo: "01a1fbbf-0000-7000-8000-000000000000",
  sentAt: new Date("2026-11-20T09:00:00Z"),
  from: { address: "konto", name: "Stadt Größe & Söhne", role: "authority" },
  to: [
    { address: "11111111-2222-4333-8444-555555555555", name: "Erika Mustermann", role: "citizen" },
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
  replyPolicy: "mandatory",
  case: {
    reference: "AZ 12/34-ä",
    applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    legalBasis: "ozg9",
  },
  details: [{ label: "Herkunft", value: "geprüft" }],
  request: {
    name: "eeb",
    title: "Empfangsbekenntnis",
    deadline: new Date("2026-12-01T00:00:00Z"),
    choices: [{ name: "abgeben", label: "Den Empfang bestätigen" }],
  },
  action: { name: "eeb", choice: "abgeben" },
  original: { digest: DIGEST, size: 1 },
  extra: {
    service: "Bauvoranfrage",
    senderUrl: "https://stadt.example/bauamt",
    replyAddress: "bauamt@stadt.example",
    routingInfo: "fremd.42",
    retrievalConfirmationAddress: "lesen@stadt.example",
    signer: "Anderes Amt",
    way: "anders",
    kind: "anders",
  },
};

/** Why a field does not come back. A field that does not survive and is missing here fails the test. */
const REASONS: Readonly<Record<string, string>> = {
  id: "given by the gateway that accepts",
  account: "given by the gateway that accepts",
  sourceId: "made of sender, reference and digest",
  conversation: "made of sender, mailbox and case",
  details: "ZBP has no field for them",
  request: "ZBP knows no requests; only courts make them (EGVP)",
  action: "ZBP knows no acts; the letter's text says the same",
  inReplyTo: "ZBP does not know answers; our routing information ties them",
  sentAt: "ZBP has no date; the time of acceptance counts",
  "from.address": "the certificate's name (CN) is the authority",
  "to.name": "ZBP knows mailboxes, not names",
  "attachments.signed": "ZBP has no such mark; every file is covered by the signature",
  replyPolicy: "ZBP knows only whether a reply is possible",
  "case.legalBasis": "ZBP has no such field",
  original: "the untouched request of the way in",
  "extra.signer": "the certificate's name (CN)",
  "extra.way": "says how the letter came in",
  "extra.kind": "says what came in",
  "extra.routingInfo": "replaced by ours, which finds this letter again",
  "extra.retrievalConfirmationAddress": "replaced by ours, which finds this letter again",
};

const HEAD: Letterhead = {
  senderName: "",
  service: "Dienst des Kontos",
  minimumLevel: 1,
  defaultTitle: "Neue Nachricht",
  attachmentText: "Siehe Anlagen.",
  forbiddenHtml: "text",
};

/** One way out and in again. Our own routing and receipt address are given like any account does. */
async function travel(message: Message): Promise<{ letter: Letter; back: Message }> {
  const open = async () => Readable.from([CSV]);
  const files = await prepareFiles(message, open, BUILT_IN, new AbortController().signal);
  const head = {
    ...HEAD,
    senderName: message.from.name ?? "",
    routing: "mxgw1.unsere",
    receiptAddress: "ack+unsere@gw.example",
  };
  const letter = parseLetter(
    serialiseLetter(letterOf(message, files, head, BUILT_IN), BUILT_IN),
    BUILT_IN,
  );
  const arrived = messageOf(
    letter,
    {
      sourceId: "letter:…",
      signer: SIGNER,
      receivedAt: new Date("2026-11-21T10:00:00Z"),
      replyPolicy: letter.routing === undefined ? "forbidden" : "possible",
      files: files.map(({ name, mediaType, blob }) => {
        const entry = findFileType(BUILT_IN.mediaTypes, mediaType);
        return { name, mediaType: entry?.standard ?? mediaType, blob };
      }),
      original: { digest: `sha256:${"b".repeat(64)}`, size: 2 },
    },
    BUILT_IN,
  );
  return { letter, back: { ...arrived, id: "neu", account: "anderes" } };
}

/** Matrix → ZBP → Matrix → ZBP → Matrix. */
export async function measure(): Promise<{ fields: FieldRow[]; wire: Record<string, boolean> }> {
  const first = await travel(EVERYTHING);
  const second = await travel(first.back);
  const rounds = { before: EVERYTHING, after: first.back, again: second.back };
  const fields = compareFields(rounds, REASONS);
  const names = Object.keys(first.letter) as (keyof Letter)[];
  const wire = Object.fromEntries(
    names.map((name) => [name, isDeepStrictEqual(first.letter[name], second.letter[name])]),
  );
  return { fields, wire };
}

const WORDS: SectionWords = {
  bridge: "bundid",
  title: "BundID mailbox",
  introduction: [
    "A letter in which every canonical field is set goes Matrix → ZBP → Matrix → ZBP → Matrix through the codec.",
  ],
  wireParts: (count) =>
    `All ${count} fields of a ZBP letter are the same after the second way out.`,
  wireLost: "Fields of a ZBP letter that differ after the second way out",
};

/** The section of docs/round-trip.md that belongs to this bridge. */
export async function section(): Promise<string> {
  const { fields, wire } = await measure();
  return renderSection(WORDS, fields, wire);
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv.includes("--write"))
  writeSection(WORDS.bridge, await section());
