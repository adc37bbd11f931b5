/** Deliveries as an EGVP client keeps them, and the bridge that reads them. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import osci from "../../../bridges/osci/index.ts";
import type { Settings } from "../../../bridges/osci/settings.ts";
import type { StoredWish } from "../../../fixtures/osci-archive/write.ts";
import type { HistoricLetter, Records } from "../../../src/bridge/contract.ts";
import { NO_RECORDS } from "../../../src/migrate/source.ts";
import { COURT_ID, never, OUR_ID, type Keys } from "./flows-bench.ts";

export const field = (name: string, value = "") => `<${name}>${value}</${name}>`;

/** From the court to us. */
export function wishFor(
  keys: Keys,
  more: Partial<StoredWish> = {},
  theirs = "12 C 34/26",
): StoredWish {
  const letter = [
    field("Nachrichtentyp", "Allgemeine Nachricht"),
    field("Empfaengerkennung", OUR_ID),
    field("Betreff", "Ladung"),
    field("Aktenzeichen_Absender", theirs),
    field("Freitext", "Anbei die Ladung."),
  ].join("");
  const card = field("Organisation", keys.court.name) + field("Nutzer_ID", COURT_ID);
  return {
    ...{ messageId: "govapp_1", depositedAt: "2024-03-05T10:20:30+01:00" },
    ...{ originatorCipher: keys.court.cipher.certPem, originatorSignature: keys.court.vhn.certPem },
    ...{ addressee: keys.us.cipher.certPem, intermediary: keys.hub.signature },
    documents: {
      "nachricht.xml": field("Nachricht", letter),
      "visitenkarte.xml": field("Visitenkarte", card),
    },
    infos: `user_id=${COURT_ID}\nsignature_level=no\n`,
    ...more,
  };
}

interface Reading {
  readonly config: Settings;
  readonly signal?: AbortSignal;
  readonly records?: Records;
  /** `MsgProps.xml` in the same folder. */
  readonly props?: string;
  /** What it puts into the blob store. */
  readonly stored?: Buffer[];
}
export function readArchived(
  bytes: Buffer,
  { config, signal = never, records = NO_RECORDS, props, stored = [] }: Reading,
): Promise<HistoricLetter> {
  if (osci.archive === undefined) throw new Error("no archive");
  const beside = (name: string) =>
    Promise.resolve(name === "MsgProps.xml" && props ? Buffer.from(props) : undefined);
  const store = async (_name: string, body: Readable) => {
    const kept = Buffer.concat(await Readable.from(body).toArray());
    stored.push(kept);
    const digest = `sha256:${createHash("sha256").update(kept).digest("hex")}` as const;
    return { digest, size: kept.length };
  };
  const given = { account: "konto", config, now: new Date(), signal, store, records, beside };
  return osci.archive.read({ path: "a/oscicontentdata.osci", bytes }, given);
}
