import { randomUUID } from "node:crypto";
import fink from "../../../bridges/fink/index.ts";
import { Exchange } from "../../../fixtures/simulators/access-point/index.ts";
import type { Mischief, UserMessage } from "../../../fixtures/simulators/access-point/index.ts";
import { renderNachricht } from "../../../fixtures/simulators/postkorb/index.ts";
import { CANARY } from "../../conformance/bridge.ts";
import type { Behaviour, BridgeBench, BridgeSubject } from "../../conformance/bridge.ts";
import { MODE, UNREGISTERED } from "./as4-bench.ts";
import { NW_PLACE, openAs4Account, TH_PLACE } from "./as4-world.ts";
import type { As4Account } from "./as4-world.ts";
import { attach, letterTo, MAILBOX, makeKeys, PDF } from "./bench.ts";
import type { Keys } from "./bench.ts";

const MISCHIEF: Readonly<Record<Exclude<Behaviour, "ok">, Mischief>> = {
  transient: { kind: "fault", code: "EBMS:0005" },
  permanent: { kind: "fault", code: "EBMS:0009" },
  unknown: { kind: "cutAfterAccept" },
  silent: { kind: "hang" },
};
const [LETTER = "", QUITTUNG = ""] = MODE.actions;

/** BspNachricht as AS4 payload: letters to another account, letters and Quittungen of it. */
export function as4Subject(): BridgeSubject {
  let keys: Keys | undefined;
  return {
    definition: fink,
    prepare: async () => void (keys = await makeKeys()),
    cleanUp: async () => keys?.remove(),
    async open(hooks) {
      if (keys === undefined) throw new Error("not prepared");
      const account = await openAs4Account(keys, NW_PLACE, TH_PLACE, hooks);
      account.state.links.add(MAILBOX);
      const { exchange } = account.accessPoint;
      exchange.connect(new Exchange({ id: TH_PLACE.party, type: UNREGISTERED }, MODE));
      const letter = async () => {
        const file = await attach(account, `${CANARY}.pdf`, "application/pdf", PDF);
        const more = { subject: CANARY, text: CANARY, attachments: [file] };
        const to = `${TH_PLACE.entityId}|${TH_PLACE.mailbox}`;
        return account.state.add(letterTo(to, more));
      };
      const sent = () =>
        [...exchange.sent.values()].filter(({ message }) => message.action === LETTER);
      return {
        bridge: account.bridge,
        test: account,
        rawSettings: account.raw,
        outbound: {
          letter,
          behave: (behaviour) => {
            if (behaviour !== "ok") account.accessPoint.arm("submitRequest", MISCHIEF[behaviour]);
          },
          count: () => sent().length,
        },
        inbound: { offer: () => offer(account, incomingLetter()) },
        evidence: {
          async offer() {
            if (sent().length === 0) {
              const message = await letter();
              await account.bridge.deliver(message, message.id, new AbortController().signal);
            }
            await offer(account, quittungFor(sent()[0]?.message.messageId ?? ""));
          },
        },
        close: account.close,
      } satisfies BridgeBench;
    },
  };
}

/** Lies at the access point, also after it was fetched before. Acknowledged: it is gone from the list. */
async function offer(account: As4Account, message: UserMessage): Promise<boolean> {
  const { exchange } = account.accessPoint;
  exchange.take(message);
  const entry = exchange.received.get(message.messageId);
  if (entry === undefined) throw new Error("not there");
  entry.state = "RECEIVED";
  await account.tick().catch(() => undefined);
  return (entry.state as string) === "DOWNLOADED";
}

function envelope(action: string, mailbox: string): Omit<UserMessage, "messageId" | "parts"> {
  const party = (id: string) => ({ id, type: UNREGISTERED });
  return {
    refToMessageId: undefined,
    conversationId: "vorgang-1",
    timestamp: new Date("2026-11-20T09:00:00Z"),
    ...{ from: party(TH_PLACE.party), to: party(NW_PLACE.party), action, service: MODE.service },
    ...{ fromRole: MODE.roles.from, toRole: MODE.roles.to },
    properties: new Map([
      ["originalSender", `${TH_PLACE.entityId}#${TH_PLACE.mailbox}`],
      ["finalRecipient", `${NW_PLACE.entityId}#${mailbox}`],
    ]),
  };
}

function part(href: string, type: string, bytes: Buffer, name?: string) {
  const named: [string, string][] = name === undefined ? [] : [["Dateiname", name]];
  return { href, bytes, properties: new Map([["MimeType", type], ...named]) };
}

function incomingLetter(): UserMessage {
  const document = renderNachricht({ mailbox: MAILBOX, subject: CANARY, text: CANARY });
  return {
    ...envelope(LETTER, MAILBOX),
    messageId: "brief-1@th.example",
    parts: [
      part("cid:nachricht", "application/xml", Buffer.from(document)),
      part("cid:anlage-1", "application/pdf", PDF, `${CANARY}.pdf`),
    ],
  };
}

function quittungFor(messageId: string): UserMessage {
  const document =
    '<BspQuittung xmlns="http://www.akdb.de/egov/bsp/nachrichten" version="1.5" fassung="2020-03-15" produkt="x">' +
    "<AnnahmeErfolgreich>true</AnnahmeErfolgreich><ErgebnisStatus><Tabelle>9006</Tabelle><Schluessel>0</Schluessel></ErgebnisStatus></BspQuittung>";
  return {
    ...envelope(QUITTUNG, "konto"),
    messageId: `${randomUUID()}@th.example`,
    refToMessageId: messageId,
    parts: [part("cid:nachricht", "application/xml", Buffer.from(document))],
  };
}
