import type { Letter } from "../../../bridges/bundid/letter.ts";
import { MAILBOX } from "./bench.ts";

/** A letter in which every field is set. */
export const FULL: Letter = {
  mailbox: MAILBOX,
  level: 3,
  sender: "Stadt „Größe“ & Söhne",
  title: 'Betreff mit "Quotes", \\ und 🏛️',
  body: "<p>Guten Tag,<br />bitte</p>",
  service: "Bauvoranfrage",
  url: "https://stadt.example/bauamt",
  reference: "AZ 12/34-ä",
  receiptAddress: "ack+1@stadt.example",
  replyAddress: "bauamt@stadt.example",
  application: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
  routing: "undurchsichtig",
  attachments: [{ name: "Bescheid über Gebühren.pdf", digest: "a".repeat(128), length: 48_213 }],
};
