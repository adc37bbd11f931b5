/**
 * A legacy system of the transition tests: one account that pushes its letters to the gateway and one whose mailbox is
 * polled. It keeps books, so that lost and doubled letters can be counted.
 */
import { z } from "zod";
import {
  defineBridge,
  type Bridge,
  type BridgeContext,
  type BridgeDefinition,
} from "../../src/bridge/contract.ts";
import { DeliveryError } from "../../src/model/errors.ts";
import type { IncomingMessage } from "../../src/model/message.ts";

export interface SentLetter {
  readonly sourceId: string;
  readonly mailbox: string;
  readonly conversation: string;
  readonly legalBasis?: string;
}
export interface LegacyBooks {
  /** Handed on to readers in the old mailbox, by source id of the letter, in order. */
  readonly legacyBox: SentLetter[];
  /** Letters written in Matrix. */
  readonly answers: string[];
  /** "<letter id> <kind>" of everything that senders were told. */
  readonly told: string[];
  /** Of the polled mailbox: not fetched by anybody. */
  readonly inbox: Map<string, SentLetter>;
  readonly acknowledged: string[];
  /** What we were told not to acknowledge, and what its reader then took. */
  readonly left: Set<string>;
  readonly readThere: string[];
  push(letter: SentLetter): Promise<"matrix" | "legacy">;
  /** Nobody answers there: what is handed over fails for the moment. */
  away: boolean;
  /** The reader in the old system empties the polled mailbox of what stays there. */
  readOld(): void;
}

const POLL_MS = 15;
const SETTLE_MS = 20_000;
const settings = z.strictObject({ polled: z.boolean().describe("Is its mailbox polled?") });
type Context = BridgeContext<z.output<typeof settings>>;

export function createLegacy(): { definition: BridgeDefinition; books: LegacyBooks } {
  let door: Context | undefined;
  const books: LegacyBooks = {
    ...{ legacyBox: [], answers: [], told: [], acknowledged: [], readThere: [] },
    inbox: new Map(),
    away: false,
    left: new Set(),
    push: (letter) => pushUntilTaken(() => door, letter),
    readOld() {
      for (const sourceId of books.left)
        if (books.inbox.delete(sourceId)) books.readThere.push(sourceId);
    },
  };
  const definition = defineBridge({
    name: "books",
    title: "A system that exists only in tests.",
    schema: settings,
    capabilities: {
      directions: ["inbound", "outbound"],
      maxMessageBytes: 1_000_000,
      mediaTypes: "any",
      receipts: ["delivered"],
      idempotentDelivery: false,
      legacyReaders: "forward",
    },
    lookupFields: {},
    remotes: () => [],
    create(context) {
      if (!context.config.polled) door = context;
      return bridgeOf(context, books);
    },
  });
  return { definition: definition as unknown as BridgeDefinition, books };
}

function bridgeOf(context: Context, books: LegacyBooks): Bridge {
  return {
    start() {
      if (context.config.polled) context.every(POLL_MS, () => poll(context, books));
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
    ping: () => Promise.resolve({ ok: true }),
    deliver(message, deliveryId) {
      if (books.away) return Promise.reject(away());
      const sourceId = message.extra?.["sourceId"];
      if (sourceId === undefined) books.answers.push(message.text ?? "");
      else {
        const mailbox = message.to[0]?.address ?? "";
        books.legacyBox.push({ sourceId, mailbox, conversation: message.conversation });
      }
      return Promise.resolve({ remoteId: deliveryId });
    },
    notify(message, receipt) {
      books.told.push(`${message.id} ${receipt.kind}`);
      return Promise.resolve("told");
    },
  };
}

const away = () => new DeliveryError("transient", "REMOTE_UNAVAILABLE", "nobody answers");

async function poll(context: Context, books: LegacyBooks): Promise<void> {
  for (const letter of [...books.inbox.values()]) {
    const { acknowledge } = await context.accept(asMessage(letter), { legacyReader: "kept" });
    if (acknowledge === false) books.left.add(letter.sourceId);
    else if (books.inbox.delete(letter.sourceId)) books.acknowledged.push(letter.sourceId);
  }
}

/** As such systems do: it comes again until it is answered. */
async function pushUntilTaken(
  door: () => Context | undefined,
  letter: SentLetter,
): Promise<"matrix" | "legacy"> {
  const limit = AbortSignal.timeout(SETTLE_MS);
  for (;;) {
    limit.throwIfAborted();
    try {
      const context = door();
      if (!context) throw new Error("nobody listens");
      const { id, primary } = await context.accept(asMessage(letter));
      if (primary !== "legacy") return "matrix";
      if ((await context.settled(id, limit))?.state === "delivered") return "legacy";
    } catch {
      // The gateway is away, or takes nothing now.
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function asMessage(letter: SentLetter): IncomingMessage {
  const { sourceId, mailbox, conversation, legalBasis } = letter;
  return {
    sourceId,
    conversation,
    sentAt: new Date("2026-03-02T09:00:00.000Z"),
    from: { address: "authority-7", name: "Bauamt", role: "authority" },
    to: [{ address: mailbox, role: "citizen" }],
    subject: conversation,
    text: `Inhalt ${sourceId}`,
    attachments: [],
    level: 1,
    replyPolicy: "possible",
    ...(legalBasis === undefined ? {} : { case: { legalBasis } }),
    extra: { sourceId },
  };
}
