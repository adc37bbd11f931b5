import { z } from "zod";
import type { LoadedConfig } from "../config/load.ts";
import { GatewayError } from "../model/errors.ts";
import type { ActivePlans } from "../transition/active.ts";
import { applyFile, rollBack, type Applied, type ApplyOptions } from "../transition/applying.ts";
import { dayOf } from "../transition/berlin.ts";
import { compareDays } from "../transition/comparing.ts";
import { explainLetter, explainMailbox } from "../transition/explaining.ts";
import { clockOptionsOf } from "../transition/legal-config.ts";
import { planOf } from "../transition/plan.ts";
import { reviewPlan, type ReviewDeps } from "../transition/review.ts";
import { endpoint, type Endpoint } from "./endpoints.ts";
import type { AdminDeps } from "./http.ts";
import { reviewDocument } from "./plan-document.ts";
import {
  appliedSchema,
  comparisonSchema,
  day,
  explanationSchema,
  formerPlanSchema,
  planSchema,
  reviewSchema,
} from "./plan-schema.ts";

/** What the routes about plans need beside the rest. */
export interface PlanDesk {
  readonly plans: ActivePlans;
  /** Reads the configuration file of the running gateway anew. Throws ConfigError. */
  reload(): Promise<LoadedConfig>;
}

const MAX_PAGE = 1_000;

export function planEndpoints(deps: AdminDeps): Endpoint[] {
  return [
    ...readingEndpoints(deps),
    explainEndpoint(deps),
    compareEndpoint(deps),
    ...actionEndpoints(deps),
  ];
}

function readingEndpoints(deps: AdminDeps): Endpoint[] {
  const { desk, storage } = deps;
  return [
    endpoint({
      ...{ method: "GET", path: "/api/v1/plan", role: "viewer", refuses: [] },
      summary: "The plan in force.",
      answer: planSchema,
      run() {
        const { seq, planId, plan } = desk.plans.current();
        const { accounts, cohorts } = plan;
        const order = cohorts.map(({ name, phase }) => ({ name, phase }));
        return Promise.resolve({ seq, plan: planId, accounts, order });
      },
    }),
    endpoint({
      ...{ method: "GET", path: "/api/v1/plan/review", role: "viewer", refuses: [] },
      summary:
        "What the configuration file would change, and what speaks against it. Changes nothing.",
      answer: reviewSchema,
      async run() {
        const loaded = await desk.reload();
        return reviewDocument(await reviewPlan(reviewDeps(deps, loaded), planOf(loaded.config)));
      },
    }),
    endpoint({
      ...{ method: "GET", path: "/api/v1/plan/history", role: "viewer", refuses: [] },
      summary: "Plans that were in force, the newest first.",
      query: z.strictObject({
        limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(50),
      }),
      answer: z.object({ plans: z.array(formerPlanSchema).readonly() }),
      async run({ query }) {
        const plans = await storage.store.listPlans(query);
        return { plans: plans.map(({ document: _, ...rest }) => rest) };
      },
    }),
  ];
}

function explainEndpoint({ storage, directory, config, desk, now }: AdminDeps): Endpoint {
  const mailbox = z.strictObject({
    account: z.string().max(40),
    mailbox: z.string().max(255).describe("Our side's mailbox."),
    direction: z.enum(["inbound", "outbound"]).default("inbound"),
    service: z
      .string()
      .max(255)
      .optional()
      .describe("As if the letter named this administrative service."),
  });
  const message = z.strictObject({
    message: z.string().max(100).describe("A letter; instead of account and mailbox."),
  });
  return endpoint({
    ...{ method: "GET", path: "/api/v1/plan/explain", role: "viewer", refuses: [404] },
    summary:
      "Which rule decides for a mailbox (`account`, `mailbox`) or a letter (`message`), and why.",
    query: z.union([message, mailbox]),
    answer: explanationSchema,
    run({ query: asked }) {
      const levelsOf = (name: string) => config.accounts.find((one) => one.name === name)?.levels;
      const given = {
        ...{ store: storage.store, directory, levelsOf, now: now() },
        clock: clockOptionsOf(config.transition),
        active: desk.plans.current(),
      };
      if ("message" in asked) return explainLetter(given, asked.message);
      const { service, ...place } = asked;
      return explainMailbox(given, { ...place, ...(service === undefined ? {} : { service }) });
    },
  });
}

function compareEndpoint({ storage, config, now }: AdminDeps): Endpoint {
  return endpoint({
    ...{ method: "GET", path: "/api/v1/plan/compare", role: "viewer", refuses: [404] },
    summary: "What the old mailbox and Matrix hold of the letters that came in, day by day.",
    query: z.strictObject({
      account: z.string(),
      since: day,
      until: day.optional().describe("Included; default: today."),
    }),
    answer: comparisonSchema,
    async run({ query: { account, since, until } }) {
      if (!config.accounts.some(({ name }) => name === account))
        throw new GatewayError("NOT_FOUND", `there is no account ${account}`);
      const last = until ?? dayOf(now());
      try {
        return { account, days: await compareDays(storage.store, account, since, last) };
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw cause;
        throw new GatewayError("INPUT_INVALID", cause.message, { cause });
      }
    },
  });
}

const flags = z.strictObject({
  jump: z.boolean().default(false).describe("Accept steps between phases that skip one."),
  moveConversations: z
    .boolean()
    .default(false)
    .describe("Open conversations follow the plan from now on, whichever side counted for them."),
});

function actionEndpoints(deps: AdminDeps): Endpoint[] {
  const { desk } = deps;
  const act = async (work: (review: ReviewDeps) => Promise<Applied>) => {
    const loaded = await desk.reload();
    const { stored, review } = await work(reviewDeps(deps, loaded));
    await desk.plans.refresh();
    const applied = stored ? { seq: stored.seq, plan: stored.planId } : (false as const);
    return { applied, ...reviewDocument(review) };
  };
  const options = (by: string, { jump, moveConversations }: z.output<typeof flags>) =>
    ({ by, jump, moveConversations }) satisfies ApplyOptions;
  return [
    endpoint({
      ...{ method: "POST", path: "/api/v1/plan/apply", role: "admin", refuses: [409] },
      summary:
        "Puts the plan of the configuration file in force: all of it, or nothing (PLAN_REFUSED).",
      bodyOptional: true,
      body: flags,
      answer: appliedSchema,
      run: ({ body }, caller) => act((review) => applyFile(review, options(caller.name, body))),
    }),
    endpoint({
      ...{ method: "POST", path: "/api/v1/plan/rollback", role: "admin" },
      summary: "Puts a former plan in force again. Letters that were decided keep their decision.",
      bodyOptional: true,
      body: flags.extend({
        to: z.int().min(1).optional().describe("Its `seq`; default: the one before."),
      }),
      answer: appliedSchema,
      run: ({ body }, caller) =>
        act((review) =>
          rollBack(review, {
            ...options(caller.name, body),
            ...(body.to === undefined ? {} : { to: body.to }),
          }),
        ),
    }),
  ];
}

function reviewDeps(deps: AdminDeps, loaded: LoadedConfig): ReviewDeps {
  return { loaded, store: deps.storage.store, directory: deps.directory, now: deps.now() };
}
