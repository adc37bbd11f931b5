import { z } from "zod";
import type { BridgeContext, KnownMessage } from "../../src/bridge/contract.ts";
import type { Message } from "../../src/model/message.ts";
import { digestOf } from "../../src/model/id.ts";
import { conversationOf, EXTRA, signerOf } from "./codec.ts";
import type { Letter } from "./letter.ts";

/** Which letter of a legacy system an answer belongs to, and which case an application's state belongs to. */

const schema = z.object({ id: z.string() });

type Context = Pick<BridgeContext<unknown>, "records" | "recall">;

/** Written before the sender gets its answer: no reply can come earlier. */
export async function rememberCase(
  context: Context,
  signer: string,
  letter: Letter,
  id: string,
): Promise<void> {
  const keys = [caseKey(conversationOf(letter, signer))];
  if (letter.application !== undefined) keys.push(applicationKey(signer, letter.application));
  for (const key of keys) {
    const known = await lastOf(context, key);
    // Our ids grow with time: a letter that is only repeated does not come before its successors again.
    if (known === undefined || known < id) await context.records.put(key, JSON.stringify({ id }));
  }
}

/** The letter that this message answers: the one it names, else the last one of the case. */
export async function letterAnsweredBy(
  context: Context,
  message: Message,
): Promise<KnownMessage | undefined> {
  const signer = signerOf(message.to[0]?.address ?? "");
  const candidates = [message.inReplyTo, await lastOf(context, caseKey(message.conversation))];
  for (const id of candidates) {
    const known = id === undefined ? undefined : await context.recall(id);
    const { extra = {} } = known?.message ?? {};
    if (extra[EXTRA.kind] === "letter" && extra[EXTRA.signer] === signer) return known;
  }
  return undefined;
}

/** The last letter of this sender about this application. */
export async function letterOfApplication(
  context: Context,
  signer: string,
  application: string,
): Promise<KnownMessage | undefined> {
  const id = await lastOf(context, applicationKey(signer, application));
  return id === undefined ? undefined : context.recall(id);
}

async function lastOf(context: Context, key: string): Promise<string | undefined> {
  const value = await context.records.get(key);
  return value === undefined ? undefined : schema.parse(JSON.parse(value)).id;
}

function caseKey(conversation: string): string {
  return `last:${conversation}`;
}
function applicationKey(signer: string, application: string): string {
  return `application:${digestOf(signer, application.toLowerCase())}`;
}
