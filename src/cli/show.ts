import { GatewayError } from "../model/errors.ts";
import { letterView } from "../ops/views.ts";
import { writerOf } from "../people/writer.ts";
import type { StoredMessage, Trace } from "../store/store.ts";
import type { Cli } from "./cli.ts";
import { facts } from "./output.ts";
import type { AddCommand } from "./program.ts";

export const addShow: AddCommand = (parent, cli) => {
  parent
    .command("show <id>")
    .description("One letter: where it stands, its sizes and digests. Never shows content.")
    .action((id: string) =>
      cli().withStorage(async ({ storage }) => {
        const trace = await storage.store.trace(id);
        if (!trace) throw noLetter(id);
        cli().print(showView(trace), () => renderLetter(cli(), trace));
      }),
    );
};

export function noLetter(id: string): GatewayError {
  return new GatewayError("NOT_FOUND", `there is no letter ${id}`);
}

function showView({ stored, conversation, parts }: Trace): Record<string, unknown> {
  return {
    ...letterView(stored),
    deliveryId: stored.deliveryId,
    parts,
    ...(conversation.roomId === undefined ? {} : { room: conversation.roomId }),
  };
}

function writerText({ message }: StoredMessage): string | undefined {
  const writer = writerOf(message);
  if (!writer) return undefined;
  const { user, desk, insteadOf } = writer;
  const place = desk === undefined ? "" : `, ${desk}`;
  return `${user}${place}${insteadOf === undefined ? "" : `, standing in for ${insteadOf}`}`;
}

export function renderLetter({ style }: Cli, { stored, conversation, parts }: Trace): string {
  const { message } = stored;
  const paint =
    stored.state === "delivered" ? style.good : stored.state === "failed" ? style.bad : style.warn;
  const attachments = message.attachments.map(
    ({ mediaType, blob }) => `${mediaType}, ${blob.size} bytes, ${blob.digest.slice(0, 19)}…`,
  );
  return facts({
    letter: message.id,
    account: message.account,
    way: `${stored.origin} → ${stored.destination}`,
    state: stored.state,
    code: stored.code,
    detail: stored.detail,
    accepted: stored.acceptedAt.toISOString(),
    settled: stored.settledAt?.toISOString(),
    "next attempt": stored.nextAttemptAt?.toISOString(),
    attempts: stored.attempts,
    "source id": message.sourceId,
    "delivery id": stored.deliveryId,
    "remote id": stored.remoteId,
    parts: parts.length === 0 ? undefined : parts.join(" "),
    "answers letter": message.inReplyTo,
    conversation: stored.conversationId,
    room: conversation.roomId,
    "written by": writerText(stored),
    level: message.level,
    "may be answered": message.replyPolicy,
    attachments: attachments.length === 0 ? undefined : attachments.join("; "),
    original: message.original && `${message.original.size} bytes, ${message.original.digest}`,
  }).replace(/^(state\s+)(\S+)$/m, (_, name: string, state: string) => name + paint(state));
}
