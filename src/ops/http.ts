import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { RunningAccount } from "../bridge/accounts.ts";
import type { Log } from "../bridge/contract.ts";
import type { CoreConfig } from "../config/schema.ts";
import type { Doorbell } from "../doorbell/doorbell.ts";
import type { Matrix } from "../matrix/contract.ts";
import { GatewayError } from "../model/errors.ts";
import type { Acceptor } from "../pipeline/accept.ts";
import type { Directory } from "../pipeline/directory.ts";
import type { Storage } from "../store/open.ts";
import { addConsole } from "./console.ts";
import { createAccess, mayActAs, type Caller, type Role } from "./access.ts";
import { adminEndpoints } from "./api.ts";
import { mount } from "./endpoints.ts";
import type { Metrics } from "./metrics.ts";
import type { PlanDesk } from "./plan-routes.ts";
import { answerError, problem } from "./problems.ts";

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

/** Runs a handler for callers of at least this role. */
export type Guard = (
  role: Role,
  handler: (request: FastifyRequest, caller: Caller, reply: FastifyReply) => Promise<unknown>,
) => (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Health, metrics and the operator's API on one port. Keep it off public networks. */
export async function startAdmin(deps: AdminDeps): Promise<Admin> {
  const app = createAdminServer();
  addAdminRoutes(app, deps);
  const url = await app.listen({ ...deps.config.admin.listen });
  return { url, stop: () => app.close() };
}

export function createAdminServer(): FastifyInstance {
  return fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: true,
  });
}

/** Every route of the admin port. What is not static stands in the OpenAPI document; a test compares them. */
export function addAdminRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const guard = createGuard(deps);
  app.setErrorHandler((error, _request, reply) => answerError(deps.log, error, reply));
  app.setNotFoundHandler(() => {
    throw new GatewayError("NOT_FOUND", "there is no such path");
  });
  app.addHook(
    "onRequest",
    async (_request, reply) => void reply.header("cache-control", "no-store"),
  );
  app.addContentTypeParser("text/csv", { parseAs: "string" }, (_request, body, done) =>
    done(null, body),
  );
  addConsole(app);
  mount(app, guard, adminEndpoints(deps));
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
    const answer = await handler(request, caller, reply);
    if (request.method !== "GET") deps.log.info({ ...fields, caller: caller.name }, "admin-change");
    return answer;
  };
}
