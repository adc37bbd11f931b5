import { z } from "zod";
import { ROLES } from "./access.ts";
import { endpoint, time, type Endpoint } from "./endpoints.ts";
import { createHealthWatch } from "./health.ts";
import type { AdminDeps } from "./http.ts";
import { phaseName } from "./letter-schema.ts";

const MAX_AUDIT_PAGE = 1_000;

const readinessSchema = z.object({
  ready: z.boolean(),
  database: z.enum(["ok", "unavailable"]),
  doorbell: z.enum(["ok", "degraded"]),
  accounts: z.object({
    on: z.int().describe("Accounts that are on."),
    started: z.int().describe("Those of them that started."),
  }),
});
const health = {
  ok: z.boolean(),
  detail: z.string().optional(),
  certificates: z
    .array(z.object({ subject: z.string(), purpose: z.string(), notAfter: time }))
    .readonly()
    .optional(),
};
const accountSchema = z
  .object({
    name: z.string(),
    bridge: z.string(),
    title: z.string(),
    phase: phaseName.describe("By the plan in force, which the file need not say yet."),
    started: z.boolean(),
    ...health,
  })
  .meta({ id: "Account" });
const auditSchema = z
  .object({
    seq: z.int(),
    at: time,
    actor: z.string(),
    action: z.string(),
    subject: z.string(),
    detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    hash: z.string().describe("SHA-256 over the hash before and this entry."),
  })
  .meta({ id: "AuditEntry" });

export function healthEndpoints(deps: AdminDeps): Endpoint[] {
  const watch = createHealthWatch(deps);
  return [
    endpoint({
      ...{ method: "GET", path: "/live", role: "anybody", refuses: [] },
      summary: "The process runs.",
      answer: z.object({ ok: z.literal(true) }),
      run: () => Promise.resolve({ ok: true as const }),
    }),
    endpoint({
      ...{ method: "GET", path: "/ready", role: "anybody", refuses: [] },
      summary:
        "The database can write and every account started. Redis away is degraded, not unready.",
      answer: readinessSchema,
      alsoAnswers: { 503: "Not ready." },
      async run(_, __, reply) {
        const state = await watch.readiness();
        if (!state.ready) reply.code(503);
        return state;
      },
    }),
    endpoint({
      ...{ method: "GET", path: "/metrics", role: "viewer", refuses: [] },
      summary: "For Prometheus. Alert on `postfach_oldest_pending_seconds`.",
      answer: z.string(),
      answerType: deps.metrics.contentType,
      async run() {
        await watch.noteCertificates();
        return deps.metrics.render();
      },
    }),
    endpoint({
      ...{ method: "GET", path: "/api/v1/accounts", role: "viewer", refuses: [] },
      summary: "Accounts and homeserver with their health.",
      answer: z.object({
        accounts: z.array(accountSchema).readonly(),
        homeserver: z.object(health),
      }),
      run: async () => ({
        accounts: await watch.accounts(),
        homeserver: await watch.homeserver(),
      }),
    }),
    callerEndpoint(),
    watchedEndpoint(deps),
    auditEndpoint(deps),
  ];
}

function callerEndpoint(): Endpoint {
  return endpoint({
    ...{ method: "GET", path: "/api/v1/caller", role: "viewer", refuses: [] },
    summary: "Whose token this is, and what it may do.",
    answer: z.object({ name: z.string(), role: z.enum(ROLES) }),
    run: (_, { name, role }) => Promise.resolve({ name, role }),
  });
}

function watchedEndpoint({ metrics }: AdminDeps): Endpoint {
  return endpoint({
    ...{ method: "GET", path: "/api/v1/not-retrieved", role: "viewer", refuses: [] },
    summary:
      "Letters that count as notified only when they are retrieved in time; ten minutes old at most.",
    answer: z.object({
      letters: z
        .array(
          z.object({
            account: z.string(),
            state: z
              .enum(["waits", "due", "over"])
              .describe("due: until tomorrow. over: not notified; notify again or otherwise."),
            count: z.int(),
          }),
        )
        .readonly(),
    }),
    run: () => Promise.resolve({ letters: metrics.watched() }),
  });
}

function auditEndpoint({ storage: { store } }: AdminDeps): Endpoint {
  return endpoint({
    ...{ method: "GET", path: "/api/v1/audit", role: "viewer", refuses: [] },
    summary: "What operators did, the newest first.",
    query: z.strictObject({
      subject: z.string().max(400).optional().describe("Letter, quarantine item, account/mailbox."),
      limit: z.coerce.number().int().min(1).max(MAX_AUDIT_PAGE).default(100),
    }),
    answer: z.object({ entries: z.array(auditSchema).readonly() }),
    async run({ query: { subject, limit } }) {
      const filter = subject === undefined ? { limit } : { subject, limit };
      return { entries: await store.listAudit(filter) };
    },
  });
}
