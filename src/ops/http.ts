import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { z } from "zod";
import type { RunningAccount } from "../bridge/accounts.ts";
import type { Log } from "../bridge/contract.ts";
import { ConfigError } from "../config/load.ts";
import type { CoreConfig } from "../config/schema.ts";
import type { Doorbell } from "../doorbell/doorbell.ts";
import type { Matrix } from "../matrix/contract.ts";
import {
  DeliveryError,
  ERRORS,
  GatewayError,
  describeError,
  type ErrorCode,
} from "../model/errors.ts";
import type { Acceptor } from "../pipeline/accept.ts";
import type { Directory } from "../pipeline/directory.ts";
import type { Storage } from "../store/open.ts";
import { createAccess, mayActAs, type Caller, type Role } from "./access.ts";
import { createHealthWatch } from "./health.ts";
import { addLinkRoutes } from "./link-routes.ts";
import type { Metrics } from "./metrics.ts";
import { addPeopleRoutes } from "./people-routes.ts";
import { addPlanRoutes, type PlanDesk } from "./plan-routes.ts";
import { addConversationRoutes, addLetterRoutes, addQuarantineRoutes } from "./routes.ts";

/** What the admin API shows and moves. */
export interface AdminDeps {
  readonly config: CoreConfig;
  readonly log: Log;
  readonly storage: Storage;
  readonly doorbell: Doorbell;
  readonly directory: Directory;
  readonly acceptor: Pick<Acceptor, "fromLegacy">;
  readonly metrics: Metrics;
  readonly matrix: Matrix;
  readonly accounts: ReadonlyMap<string, RunningAccount>;
  /** Accounts whose bridge started. */
  readonly started: ReadonlySet<string>;
  readonly desk: PlanDesk;
  readonly now: () => Date;
}
export interface Admin {
  readonly url: string;
  stop(): Promise<void>;
}

/** Largest body: an import of links. */
const MAX_BODY_BYTES = 16_000_000;
/** From the first to the last byte of a request, milliseconds. */
const REQUEST_MS = 60_000;
const MAX_AUDIT_PAGE = 1_000;
const CORRECT_REQUEST = "correct the request";

const STATUS: Partial<Record<ErrorCode, number>> = {
  NOT_FOUND: 404,
  NOT_ALLOWED: 409,
  STORE_UNAVAILABLE: 503,
  REMOTE_UNAVAILABLE: 503,
  INTERNAL: 500,
};

/** Runs a handler for callers of at least this role. */
export type Guard = (
  role: Role,
  handler: (request: FastifyRequest, caller: Caller) => Promise<unknown>,
) => (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Health, metrics and the operator's API on one port. Keep it off public networks. */
export async function startAdmin(deps: AdminDeps): Promise<Admin> {
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: true,
  });
  const guard = createGuard(deps);
  app.setErrorHandler((error, _request, reply) => answerError(deps.log, error, reply));
  app.setNotFoundHandler(() => {
    throw new GatewayError("NOT_FOUND", "there is no such path");
  });
  app.addHook(
    "onRequest",
    async (_request, reply) => void reply.header("cache-control", "no-store"),
  );
  addHealthRoutes(app, deps, guard);
  addLetterRoutes(app, deps, guard);
  addQuarantineRoutes(app, deps, guard);
  addLinkRoutes(app, deps, guard);
  addPeopleRoutes(app, deps, guard);
  addConversationRoutes(app, deps, guard);
  addPlanRoutes(app, deps, deps.desk, guard);
  const url = await app.listen({ ...deps.config.admin.listen });
  return { url, stop: () => app.close() };
}

function createGuard(deps: AdminDeps): Guard {
  const access = createAccess(deps.config.admin.tokens);
  return (role, handler) => async (request, reply) => {
    const caller = access(request.headers.authorization);
    const fields = { method: request.method, route: request.routeOptions.url ?? "" };
    if (!caller) {
      deps.log.warn({ ...fields, from: request.ip }, "admin-stranger");
      const message = "a bearer token of `admin.tokens` is needed";
      return reply.code(401).send(problem("NOT_ALLOWED", message, "send Authorization: Bearer"));
    }
    if (!mayActAs(caller, role)) {
      deps.log.warn({ ...fields, caller: caller.name }, "admin-refused");
      const message = `this needs the role ${role}, ${caller.name} is ${caller.role}`;
      return reply.code(403).send(problem("NOT_ALLOWED", message, "ask somebody with that role"));
    }
    const answer = await handler(request, caller);
    if (request.method !== "GET") deps.log.info({ ...fields, caller: caller.name }, "admin-change");
    return answer;
  };
}

function addHealthRoutes(app: FastifyInstance, deps: AdminDeps, guard: Guard): void {
  const watch = createHealthWatch(deps);
  app.get("/live", () => ({ ok: true }));
  app.get("/ready", async (_request, reply) => {
    const state = await watch.readiness();
    return reply.code(state.ready ? 200 : 503).send(state);
  });
  app.get("/metrics", (request, reply) =>
    guard("viewer", async () => {
      await watch.noteCertificates();
      void reply.type(deps.metrics.contentType);
      return deps.metrics.render();
    })(request, reply),
  );
  app.get(
    "/api/v1/accounts",
    guard("viewer", async () => ({
      accounts: await watch.accounts(),
      homeserver: await watch.homeserver(),
    })),
  );
  const auditQuery = z.strictObject({
    subject: z.string().max(400).optional(),
    limit: z.coerce.number().int().min(1).max(MAX_AUDIT_PAGE).default(100),
  });
  app.get(
    "/api/v1/audit",
    guard("viewer", async (request) => {
      const { subject, limit } = auditQuery.parse(request.query);
      const filter = subject === undefined ? { limit } : { subject, limit };
      return { entries: await deps.storage.store.listAudit(filter) };
    }),
  );
}

function answerError(log: Log, error: unknown, reply: FastifyReply) {
  if (error instanceof z.ZodError)
    return reply.code(400).send(problem("INPUT_INVALID", z.prettifyError(error), CORRECT_REQUEST));
  if (error instanceof ConfigError) {
    const body = problem("INPUT_INVALID", error.message, "correct the lines that are named");
    return reply.code(400).send({ ...body, problems: error.problems });
  }
  if (error instanceof GatewayError || error instanceof DeliveryError)
    return reply.code(STATUS[error.code] ?? 400).send(problem(error.code, error.message));
  const status = (error as { statusCode?: unknown }).statusCode;
  if (typeof status === "number" && status >= 400 && status < 500)
    return reply.code(status).send(problem("INPUT_INVALID", describeError(error), CORRECT_REQUEST));
  log.error({ error: describeError(error) }, "admin-request-failed");
  return reply.code(500).send(problem("INTERNAL", "see the log"));
}

function problem(code: ErrorCode, message: string, next: string = ERRORS[code].next) {
  return { code, message, next };
}
