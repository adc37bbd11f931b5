import { z } from "zod";
import { GatewayError } from "../model/errors.ts";
import { levelSchema, partySchema, type Party } from "../model/message.ts";
import { endpoint, type Endpoint } from "./endpoints.ts";
import type { AdminDeps } from "./http.ts";

const shortText = z.string().min(1).max(255);
const wishSchema = z.strictObject({
  account: z.string(),
  to: partySchema.describe("Mailbox in the old system, and what clerks see of its owner."),
  subject: shortText,
  reference: shortText.optional().describe("File number."),
  applicationId: shortText.optional(),
  level: levelSchema.optional(),
});

export function conversationEndpoints(deps: AdminDeps): Endpoint[] {
  const open = endpoint({
    ...{ method: "POST", path: "/api/v1/conversations", role: "operator" },
    summary: "Opens the case room for letters to somebody in the old system.",
    body: wishSchema,
    answer: z.object({ conversation: z.string(), roomId: z.string() }),
    async run({ body }, caller) {
      if (!deps.accounts.has(body.account))
        throw new GatewayError("NOT_FOUND", `there is no running account ${body.account}`);
      const { conversation, roomId } = await deps.matrix.openConversation(
        wishOf(body),
        caller.name,
      );
      const entry = { actor: caller.name, action: "conversation-opened", subject: conversation.id };
      await deps.storage.store.appendAudit(entry, deps.now());
      return { conversation: conversation.id, roomId };
    },
  });
  return [open];
}

function wishOf(body: z.output<typeof wishSchema>) {
  const { account, to, subject, reference, applicationId, level } = body;
  const caseInfo = {
    ...(reference === undefined ? {} : { reference }),
    ...(applicationId === undefined ? {} : { applicationId }),
  };
  return {
    ...{ account, to: partyOf(to), subject },
    ...(Object.keys(caseInfo).length > 0 ? { case: caseInfo } : {}),
    ...(level === undefined ? {} : { level }),
  };
}

function partyOf({ address, name, role }: z.output<typeof partySchema>): Party {
  return { address, ...(name ? { name } : {}), ...(role ? { role } : {}) };
}
