import type { X509Certificate } from "node:crypto";
import type { BridgeContext } from "../../src/bridge/contract.ts";
import type { Party } from "../../src/model/message.ts";
import type { Cases } from "./cases.ts";
import type { Dialogs } from "./dialogs.ts";
import type { AddressBook, AddressEntry } from "./egvp/address-book.ts";
import type { EgvpSender, ReadEgvp, ReviewEgvp, WriteEgvp } from "./egvp/contract.ts";
import type { Line, Station } from "./exchange.ts";
import type { OwnKeys } from "./keys.ts";
import type { Outbox } from "./outbox.ts";
import type { Settings } from "./settings.ts";
import type { Suite } from "./suite.ts";

/** What the flows of one account share. */
export interface Parts {
  readonly context: BridgeContext<Settings>;
  readonly keys: OwnKeys;
  readonly suite: Suite;
  readonly line: Line;
  readonly dialogs: Dialogs;
  readonly outbox: Outbox;
  readonly cases: Cases;
  readonly book: AddressBook | undefined;
  /** Where our own mailbox lies. */
  readonly home: Station;
  /** That issue certificates of origin (VHN). */
  readonly authorities: readonly X509Certificate[];
  /** Our side of every conversation: the same party that Matrix gives to one that is opened there. */
  readonly self: Party;
  /** Our mailbox as EGVP shows it. */
  readonly sender: EgvpSender;
  readonly readEgvp: ReadEgvp;
  readonly writeEgvp: WriteEgvp;
  readonly reviewEgvp: ReviewEgvp;
  readonly now: () => Date;
}

/** What opens a delivery and judges it: live traffic and archives have the same. */
export type DeliveryReader = Pick<Parts, "keys" | "suite" | "authorities" | "book" | "readEgvp"> & {
  readonly context: Pick<BridgeContext<Settings>, "config" | "store" | "open">;
};

export function stationOf({ intermediary }: AddressEntry): Station {
  const { url, cipher, signatures } = intermediary;
  return { url, cipher, signatures };
}
