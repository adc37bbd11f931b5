import { z } from "zod";
import { matrixUser } from "../bridge/settings.ts";
import { LANDS } from "../config/transition-schema.ts";
import { GatewayError } from "../model/errors.ts";
import { newId } from "../model/id.ts";
import { partySchema } from "../model/message.ts";
import { readCertificate } from "../people/certificates.ts";
import { findRecipient, type Recipient } from "../people/recipients.ts";
import { declineWish, listWishes, wishCohort } from "../people/wishes.ts";
import { endpoint, time, type Endpoint } from "./endpoints.ts";
import type { AdminDeps } from "./http.ts";

const SCOPE = "onboarding";
const MAX_LISTED = 1_000;
const MAX_CERTIFICATE = 20_000;
const LOOKUP_MS = 30_000;
const name = () =>
  z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, "must begin with a letter and hold a-z, 0-9 and -");
const shortText = () => z.string().min(1).max(100);

const registration = z.strictObject({
  account: name(),
  bridge: z.string().regex(/^[@a-z0-9][@a-z0-9/._-]{0,99}$/),
  title: shortText().regex(/^[^\p{C}]+$/u, "must not hold control characters"),
  land: z.enum(LANDS as unknown as [string, ...string[]]).optional(),
  clerks: z.array(matrixUser()).max(1_000).default([]),
});
const storedRegistration = registration.extend({
  id: z.string(),
  by: z.string(),
  at: z.string(),
});

/** Steps of an authority that joins. Accounts live in the configuration: nothing here changes what runs. */
export function onboardingEndpoints(deps: AdminDeps): Endpoint[] {
  return [
    ...registrationEndpoints(deps),
    ...evidenceEndpoints(deps),
    ...cohortEndpoints(deps),
    lookupEndpoint(deps),
  ];
}

function registrationEndpoints(deps: AdminDeps): Endpoint[] {
  const { store } = deps.storage;
  return [
    endpoint({
      ...{ method: "POST", path: "/api/v1/onboarding/accounts", role: "operator" },
      summary:
        "Registers an account: answers the part of the configuration that an operator completes and puts in force.",
      body: registration,
      answer: z.object({ id: z.string(), state: z.literal("pending"), snippet: z.string() }),
      async run({ body }, caller) {
        if (deps.config.accounts.some((one) => one.name === body.account))
          throw new GatewayError("NOT_ALLOWED", `there is already an account ${body.account}`);
        const id = newId(deps.now().getTime());
        const stored = { ...body, id, by: caller.name, at: deps.now().toISOString() };
        await store.putFact(SCOPE, `account/${body.account}/${id}`, JSON.stringify(stored));
        await note("account-registered", body.account, caller.name, { registration: id });
        return { id, state: "pending" as const, snippet: snippetOf(body) };
      },
    }),
    endpoint({
      ...{ method: "GET", path: "/api/v1/onboarding/accounts", role: "viewer" },
      summary: "Registrations, and whether the configuration knows the account by now.",
      answer: z.object({
        registrations: z.array(
          storedRegistration.extend({ state: z.enum(["pending", "configured"]) }),
        ),
      }),
      async run() {
        const rows = await store.listFacts(SCOPE, "account/", { limit: MAX_LISTED });
        const known = new Set(deps.config.accounts.map((one) => one.name));
        const registrations = rows.map(({ value }) => {
          const one = storedRegistration.parse(JSON.parse(value));
          return {
            ...one,
            state: known.has(one.account) ? ("configured" as const) : ("pending" as const),
          };
        });
        return { registrations };
      },
    }),
  ];
  function note(action: string, subject: string, actor: string, detail: Record<string, string>) {
    return store.appendAudit({ actor, action, subject, detail }, deps.now());
  }
}

/** As JSON, which is YAML too: no text of a stranger can break out of its place. */
function snippetOf({
  account,
  bridge,
  title,
  land,
  clerks,
}: z.output<typeof registration>): string {
  const lines = [
    "# Below `accounts:`. Complete `settings:` (see config.example.yaml), then: postfach-bridge check",
    `- name: ${JSON.stringify(account)}`,
    `  bridge: ${JSON.stringify(bridge)}`,
    `  title: ${JSON.stringify(title)}`,
    "  phase: off",
    ...(land === undefined ? [] : [`  land: ${land}`]),
    `  clerks: ${JSON.stringify(clerks)}`,
    "  settings: {}",
  ];
  return `${lines.join("\n")}\n`;
}

function evidenceEndpoints(deps: AdminDeps): Endpoint[] {
  const { store } = deps.storage;
  const audit = (action: string, subject: string, actor: string, detail: Record<string, string>) =>
    store.appendAudit({ actor, action, subject, detail }, deps.now());
  return [
    endpoint({
      ...{ method: "POST", path: "/api/v1/onboarding/certificates", role: "operator" },
      summary: "Keeps a certificate (PEM) for an account. A private key is refused.",
      body: z.strictObject({ account: name(), pem: z.string().min(1).max(MAX_CERTIFICATE) }),
      answer: z.object({ sha256: z.string(), subject: z.string(), notAfter: z.iso.datetime() }),
      async run({ body: { account, pem } }, caller) {
        const kept = readCertificate(pem, deps.now());
        const { sha256, subject } = kept;
        await store.putFact(SCOPE, `certificate/${account}/${sha256}`, JSON.stringify(kept));
        await audit("certificate-uploaded", account, caller.name, { sha256 });
        return { sha256, subject, notAfter: kept.notAfter.toISOString() };
      },
    }),
    endpoint({
      ...{ method: "POST", path: "/api/v1/onboarding/terms", role: "operator" },
      summary:
        "Records who accepted which version of the terms. It stands in the audit log for good.",
      body: z.strictObject({
        account: name(),
        acceptedBy: shortText(),
        version: z.string().min(1).max(40),
        digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hex digits"),
      }),
      answer: z.object({ recorded: z.literal(true), at: z.iso.datetime() }),
      async run({ body: { account, ...accepted } }, caller) {
        await audit("terms-accepted", account, caller.name, accepted);
        return { recorded: true as const, at: deps.now().toISOString() };
      },
    }),
  ];
}

function cohortEndpoints(deps: AdminDeps): Endpoint[] {
  const { store } = deps.storage;
  const cohort = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/);
  const wish = z.object({
    ...{ account: name(), cohort, by: z.string(), at: time, next: z.string() },
    state: z
      .enum(["open", "selected", "declined"])
      .describe("selected: the plan in force has the account in that cohort."),
  });
  return [
    endpoint({
      ...{ method: "POST", path: "/api/v1/onboarding/cohort", role: "operator", refuses: [] },
      summary: "Records the wish to move with a cohort; an operator puts it into `transition:`.",
      body: z.strictObject({ account: name(), cohort }),
      answer: z.object({ recorded: z.literal(true), known: z.boolean() }),
      async run({ body }, caller) {
        await wishCohort(store, body, caller.name, deps.now());
        const { cohorts } = deps.desk.plans.current().plan;
        return { recorded: true as const, known: cohorts.some((one) => one.name === body.cohort) };
      },
    }),
    endpoint({
      ...{ method: "GET", path: "/api/v1/onboarding/cohorts", role: "viewer", refuses: [] },
      summary: "Wishes to move with a cohort, what became of them, and what an operator does.",
      answer: z.object({ wishes: z.array(wish).readonly() }),
      run: async () => ({ wishes: await listWishes(store, deps.desk.plans.current().plan) }),
    }),
    endpoint({
      ...{ method: "POST", path: "/api/v1/onboarding/cohort/decline", role: "operator" },
      ...{ summary: "Declines the wish of an account.", refuses: [404] },
      body: z.strictObject({ account: name() }),
      answer: z.object({ declined: z.literal(true) }),
      async run({ body }, caller) {
        await declineWish(store, body.account, caller.name, deps.now());
        return { declined: true as const };
      },
    }),
  ];
}

function lookupEndpoint(deps: AdminDeps): Endpoint {
  return endpoint({
    ...{ method: "GET", path: "/api/v1/recipients", role: "viewer" },
    summary:
      "Looks a recipient up in the directory of an account: one, none, or several; never a guess.",
    query: z.strictObject({ account: name(), query: z.string().min(1).max(255) }),
    answer: z.object({
      result: z.enum(["found", "none", "several"]),
      recipient: partySchema.optional(),
      recipients: z.array(partySchema).readonly().optional(),
      more: z.boolean().optional(),
    }),
    run({ query: { account, query } }): Promise<Recipient> {
      const running = deps.accounts.get(account);
      if (!running)
        return Promise.reject(
          new GatewayError("NOT_FOUND", `there is no running account ${account}`),
        );
      const resolve = running.bridge.resolve?.bind(running.bridge);
      return findRecipient(resolve, query, AbortSignal.timeout(LOOKUP_MS));
    },
  });
}
