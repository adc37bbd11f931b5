import { z } from "zod";
import { mailboxId, matrixUser } from "../bridge/settings.ts";
import { describeError, GatewayError } from "../model/errors.ts";
import { confirmClaim, requestClaim, type ClaimDeps } from "../people/claims.ts";
import { newSubstitution, substitutionRowSchema } from "../people/substituting.ts";
import type { AdminDeps } from "./http.ts";
import { linksAppliedSchema, refreshRooms } from "./link-routes.ts";
import { endpoint, type Endpoint } from "./endpoints.ts";
import { linkOfRow, linkRowSchema, applyLinks } from "./links.ts";
import { onboardingEndpoints } from "./onboarding-routes.ts";

const MAX_PAGE = 1_000;
const time = () => z.union([z.iso.datetime(), z.date()]);
const account = () => z.string().min(1).max(40);
const rooms = { roomsRefreshed: z.int(), roomsLater: z.int() };
const wish = z.strictObject({ account: account(), mailbox: mailboxId(), user: matrixUser() });

/** Links of one person, proofs of possession, substitutions, onboarding. */
export function peopleEndpoints(deps: AdminDeps): Endpoint[] {
  return [
    ...linkEndpoints(deps),
    historyEndpoint(deps),
    ...claimEndpoints(deps),
    ...substitutionEndpoints(deps),
    refreshEndpoint(deps),
    ...onboardingEndpoints(deps),
  ];
}

function linkEndpoints(deps: AdminDeps): Endpoint[] {
  const { store } = deps.storage;
  const { from: _from, until: _until, ...plain } = linkRowSchema.shape;
  const link = z.strictObject({
    ...plain,
    from: z.iso.datetime({ offset: true }).optional(),
    until: z.iso.datetime({ offset: true }).optional(),
  });
  return [
    endpoint({
      ...{ method: "POST", path: "/api/v1/people/links", role: "admin" },
      summary: "Links a mailbox to a Matrix user; letters held for the mailbox go on.",
      body: link,
      answer: linksAppliedSchema,
      async run({ body }, caller) {
        const row = linkOfRow(linkRowSchema.parse(body), "admin", caller.name);
        const applied = await applyLinks(store, deps.config, [row], deps.now());
        return { ...applied, ...(await refreshRooms(deps, [row])) };
      },
    }),
    endpoint({
      ...{ method: "POST", path: "/api/v1/people/unlink", role: "admin" },
      summary: "Ends a link now; its user leaves the rooms of the mailbox.",
      body: wish,
      answer: z.object({ removed: z.literal(true), ...rooms }),
      async run({ body: { account: name, mailbox, user } }, caller) {
        const removed = await store.removeLink(name, mailbox, user, caller.name, deps.now());
        if (!removed) throw new GatewayError("NOT_FOUND", "there is no such link");
        return { removed, ...(await refreshRooms(deps, [{ account: name, mailbox }])) };
      },
    }),
  ];
}

function historyEndpoint(deps: AdminDeps): Endpoint {
  const { store } = deps.storage;
  const change = z.object({
    ...{ seq: z.int(), change: z.enum(["added", "changed", "removed"]), at: time() },
    ...{ account: z.string(), mailbox: z.string(), user: z.string(), by: z.string() },
    provenance: z.enum(["config", "import", "admin", "claim"]),
    ...{ from: time().optional(), until: time().optional(), role: z.string().optional() },
  });
  return endpoint({
    ...{ method: "GET", path: "/api/v1/people/history", role: "viewer" },
    summary: "What happened to the links of an account or mailbox, the newest first.",
    query: z.strictObject({
      account: account(),
      mailbox: mailboxId().optional(),
      before: z.coerce.number().int().optional(),
    }),
    answer: z.object({ changes: z.array(change).readonly() }),
    async run({ query: { account: name, mailbox, before } }) {
      const changes = await store.linkHistory({
        ...{ account: name, limit: MAX_PAGE },
        ...(mailbox === undefined ? {} : { mailbox }),
        ...(before === undefined ? {} : { before }),
      });
      return { changes };
    },
  });
}

function claimEndpoints(deps: AdminDeps): Endpoint[] {
  const { store, sealer } = deps.storage;
  const claims: ClaimDeps = {
    ...{ config: deps.config, store, acceptor: deps.acceptor, now: deps.now },
    running: (name) => deps.accounts.get(name)?.definition,
    derive: (purpose) => sealer.derive(purpose),
  };
  return [
    endpoint({
      ...{ method: "POST", path: "/api/v1/people/claims", role: "operator" },
      summary:
        "Sends a one-time code through the old mailbox. The caller has signed the Matrix user in before.",
      body: wish,
      answer: z.object({ id: z.string(), expiresAt: time() }),
      run: ({ body }, caller) => requestClaim(claims, body, caller.name),
    }),
    endpoint({
      ...{ method: "POST", path: "/api/v1/people/claims/confirm", role: "operator" },
      summary: "Takes the code back; the right one links the mailbox. Every try counts.",
      body: z.strictObject({
        id: z.string().min(1).max(64),
        user: matrixUser(),
        code: z.string().min(1).max(64),
      }),
      answer: z.object({
        result: z.enum(["linked", "wrong-code", "expired", "blocked", "closed", "unknown"]),
        released: z.int().optional(),
      }),
      async run({ body }, caller) {
        const {
          result,
          released,
          account: name,
          mailbox,
        } = await confirmClaim(claims, body, caller.name);
        if (name === undefined || mailbox === undefined) return { result };
        await refreshRooms(deps, [{ account: name, mailbox }]);
        return { result, ...(released === undefined ? {} : { released }) };
      },
    }),
  ];
}

function substitutionEndpoints(deps: AdminDeps): Endpoint[] {
  const { store } = deps.storage;
  const substitution = z.object({
    ...{ id: z.string(), account: z.string(), absent: z.string(), deputy: z.string() },
    ...{ from: time(), until: time(), by: z.string() },
  });
  return [
    endpoint({
      ...{ method: "GET", path: "/api/v1/substitutions", role: "viewer" },
      summary: "Who stands in for whom, now or later.",
      query: z.strictObject({ account: account().optional() }),
      answer: z.object({ substitutions: z.array(substitution).readonly() }),
      run: async ({ query }) => ({
        substitutions: await store.listSubstitutions(deps.now(), query.account),
      }),
    }),
    endpoint({
      ...{ method: "POST", path: "/api/v1/substitutions", role: "admin" },
      summary: "Lets a deputy stand in, until the end of a day in Germany.",
      body: substitutionRowSchema,
      answer: substitution,
      async run({ body }, caller) {
        const added = newSubstitution(deps.config, body, caller.name, deps.now());
        await store.addSubstitution(added, deps.now());
        await follow(deps, added.account);
        return added;
      },
    }),
    endpoint({
      ...{ method: "POST", path: "/api/v1/substitutions/end", role: "admin" },
      summary: "Ends a substitution now; the deputy leaves the rooms.",
      body: z.strictObject({ id: z.string().min(1).max(64) }),
      answer: z.object({ ended: z.literal(true) }),
      async run({ body: { id } }, caller) {
        const found = (await store.listSubstitutions(deps.now())).find((one) => one.id === id);
        if (!found || !(await store.endSubstitution(id, caller.name, deps.now())))
          throw new GatewayError("NOT_FOUND", `no substitution ${id} that is not over`);
        await follow(deps, found.account);
        return { ended: true as const };
      },
    }),
  ];
}

function refreshEndpoint(deps: AdminDeps): Endpoint {
  return endpoint({
    ...{ method: "POST", path: "/api/v1/substitutions/refresh", role: "admin" },
    summary: "Brings all rooms of an account up to date.",
    body: z.strictObject({ account: account() }),
    answer: z.object({
      refreshed: z
        .boolean()
        .describe("false: the homeserver is away; they follow when it is back."),
    }),
    run: async ({ body }) => ({ refreshed: await follow(deps, body.account) }),
  });
}

/** What is stored stands: a homeserver that is away must not make it look undone, and have it done twice. */
async function follow({ matrix, log }: AdminDeps, account: string): Promise<boolean> {
  try {
    await matrix.refreshReaders(account);
    return true;
  } catch (error) {
    log.warn({ account, error: describeError(error) }, "readers-not-refreshed");
    return false;
  }
}
