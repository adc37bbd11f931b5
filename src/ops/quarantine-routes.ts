import { z } from "zod";
import { GatewayError } from "../model/errors.ts";
import { blobRefSchema } from "../model/message.ts";
import { endpoint, time, withId, type Endpoint } from "./endpoints.ts";
import type { AdminDeps } from "./http.ts";
import { errorCode } from "./problems.ts";

const MAX_PAGE = 1_000;
const READMIT_MS = 60_000;

const STATES = ["open", "released", "rejected"] as const;
const itemSchema = z
  .object({
    id: z.string(),
    account: z.string(),
    side: z.enum(["legacy", "matrix"]).describe("Where it came from."),
    sourceId: z.string(),
    code: errorCode,
    detail: z.string(),
    original: blobRefSchema.optional(),
    messageId: z
      .string()
      .optional()
      .describe("A letter that is held. Absent: it never became one."),
    state: z.enum(STATES),
    createdAt: time,
    closedAt: time.optional(),
    closedBy: z.string().optional(),
  })
  .meta({ id: "QuarantineItem" });

export function quarantineEndpoints(deps: AdminDeps): Endpoint[] {
  const list = endpoint({
    ...{ method: "GET", path: "/api/v1/quarantine", role: "viewer", refuses: [] },
    summary: "What was not taken in, or is held until somebody looks at it; the oldest first.",
    query: z.strictObject({
      account: z.string().optional(),
      state: z.enum(STATES).default("open"),
      limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
    }),
    answer: z.object({ items: z.array(itemSchema).readonly() }),
    async run({ query: { account, ...filter } }) {
      const wanted = { ...filter, ...(account === undefined ? {} : { account }) };
      return { items: await deps.storage.store.listQuarantine(wanted) };
    },
  });
  return [
    list,
    closing(
      deps,
      "release",
      "released",
      "Lets it go on: a held letter is delivered, other input is taken in once more.",
    ),
    closing(
      deps,
      "reject",
      "rejected",
      "Ends it: a held letter is refused and its sender told. The bytes stay kept.",
    ),
  ];
}

function closing<T extends "released" | "rejected">(
  deps: AdminDeps,
  action: string,
  to: T,
  summary: string,
): Endpoint {
  return endpoint({
    ...{ method: "POST", path: `/api/v1/quarantine/:id/${action}`, role: "operator", summary },
    params: withId,
    answer: z.object({ id: z.string(), state: z.literal(to as string) }),
    async run({ params: { id } }, caller) {
      await closeQuarantine(deps, id, to, caller.name);
      return { id, state: to };
    },
  });
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
