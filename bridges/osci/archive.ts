import type { X509Certificate } from "node:crypto";
import { Readable } from "node:stream";
import type { Archive, ArchiveContext, HistoricLetter } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import type { Detail } from "../../src/model/message.ts";
import { cardOf, type DeliveryAnswer } from "./delivery.ts";
import { readEgvp } from "./egvp/index.ts";
import { receiveOptions, type Station } from "./exchange.ts";
import { interpret } from "./intake.ts";
import { loadKeys } from "./keys.ts";
import { detailsOfProps } from "./message-props.ts";
import type { DeliveryReader } from "./parts.ts";
import { pastFault, pastLetter } from "./past.ts";
import type { Settings } from "./settings.ts";
import { loadAuthorities, loadBook, loadHome } from "./setup.ts";
import { readStored } from "./stored.ts";
import { suiteOf } from "./suite.ts";
import { readEnvelope } from "./wire/envelope.ts";
import { sameCertificate } from "./wire/keys.ts";
import { readMessage } from "./wire/message-read.ts";
import { readRaw, receiveMessage } from "./wire/receive.ts";
import { sourceOf } from "./wire/stream.ts";

/**
 * Exports of an EGVP mailbox: `<anything>/oscicontentdata.osci` as its client keeps a delivery (facts §5.4), or answers to
 * a fetch as they came over the wire (`*.osci`, `*.mime`). Of what lies beside them, MsgProps.xml is read; attachments
 * and reports say nothing that these files do not say with more authority, and are left alone.
 */
export const archive: Archive<Settings> = {
  isLetter: (path) => /\.(?:osci|mime)$/i.test(path),
  async read({ bytes }, context) {
    try {
      return await readDelivery(bytes, context);
    } catch (cause) {
      const fault = pastFault(cause, context.signal);
      if (fault.code === "INPUT_INVALID" && isLineNormalised(bytes))
        throw invalid(`${fault.message}; its line ends were changed: export it again as binary`);
      throw fault;
    }
  },
};

async function readDelivery(
  bytes: Buffer,
  context: ArchiveContext<Settings>,
): Promise<HistoricLetter> {
  const { config, signal, now } = context;
  const opener = accountOf(config);
  const { answer, details } = await openFile(bytes, opener, signal);
  requireAddressee(answer, opener);
  const reader: DeliveryReader = { ...opener, context: { config, ...shelfOf(context) } };
  const reading = await interpret(reader, answer, signal);
  const original = await context.store("original", Readable.from([bytes]));
  const props = detailsOfProps(await context.beside("MsgProps.xml"), reading.sourceId);
  const delivery = { reading, card: cardOf(answer), original, details: [...details, ...props] };
  return pastLetter({ context, now }, delivery);
}

type Account = Pick<DeliveryReader, "keys" | "suite" | "authorities" | "book" | "readEgvp"> & {
  readonly home: Station;
};
const accounts = new WeakMap<Settings, Account>();

/** Opening PKCS#12 files takes long: once for a folder. */
function accountOf(config: Settings): Account {
  const known = accounts.get(config);
  if (known !== undefined) return known;
  const keys = loadKeys(config.keys);
  const account = {
    ...{ keys, suite: suiteOf(config.crypto, keys.signature.certificate), readEgvp },
    ...{ authorities: loadAuthorities(config), book: loadBook(config), home: loadHome(config) },
  };
  accounts.set(config, account);
  return account;
}

interface Opened {
  readonly answer: DeliveryAnswer;
  readonly details: readonly Detail[];
}

async function openFile(bytes: Buffer, account: Account, signal: AbortSignal): Promise<Opened> {
  const { keys, suite, home } = account;
  const source = sourceOf(bytes);
  const raw = await readRaw(source, { ring: keys.ring, legacy: suite.legacy, signal });
  const envelope = readEnvelope(raw.document);
  if (envelope.type === "ResponseToMediateDelivery") {
    const { answer, vouched } = await readStored(source, raw, envelope, home.signatures);
    return { answer, details: vouched ? [] : [UNSIGNED] };
  }
  if (envelope.type !== "ResponseToFetchDelivery")
    throw invalid(`a ${envelope.type} is no delivery`);
  const options = { ...receiveOptions(account, home, signal), encryptionRequired: false };
  const received = await receiveMessage(source, options);
  if (received.kind === "fault") throw invalid("this is a fault, not a delivery");
  const message = readMessage(received.envelope);
  return { answer: { message, received, source }, details: [] };
}

const UNSIGNED: Detail = {
  label: "Archiv",
  value:
    "Laufzettel und Absenderzertifikate sind nicht durch ein bekanntes Zertifikat des Intermediärs belegt",
};

/** An export of another mailbox must never come into this one. */
function requireAddressee({ message }: DeliveryAnswer, { keys }: Account): void {
  const addressee = message.certificates.find(({ role }) => role === "CipherCertificateAddressee");
  const own: readonly X509Certificate[] = [keys.cipher, ...keys.older].map(
    (one) => one.certificate,
  );
  if (addressee === undefined || !own.some((one) => sameCertificate(one, addressee.certificate)))
    throw invalid("addressed to another mailbox, or to a key that `keys.older` does not name");
}

/** Files of one letter can be opened again while it is read: together they are no larger than the file it stands in. */
function shelfOf({
  store,
  signal,
}: ArchiveContext<Settings>): Pick<DeliveryReader["context"], "store" | "open"> {
  const shelf = new Map<string, Buffer>();
  return {
    async store(name, body) {
      const pieces: Buffer[] = [];
      const passing = async function* () {
        for await (const piece of body as AsyncIterable<Buffer>) {
          signal.throwIfAborted();
          pieces.push(piece);
          yield piece;
        }
      };
      const blob = await store(name, Readable.from(passing(), { objectMode: false }));
      shelf.set(blob.digest, Buffer.concat(pieces));
      return blob;
    },
    open({ digest }) {
      const bytes = shelf.get(digest);
      return bytes === undefined
        ? Promise.reject(new GatewayError("NOT_FOUND", "no file of this letter"))
        : Promise.resolve(Readable.from([bytes]));
    },
  };
}

/** MIME needs CR LF; tools that keep text files as text take the CR away. */
function isLineNormalised(bytes: Buffer): boolean {
  const end = bytes.indexOf(0x0a);
  return end > 0 && bytes[end - 1] !== 0x0d;
}

function invalid(detail: string): GatewayError {
  return new GatewayError("INPUT_INVALID", detail);
}
