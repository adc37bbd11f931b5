import type { IncomingMessage, ServerResponse } from "node:http";
import type { Accepted, KnownMessage } from "../../src/bridge/contract.ts";
import { digestOf } from "../../src/model/id.ts";
import type { Attachment, ReplyPolicy } from "../../src/model/message.ts";
import { messageOf } from "./codec.ts";
import { rememberCase } from "./cases.ts";
import { ReferenceTaken } from "./generations.ts";
import type { LetterKey } from "./generations.ts";
import { pairFiles, readSigned } from "./inlet-checks.ts";
import type { KnownPeer } from "./inlet-checks.ts";
import { takeRequest } from "./intake.ts";
import type { Intake } from "./intake.ts";
import type { InletParts, Reply } from "./inlet-parts.ts";
import { mirrorOutcome } from "./mirror.ts";
import { parseLetter } from "./letter.ts";
import type { Letter } from "./letter.ts";
import { Refusal } from "./refusal.ts";

/**
 * PUT of a letter. Client certificate and token were checked before. The order of the rest: signature, schema and
 * limits, files, recipient; then accept; and only then an answer.
 */
export async function takeLetter(
  parts: InletParts,
  peer: KnownPeer,
  request: IncomingMessage,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<Reply> {
  const { context, profile } = parts;
  let signed: { content: string; letter: Letter } | undefined;
  const intake = await takeRequest(context, request, response, profile, (json) => {
    const content = readSigned(json, peer, profile);
    signed = { content, letter: parseLetter(content, profile) };
  });
  if (signed === undefined) throw new Refusal(400, "SCHEMA", "there is no signed part");
  const { content, letter } = signed;
  const files = pairFiles(letter.attachments, intake.files, profile).map(
    ({ file, mediaType }): Attachment => ({ name: file.name, mediaType, blob: file.blob }),
  );
  const way = await wayOf(parts, peer, letter);
  const key: LetterKey = {
    signer: peer.cn,
    reference: letter.reference,
    digest: digestOf(content),
    strict: peer.settings.strictDuplicates,
  };
  const accepted = await accept(parts, peer, letter, key, files, intake, way);
  await rememberCase(context, peer.cn, letter, accepted.id);
  return answer(parts, accepted, way, gone);
}

type Way = "matrix" | "forward" | "hold";

/** 6. Does anybody in Matrix read this mailbox? If not, the operator has decided what happens, per sender. */
async function wayOf({ context }: InletParts, peer: KnownPeer, letter: Letter): Promise<Way> {
  if (await context.linked(letter.mailbox)) return "matrix";
  if (peer.settings.unlinked !== "reject") return peer.settings.unlinked;
  throw new Refusal(404, "MAILBOX_UNKNOWN", "nobody reads this mailbox here");
}

async function accept(
  { context, profile, generations, sender }: InletParts,
  peer: KnownPeer,
  letter: Letter,
  key: LetterKey,
  files: readonly Attachment[],
  intake: Intake,
  way: Way,
): Promise<Accepted> {
  const held = {
    code: "RECIPIENT_UNLINKED",
    detail: "nobody in Matrix reads this mailbox",
  } as const;
  try {
    return await generations.run(key, async (sourceId) => {
      const message = messageOf(
        letter,
        {
          sourceId,
          signer: peer.cn,
          receivedAt: new Date(),
          files,
          replyPolicy: replyPolicyOf(peer, letter),
          original: intake.original,
        },
        profile,
      );
      const result = await context.accept(message, {
        legacyReader: sender === undefined ? "none" : "forward",
        service: letter.service,
        ...(way === "forward" ? { destination: "legacy" } : {}),
        ...(way === "hold" ? { hold: held } : {}),
      });
      await generations.remember(key, result.id);
      return result;
    });
  } catch (cause) {
    if (!(cause instanceof ReferenceTaken)) throw cause;
    const message = "a letter with this reference but other content was accepted before";
    throw new Refusal(409, "DUPLICATE_REFERENCE", message, {
      field: profile.fields.reference,
      cause,
    });
  }
}

/** A letter can be answered when its answer has a way back. */
function replyPolicyOf({ settings }: KnownPeer, letter: Letter): ReplyPolicy {
  if (settings.replies === "none") return "forbidden";
  if (settings.replies === "mail" && letter.replyAddress === undefined) return "forbidden";
  return "possible";
}

async function answer(
  parts: InletParts,
  { id, outcome, primary }: Accepted,
  way: Way,
  gone: AbortSignal,
): Promise<Reply> {
  const { context } = parts;
  const fields = { account: context.account, id, way, outcome };
  context.log.info(fields, "inlet-letter");
  // Where the old mailbox counts, its answer is the sender's answer.
  if (way === "forward" || primary === "legacy") return mirrorOutcome(parts, id, gone);
  const known = await context.recall(id);
  // 202, not 200: it is safe here, but nobody has it yet, and the sender must not believe more than that.
  const status = known?.state === "held" ? 202 : 200;
  return { status, body: receiptBody(id, known, parts) };
}

export function receiptBody(
  id: string,
  known: KnownMessage | undefined,
  { profile }: InletParts,
): Record<string, unknown> {
  const { answer: names } = profile;
  return {
    [lastStep(names.id)]: id,
    [lastStep(names.receivedAt)]: (known?.acceptedAt ?? new Date()).toISOString(),
    ...(known?.state === "held" ? { state: "held" } : {}),
  };
}

function lastStep(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}
