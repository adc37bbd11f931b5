import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { LoadedConfig } from "../config/load.ts";
import { GatewayError } from "../model/errors.ts";
import type { ActivePlans } from "../transition/active.ts";
import { applyFile, rollBack, type Applied, type ApplyOptions } from "../transition/applying.ts";
import { dayOf, isDay, type Day } from "../transition/berlin.ts";
import { compareDays } from "../transition/comparing.ts";
import { explainLetter, explainMailbox } from "../transition/explaining.ts";
import { clockOptionsOf } from "../transition/legal-config.ts";
import { planOf } from "../transition/plan.ts";
import { reviewPlan, type ReviewDeps } from "../transition/review.ts";
import type { AdminDeps, Guard } from "./http.ts";
import { reviewDocument } from "./plan-document.ts";

/** What the routes about plans need beside the rest. */
export interface PlanDesk {
  readonly plans: ActivePlans;
  /** Reads the configuration file of the running gateway anew. Throws ConfigError. */
  reload(): Promise<LoadedConfig>;
}

const MAX_PAGE = 1_000;
const flags = z.strictObject({
  jump: z.boolean().default(false),
  moveConversations: z.boolean().default(false),
});
const day = z.string().refine(isDay, "must be a day such as 2026-11-20");

export function addPlanRoutes(
  app: FastifyInstance,
  deps: AdminDeps,
  desk: PlanDesk,
  guard: Guard,
): void {
  const { store } = deps.storage;
  app.get(
    "/api/v1/plan",
    guard("viewer", async () => {
      const { seq, planId, plan } = desk.plans.current();
      const { accounts, cohorts } = plan;
      const order = cohorts.map(({ name, phase }) => ({ name, phase }));
      return { seq, plan: planId, accounts, order };
    }),
  );
  app.get(
    "/api/v1/plan/review",
    guard("viewer", async () => {
      const loaded = await desk.reload();
      return reviewDocument(await reviewPlan(reviewDeps(deps, loaded), planOf(loaded.config)));
    }),
  );
  const page = z.strictObject({ limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(50) });
  app.get(
    "/api/v1/plan/history",
    guard("viewer", async (request) => {
      const plans = await store.listPlans(page.parse(request.query));
      return { plans: plans.map(({ document: _, ...rest }) => rest) };
    }),
  );
  addPlanQuestions(app, deps, desk, guard);
  addPlanActions(app, deps, desk, guard);
}

function addPlanQuestions(
  app: FastifyInstance,
  deps: AdminDeps,
  desk: PlanDesk,
  guard: Guard,
): void {
  const { store } = deps.storage;
  const mailbox = z.strictObject({
    account: z.string().max(40),
    mailbox: z.string().max(255),
    direction: z.enum(["inbound", "outbound"]).default("inbound"),
  });
  const message = z.strictObject({ message: z.string().max(100) });
  app.get(
    "/api/v1/plan/explain",
    guard("viewer", (request) => {
      const asked = z.union([message, mailbox]).parse(request.query);
      const { directory } = deps;
      const clock = clockOptionsOf(deps.config.transition);
      const levelsOf = (name: string) =>
        deps.config.accounts.find((one) => one.name === name)?.levels;
      const active = desk.plans.current();
      const given = { store, directory, clock, levelsOf, active, now: deps.now() };
      if ("message" in asked) return explainLetter(given, asked.message);
      return explainMailbox(given, asked);
    }),
  );
  const span = z.strictObject({ account: z.string(), since: day, until: day.optional() });
  app.get(
    "/api/v1/plan/compare",
    guard("viewer", async (request) => {
      const { account, since, until } = span.parse(request.query);
      if (!deps.config.accounts.some(({ name }) => name === account))
        throw new GatewayError("NOT_FOUND", `there is no account ${account}`);
      const last = (until ?? dayOf(deps.now())) as Day;
      try {
        return { account, days: await compareDays(store, account, since as Day, last) };
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw cause;
        throw new GatewayError("INPUT_INVALID", cause.message, { cause });
      }
    }),
  );
}

function addPlanActions(app: FastifyInstance, deps: AdminDeps, desk: PlanDesk, guard: Guard): void {
  const act = async (
    by: string,
    body: z.output<typeof flags>,
    work: (review: ReviewDeps, options: ApplyOptions) => Promise<Applied>,
  ) => {
    const loaded = await desk.reload();
    const { stored, review } = await work(reviewDeps(deps, loaded), { by, ...body });
    await desk.plans.refresh();
    const applied = stored ? { seq: stored.seq, plan: stored.planId } : false;
    return { applied, ...reviewDocument(review) };
  };
  app.post(
    "/api/v1/plan/apply",
    guard("admin", (request, caller) =>
      act(caller.name, flags.parse(request.body ?? {}), applyFile),
    ),
  );
  const back = flags.extend({ to: z.int().min(1).optional() });
  app.post(
    "/api/v1/plan/rollback",
    guard("admin", (request, caller) => {
      const { to, ...body } = back.parse(request.body ?? {});
      const where = to === undefined ? {} : { to };
      return act(caller.name, body, (review, options) =>
        rollBack(review, { ...options, ...where }),
      );
    }),
  );
}

function reviewDeps(deps: AdminDeps, loaded: LoadedConfig): ReviewDeps {
  return { loaded, store: deps.storage.store, directory: deps.directory, now: deps.now() };
}
