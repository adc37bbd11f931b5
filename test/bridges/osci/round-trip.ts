/**
 * Which fields of a letter survive the way through EGVP and back: writes a letter in which every canonical field is set,
 * reads it as the other mailbox does, and writes down what comes out. `node test/bridges/osci/round-trip.ts --write`
 * brings docs/round-trip.md up to date; round-trip.test.ts fails when it is not.
 */
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import type { EgvpDelivery, EgvpOutgoing } from "../../../bridges/osci/egvp/contract.ts";
import { readEgvp, writeEgvp } from "../../../bridges/osci/egvp/index.ts";
import type { Message } from "../../../src/model/message.ts";
import { Blobs, certificate, COURT, US } from "./egvp-support.ts";
import {
  compareFields,
  renderSection,
  writeSection,
  type FieldRow,
  type SectionWords,
} from "../../support/round-trip.ts";

const SENT = new Date("2026-12-04T10:00:00Z");
const DEPOSITED = new Date("2026-12-04T10:01:00Z");

const blobs = new Blobs();
const PDF = blobs.put("%PDF-1.4\n");

/** Every field of the canonical form. */
const EVERYTHING: Message = {
  id: "01a1fbbf-1efe-77b2-a8bb-8ee4ffad44d9",
  account: "konto",
  sourceId: "$ereignis",
  conversation: "fall-1",
  inReplyTo: "01a1fbbf-0000-7000-8000-000000000000",
  sentAt: SENT,
  from: { address: US, name: "Rechtsamt", role: "authority" },
  to: [{ address: COURT, name: "Amtsgericht Musterstadt", role: "authority" }],
  subject: 'Betreff mit "Quotes", \\ und 🏛️',
  text: "Guten Tag,\n\nbitte beachten Sie <das> & jenes.",
  html: "<p>Guten Tag,</p><p>bitte beachten Sie &lt;das&gt; &amp; jenes.</p>",
  attachments: [
    { name: "Bescheid_über_Gebühren.pdf", mediaType: "application/pdf", blob: PDF, signed: true },
  ],
  level: 3,
  replyPolicy: "mandatory",
  case: {
    reference: "AZ 12/34-ä",
    applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    legalBasis: "ozg9",
  },
  details: [{ label: "Hinweis", value: "nur hier" }],
  request: {
    name: "eeb",
    title: "Empfangsbekenntnis",
    choices: [{ name: "abgeben", label: "Abgeben" }],
  },
  original: { digest: PDF.digest, size: 1 },
  extra: { "egvp.kind": "Testnachricht" },
};
/** Acts are letters of their own kind: egvp-eeb.test.ts. */
const NOT_IN_A_LETTER = ["action"];

/** Why a field does not come back. A field that does not survive and is missing here fails the test. */
const REASONS: Readonly<Record<string, string>> = {
  id: "given by the gateway that accepts",
  account: "given by the gateway that accepts",
  sourceId: "the message id that the intermediary gives",
  conversation: "looked up by file numbers and ids of XJustiz messages",
  inReplyTo: "looked up by the id of the XJustiz message that is answered",
  sentAt: "the time of deposit at the intermediary counts",
  "to.name": "a delivery is addressed to a mailbox, not to a name",
  "to.role": "a delivery is addressed to a mailbox, not to a name",
  html: "EGVP has plain text only; `text` carries the same content",
  "attachments.signed": "content is not signed; the transport signature (VHN) covers every file",
  level: "EGVP asks for no trust level of the reader",
  replyPolicy: "EGVP knows no such mark",
  "case.applicationId": "EGVP has no such field",
  "case.legalBasis": "EGVP has no such field",
  details: "facts about the delivery; new ones are listed at the other end",
  request: "only a demand of XJustiz becomes a request; the gateway never makes one",
  original: "the untouched bytes of the way in",
};

/** What the transport makes of it: everything arrives as it was given. */
function carry(outgoing: EgvpOutgoing): EgvpDelivery {
  const files = outgoing.containers.flatMap((container) => container.files);
  const stored = files.map(({ cid, content }) => {
    const blob = Buffer.isBuffer(content) ? blobs.put(content) : content;
    return [cid, { cid, blob }] as const;
  });
  return {
    messageId: "govapp_1",
    kind: outgoing.kind,
    depositedAt: DEPOSITED,
    containers: outgoing.containers.map((container) => ({ ...container, signers: [] })),
    files: new Map(stored),
    closed: 0,
    signer: certificate("vhn-bebpo"),
    vhnAuthorities: [certificate("vhn-ca-bebpo")],
    customHeaders: outgoing.customHeaders.map(({ namespace, name }) => `{${namespace}}${name}`),
    open: (blob) => blobs.open(blob),
  };
}

/** One way out and in again. The dataset is the gateway's: it is taken off again, so that it is made anew. */
async function travel(letter: Message): Promise<{ outgoing: EgvpOutgoing; back: Message }> {
  const sender = {
    safeId: US,
    organisation: "Stadt Größe",
    card: { Name: "Rechtsamt" },
    role: "egvp_bebpo",
  };
  const addressee = { safeId: COURT, name: "Amtsgericht Musterstadt" };
  const outgoing = writeEgvp(letter, { sender, addressee }, undefined, SENT);
  const reading = await readEgvp(carry(outgoing));
  const attachments = reading.letter.attachments.filter(
    ({ name }) => name !== "xjustiz_nachricht.xml",
  );
  const ids = { id: "neu", account: "anderes", sourceId: "govapp_1", conversation: "neu" };
  return { outgoing, back: { ...reading.letter, attachments, ...ids, to: [{ address: COURT }] } };
}

/** Matrix → EGVP → Matrix → EGVP → Matrix. */
export async function measure(): Promise<{
  fields: FieldRow[];
  wire: Record<string, boolean>;
  unmeasured: readonly string[];
}> {
  const first = await travel(EVERYTHING);
  const second = await travel({ ...first.back, id: EVERYTHING.id });
  const rounds = { before: EVERYTHING, after: first.back, again: second.back };
  const fields = compareFields(rounds, REASONS);
  const [left, right] = [first.outgoing, second.outgoing].map(partsOf);
  const wire = Object.fromEntries(
    [...(left ?? [])].map(([name, bytes]) => [name, isDeepStrictEqual(bytes, right?.get(name))]),
  );
  return { fields, wire, unmeasured: NOT_IN_A_LETTER };
}

function partsOf({ kind, containers }: EgvpOutgoing): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>([
    ["kind", kind],
    ...containers.flatMap(({ documents }) =>
      documents.map(({ id, bytes }) => [id, bytes] as const),
    ),
    ...containers.flatMap(({ files }) => files.map(({ cid, content }) => [cid, content] as const)),
  ]);
}

const WORDS: SectionWords = {
  bridge: "osci",
  title: "EGVP over OSCI",
  introduction: [
    "A letter in which every canonical field is set goes Matrix → EGVP → Matrix → EGVP → Matrix.",
    "File names are those that EGVP allows; others are made so on the way out.",
  ],
  wireParts: (count) =>
    `All ${count} parts of the delivery are the same, byte for byte, after the second way out.`,
  wireLost: "Parts of the delivery that differ after the second way out",
};

/** The section of docs/round-trip.md that belongs to this bridge. */
export async function section(): Promise<string> {
  const { fields, wire } = await measure();
  return renderSection(WORDS, fields, wire);
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv.includes("--write"))
  writeSection(WORDS.bridge, await section());
