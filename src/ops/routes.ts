import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { GatewayError } from "../model/errors.ts";
import { levelSchema, partySchema, type Party } from "../model/message.ts";
import { MESSAGE_STATES } from "../model/state.ts";
import { findLetters } from "./find-letters.ts";
import type { AdminDeps, Guard } from "./http.ts";
import { letterView, traceSteps } from "./views.ts";

const MAX_PAGE = 1_000;
const READMIT_MS = 60_000;
export const withId = z.object({ id: z.string().min(1).max(255) });

const listQuery = z.strictObject({
  account: z.string().optional(),
  state: z.enum(MESSAGE_STATES).optional(),
  origin: z.enum(["legacy", "matrix"]).optional(),
  conversation: z.string().optional(),
  since: z.coerce.date().optional(),
  after: z.coerce.number().int().optional(),
  order: z.enum(["oldest", "newest"]).default("newest"),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
});

export function addLetterRoutes(app: FastifyInstance, deps: AdminDeps, guard: Guard): void {
  const { store } = deps.storage;
  app.get(
    "/api/v1/letters",
    guard("viewer", async (request) => {
      const letters = await findLetters(store, listQuery.parse(request.query));
      return { letters: letters.map((l) => ({ ...letterView(l), seq: l.seq })) };
    }),
  );
  app.get(
    "/api/v1/letters/:id",
    guard("viewer", async (request) => {
      const { id } = withId.parse(request.params);
      const trace = await store.trace(id);
      if (!trace) throw new GatewayError("NOT_FOUND", `there is no letter ${id}`);
      return { ...letterView(trace.stored), parts: trace.parts, steps: traceSteps(trace) };
    }),
  );
  addLetterActions(app, deps, guard);
}

function addLetterActions(app: FastifyInstance, deps: AdminDeps, guard: Guard): void {
  const { store } = deps.storage;
  app.post(
    "/api/v1/letters/:id/resend",
    guard("operator", async (request, caller) => {
      const { id } = withId.parse(request.params);
      const body = z.strictObject({ asNew: z.boolean().default(false) });
      const { asNew } = body.parse(request.body ?? {});
      await store.resend(id, { asNew, by: caller.name }, deps.now());
      return { id, state: "pending", asNew };
    }),
  );
  app.post(
    "/api/v1/letters/:id/resolve",
    guard("operator", async (request, caller) => {
      const { id } = withId.parse(request.params);
      const { to } = z.strictObject({ to: z.enum(["delivered", "failed"]) }).parse(request.body);
      await store.resolveUnknown(id, to, caller.name, deps.now());
      return { id, state: to };
    }),
  );
}

export function addQuarantineRoutes(app: FastifyInstance, deps: AdminDeps, guard: Guard): void {
  const query = z.strictObject({
    account: z.string().optional(),
    state: z.enum(["open", "released", "rejected"]).default("open"),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
  });
  app.get(
    "/api/v1/quarantine",
    guard("viewer", async (request) => {
      const { account, ...filter } = query.parse(request.query);
      const wanted = { ...filter, ...(account === undefined ? {} : { account }) };
      return { items: await deps.storage.store.listQuarantine(wanted) };
    }),
  );
  for (const [action, to] of [
    ["release", "released"],
    ["reject", "rejected"],
  ] as const)
    app.post(
      `/api/v1/quarantine/:id/${action}`,
      guard("operator", async (request, caller) => {
        const { id } = withId.parse(request.params);
        await closeQuarantine(deps, id, to, caller.name);
        return { id, state: to };
      }),
    );
}

/** Releasing something that never became a letter hands its bytes back to the bridge, which takes it in once more. */
async function closeQuarantine(
  deps: AdminDeps,
  id: string,
  to: "released" | "rejected",
  by: string,
): Promise<void> {
  const item = await deps.storage.store.quarantineItem(id);
  if (!item) throw new GatewayError("NOT_FOUND", `there is nothing in quarantine with id ${id}`);
  if (item.state !== "open")
    throw new GatewayError("NOT_ALLOWED", `${id} is already ${item.state}`);
  if (to === "released" && item.messageId === undefined) {
    const bridge = item.side === "matrix" ? deps.matrix : deps.accounts.get(item.account)?.bridge;
    if (!bridge?.readmit || !item.original)
      throw new GatewayError("NOT_ALLOWED", "this cannot be taken in again; its bytes stay kept");
    const { sourceId, code, detail, original } = item;
    await bridge.readmit({ sourceId, code, detail, original }, AbortSignal.timeout(READMIT_MS));
  }
  if (to === "rejected" && item.messageId === undefined && item.original) {
    const bridge = item.side === "matrix" ? undefined : deps.accounts.get(item.account)?.bridge;
    const { sourceId, code, detail, original } = item;
    await bridge?.dismiss?.({ sourceId, code, detail, original }, AbortSignal.timeout(READMIT_MS));
  }
  if (!(await deps.storage.store.closeQuarantine(id, to, by, deps.now())))
    throw new GatewayError("NOT_ALLOWED", `${id} was closed by somebody else just now`);
}

export function addConversationRoutes(app: FastifyInstance, deps: AdminDeps, guard: Guard): void {
  const body = z.strictObject({
    account: z.string(),
    to: partySchema,
    subject: z.string().min(1).max(255),
    reference: z.string().min(1).max(255).optional(),
    applicationId: z.string().min(1).max(255).optional(),
    level: levelSchema.optional(),
  });
  app.post(
    "/api/v1/conversations",
    guard("operator", async (request, caller) => {
      const { account, to, subject, reference, applicationId, level } = body.parse(request.body);
      if (!deps.accounts.has(account))
        throw new GatewayError("NOT_FOUND", `there is no running account ${account}`);
      const caseInfo = {
        ...(reference === undefined ? {} : { reference }),
        ...(applicationId === undefined ? {} : { applicationId }),
      };
      const wish = {
        account,
        to: partyOf(to),
        subject,
        ...(Object.keys(caseInfo).length > 0 ? { case: caseInfo } : {}),
        ...(level === undefined ? {} : { level }),
      };
      const { conversation, roomId } = await deps.matrix.openConversation(wish, caller.name);
      const entry = { actor: caller.name, action: "conversation-opened", subject: conversation.id };
      await deps.storage.store.appendAudit(entry, deps.now());
      return { conversation: conversation.id, roomId };
    }),
  );
}

function partyOf({ address, name, role }: z.output<typeof partySchema>): Party {
  return { address, ...(name ? { name } : {}), ...(role ? { role } : {}) };
}
