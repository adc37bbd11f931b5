import type { BridgeContext } from "../../src/bridge/contract.ts";
import { createCases } from "./cases.ts";
import { createDialogs } from "./dialogs.ts";
import { loadAddressBook, type AddressBook } from "./egvp/address-book.ts";
import { readEgvp, reviewEgvp, writeEgvp } from "./egvp/index.ts";
import type { EgvpSender } from "./egvp/contract.ts";
import type { Line, Station } from "./exchange.ts";
import { loadCertificate, loadKeys } from "./keys.ts";
import { createOutbox } from "./outbox.ts";
import type { Parts } from "./parts.ts";
import type { CardSettings, Settings } from "./settings.ts";
import { suiteOf } from "./suite.ts";

/** What an account is made of, out of its settings. */

/** @throws GatewayError for keys, certificates or an address book that cannot be used */
export function createParts(context: BridgeContext<Settings>): Parts {
  const { config } = context;
  const keys = loadKeys(config.keys);
  const suite = suiteOf(config.crypto, keys.signature.certificate);
  const line: Line = { context, keys, suite, timeouts: config.timeouts };
  return {
    context,
    keys,
    suite,
    line,
    dialogs: createDialogs(line),
    outbox: createOutbox(context.records),
    cases: createCases(context),
    book: loadBook(config),
    home: loadHome(config),
    authorities: loadAuthorities(config),
    self: { address: context.account, name: config.mailbox.organisation, role: "authority" },
    sender: senderOf(config),
    readEgvp,
    writeEgvp,
    reviewEgvp,
    now: () => new Date(),
  };
}

export function loadBook({ addressBook }: Settings): AddressBook | undefined {
  if (addressBook === undefined) return undefined;
  const { file, sha256, publicKey } = addressBook;
  return loadAddressBook(file, { sha256, publicKey: publicKey?.text });
}

export function loadHome({ intermediary: { url, cipher, signatures } }: Settings): Station {
  return {
    url,
    cipher: loadCertificate(cipher, "intermediary.cipher"),
    signatures: signatures.map((file) => loadCertificate(file, "intermediary.signatures")),
  };
}

export function loadAuthorities({ policy }: Settings) {
  return policy.vhnAuthorities.map((file) => loadCertificate(file, "policy.vhnAuthorities"));
}

/** The names of the lines are those of `visitenkarte.xml` (facts §5.1). */
const LINES: Readonly<Record<keyof CardSettings, string>> = {
  addition: "Organisationszusatz",
  salutation: "Anrede",
  academicTitle: "Titel",
  firstName: "Vorname",
  lastName: "Name",
  street: "Strasse",
  houseNumber: "Hausnummer",
  postcode: "Postleitzahl",
  city: "Ort",
  state: "Bundesland",
  country: "Land",
  email: "E-Mail",
  mobile: "Mobiltelefon",
  phone: "Telefon",
  fax: "Fax",
};

function senderOf({ mailbox }: Settings): EgvpSender {
  const { safeId, organisation, role, card } = mailbox;
  const lines = Object.entries(LINES).flatMap(([key, name]): [string, string][] => {
    const value = card[key as keyof CardSettings];
    return value === undefined ? [] : [[name, value]];
  });
  return { safeId, organisation, role, card: Object.fromEntries(lines) };
}
