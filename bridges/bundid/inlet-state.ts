import type { IncomingMessage as HttpRequest, ServerResponse } from "node:http";
import { digestOf } from "../../src/model/id.ts";
import type { IncomingMessage } from "../../src/model/message.ts";
import { describeState, parseState } from "./application-state.ts";
import type { ApplicationState } from "./application-state.ts";
import { letterOfApplication } from "./cases.ts";
import { authorityAddress, conversationOf, EXTRA } from "./codec.ts";
import { readSigned } from "./inlet-checks.ts";
import type { KnownPeer } from "./inlet-checks.ts";
import type { InletParts, Reply } from "./inlet-parts.ts";
import { takeJsonRequest } from "./intake.ts";
import { mirrorOutcome } from "./mirror.ts";
import { Refusal } from "./refusal.ts";

/**
 * POST of an application's state. It names no mailbox: the last letter of this sender about the same application says
 * whose it is. In Matrix it becomes a short message in the room of the case. Without such a letter, or when nobody
 * reads the mailbox, it goes the way the operator chose for this sender.
 */
export async function takeState(
  parts: InletParts,
  peer: KnownPeer,
  request: HttpRequest,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<Reply> {
  const { context, profile } = parts;
  const limit = profile.state.requestBytes;
  const { json, original } = await takeJsonRequest(context, request, response, profile, limit);
  const content = readSigned(json, peer, profile);
  const state = parseState(content, profile);
  const letter = await letterOfApplication(context, peer.cn, state.application);
  const mailbox = letter?.message.to[0]?.address;
  const linked = mailbox !== undefined && (await context.linked(mailbox));
  const { unlinked } = peer.settings;
  if (!linked && unlinked === "reject")
    throw new Refusal(404, "APPLICATION_UNKNOWN", "no reader of this application is known here");
  const message: IncomingMessage = {
    ...messageOfState(state, peer, mailbox),
    ...(letter === undefined
      ? {}
      : { conversation: letter.message.conversation, level: letter.message.level }),
    sourceId: `state:${digestOf(peer.cn, content)}`,
    original,
  };
  const held = { code: "RECIPIENT_UNLINKED", detail: "nobody reads this application" } as const;
  const { id, primary } = await context.accept(message, {
    legacyReader: parts.sender === undefined ? "none" : "forward",
    service: state.service,
    ...(!linked && unlinked === "forward" ? { destination: "legacy" } : {}),
    ...(!linked && unlinked === "hold" ? { hold: held } : {}),
  });
  context.log.info({ account: context.account, id, linked }, "inlet-state");
  if (primary === "legacy") return mirrorOutcome(parts, id, gone);
  if (linked) return { status: 200, body: {} };
  return unlinked === "forward" ? mirrorOutcome(parts, id, gone) : { status: 202, body: {} };
}

function messageOfState(
  state: ApplicationState,
  peer: KnownPeer,
  mailbox: string | undefined,
): Omit<IncomingMessage, "sourceId"> {
  const { application, reference, service } = state;
  const recipient = mailbox ?? `application:${application}`;
  return {
    conversation: conversationOf({ mailbox: recipient, application, service }, peer.cn),
    sentAt: state.createdAt,
    from: { address: authorityAddress(peer.cn), name: state.sender, role: "authority" },
    to: [{ address: recipient, role: "citizen" }],
    ...describeState(state),
    attachments: [],
    level: 1,
    replyPolicy: "forbidden",
    case: { applicationId: application, ...(reference === undefined ? {} : { reference }) },
    extra: {
      [EXTRA.way]: "inlet",
      [EXTRA.kind]: "application-state",
      [EXTRA.signer]: peer.cn,
      [EXTRA.service]: service,
      status: state.status,
    },
  };
}
