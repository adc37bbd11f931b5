import type { IncomingMessage } from "../model/message.ts";

/** Letters that the gateway itself writes. No other side gave them their id, and none hears what becomes of them. */
const OWN = "gateway:";

export function isOwnLetter(sourceId: string): boolean {
  return sourceId.startsWith(OWN);
}

/** Stands in the room in place of a letter above its level: says that there is one, nothing of what it says. */
export function levelNotice(letter: IncomingMessage, link: string): IncomingMessage {
  const { conversation, sentAt, from, to } = letter;
  return {
    ...{ conversation, sentAt, from, to },
    sourceId: `${OWN}level:${letter.sourceId}`,
    subject: "Schreiben mit höherem Vertrauensniveau",
    text:
      "Für Sie liegt ein Schreiben vor, das in diesem Raum nicht angezeigt werden darf. " +
      `Bitte melden Sie sich mit dem geforderten Vertrauensniveau ${letter.level} an: ${link}`,
    attachments: [],
    level: 1,
    replyPolicy: "forbidden",
  };
}

export interface ClaimLetter {
  readonly id: string;
  readonly account: string;
  readonly title: string;
  readonly mailbox: string;
  readonly user: string;
  readonly code: string;
  /** A day in words. */
  readonly until: string;
  /** Our user that takes the code in a chat; absent: only whoever asked for it does. */
  readonly keeper?: string;
  readonly now: Date;
}

/** The one-time code on its way through the old mailbox. */
export function claimLetter(claim: ClaimLetter): IncomingMessage {
  const { id, account, title, mailbox, user, code, until, keeper, now } = claim;
  const place = "Geben Sie ihn dort ein, wo Sie die Verbindung beantragt haben";
  const chat = `oder senden Sie in einem unverschlüsselten Chat an ${keeper}: !postfach bestätigen ${code}`;
  return {
    sourceId: `${OWN}claim:${id}`,
    conversation: `${OWN}claim:${mailbox}`,
    sentAt: now,
    from: { address: account, name: title, role: "authority" },
    to: [{ address: mailbox, role: "citizen" }],
    subject: "Einmalcode zur Verbindung Ihres Postfachs",
    text: [
      `für das Matrix-Konto ${user} wurde beantragt, es mit diesem Postfach zu verbinden.`,
      `Ihr Einmalcode lautet: ${code}`,
      `Er gilt bis ${until} und nur für dieses Konto. ${place}${keeper === undefined ? "." : `, ${chat}`}`,
      "Geben Sie den Code niemandem weiter. Haben Sie die Verbindung nicht beantragt, müssen Sie nichts tun: Ohne den Code geschieht nichts.",
    ].join("\n\n"),
    attachments: [],
    level: 1,
    replyPolicy: "forbidden",
  };
}
