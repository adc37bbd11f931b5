import { z } from "zod";
import type { BridgeContext, KnownMessage } from "../../src/bridge/contract.ts";
import type { InletParts, Reply } from "./inlet-parts.ts";
import type { RemoteRefusal } from "./outcome.ts";
import { Refusal, statusOfCode } from "./refusal.ts";

/**
 * The answer to a forwarded letter says what became of it at ZBP: delivered there, refused there, or not decided yet.
 * While it is not decided the sender comes again and meets the same letter; it is never handed over a second time.
 */
const RETRY_AFTER_SECONDS = 60;

const schema = z.object({
  status: z.int().min(400).max(599),
  code: z.string().optional(),
  at: z.string(),
});

export const REFUSED_PREFIX = "refused:";
function refusalKey(id: string): string {
  return REFUSED_PREFIX + id;
}

/** Keeps what ZBP said about a forwarded letter that it refused for good. */
export async function noteRefusal(
  { records }: Pick<BridgeContext<unknown>, "records">,
  id: string,
  { status, remoteCode }: RemoteRefusal,
): Promise<void> {
  const at = new Date().toISOString();
  const code = remoteCode === undefined ? {} : { code: remoteCode };
  await records.put(refusalKey(id), JSON.stringify({ status, at, ...code }));
}

/** Waits for the outcome, at most as long as configured or until the sender hangs up. @throws Refusal */
export async function mirrorOutcome(
  { context, settings, profile }: InletParts,
  id: string,
  gone: AbortSignal,
): Promise<Reply> {
  const limit = AbortSignal.any([gone, AbortSignal.timeout(settings.forwardWait)]);
  const known = await context.settled(id, limit);
  if (known?.state === "delivered") {
    const name = profile.answer.id.slice(profile.answer.id.lastIndexOf(".") + 1);
    return { status: 200, body: { [name]: id, ...remoteIdOf(known) } };
  }
  if (known?.state === "failed" || known?.state === "rejected")
    throw await refusalOf(context, known);
  throw new Refusal(503, "OUTCOME_OPEN", "not decided yet; send it again unchanged", {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

function remoteIdOf({ remoteId }: KnownMessage): Record<string, string> {
  return remoteId === undefined ? {} : { remoteId };
}

async function refusalOf(
  { records }: Pick<BridgeContext<unknown>, "records">,
  known: KnownMessage,
): Promise<Refusal> {
  const noted = await records.get(refusalKey(known.message.id));
  const { code = "INTERNAL" } = known;
  const message = "the mailbox refused the letter";
  if (noted === undefined) return new Refusal(statusOfCode(known.code), code, message);
  const { status, code: remoteCode } = schema.parse(JSON.parse(noted));
  return new Refusal(status, remoteCode ?? code, message);
}
