import { Readable } from "node:stream";
import type { BridgeContext } from "../../src/bridge/contract.ts";
import { DeliveryError } from "../../src/model/errors.ts";
import { newId } from "../../src/model/id.ts";
import type { Attachment, Message } from "../../src/model/message.ts";
import type { KeptMessage, MemoryState } from "./bridge-context.ts";

/** A letter of the account `konto`, written in Matrix; the caller says from whom to whom. */
export function letterFromMatrix(more: Pick<Message, "from" | "to"> & Partial<Message>): Message {
  const id = newId();
  return {
    ...{ id, account: "konto", sourceId: `$${id}`, conversation: "fall-1" },
    sentAt: new Date("2026-11-20T09:00:00Z"),
    attachments: [],
    level: 1,
    replyPolicy: "possible",
    ...more,
  };
}

/** Puts a file into the blob store of a context. */
export async function attach(
  { context }: { readonly context: Pick<BridgeContext<never>, "store"> },
  name: string,
  mediaType: string,
  bytes: Buffer | Readable,
): Promise<Attachment> {
  const body = Buffer.isBuffer(bytes) ? Readable.from([bytes]) : bytes;
  return { name, mediaType, blob: await context.store(name, body) };
}

/** How a delivery failed; anything else fails the test. */
export async function failureOf(work: Promise<unknown>): Promise<DeliveryError> {
  const error = await work.then(
    () => new Error("it was delivered"),
    (caught: unknown) => caught,
  );
  if (error instanceof DeliveryError) return error;
  throw new Error("not a DeliveryError", { cause: error });
}

/** What the bridge brought in. */
export function lettersIn(state: MemoryState): readonly KeptMessage[] {
  return state.accepted.filter(({ origin }) => origin === "legacy");
}
