import { z } from "zod";
import { describeError, GatewayError } from "../model/errors.ts";
import { digestOf } from "../model/id.ts";
import type { Link } from "../store/store.ts";
import { cursorOfLink } from "../store/sql/links.ts";
import { noteLater } from "../people/later.ts";
import { endpoint, time, type Endpoint } from "./endpoints.ts";
import type { AdminDeps } from "./http.ts";
import { parseLinks } from "./links-file.ts";
import { applyLinks, linkOfRow, linkRowSchema } from "./links.ts";

const MAX_PAGE = 1_000;
const MAX_LINKS = 10_000;

type Mailbox = Pick<Link, "account" | "mailbox">;

const linkSchema = z
  .object({
    account: z.string(),
    mailbox: z.string(),
    user: z.string(),
    provenance: z.enum(["config", "import", "admin", "claim"]),
    by: z.string(),
    from: time.optional(),
    until: time.optional(),
    role: z.string().optional(),
  })
  .meta({ id: "Link" });
const rooms = {
  roomsRefreshed: z.int(),
  roomsLater: z.int().describe("Mailboxes whose rooms follow when the homeserver is back."),
};
/** What became of links that were put. */
export const linksAppliedSchema = z
  .object({
    added: z.int(),
    unchanged: z.int(),
    changed: z.int().optional(),
    released: z.int().describe("Letters that were held for the mailbox, and go on now."),
    ...rooms,
  })
  .meta({ id: "LinksApplied" });

/** Links as lists, for operators and imports; one person at a time: people-routes.ts. */
export function linkListEndpoints(deps: AdminDeps): Endpoint[] {
  return [listEndpoint(deps), ...changeEndpoints(deps), importEndpoint(deps), followEndpoint(deps)];
}

function listEndpoint({ storage: { store } }: AdminDeps): Endpoint {
  return endpoint({
    ...{ method: "GET", path: "/api/v1/links", role: "viewer", refuses: [] },
    summary: "Which mailbox which Matrix user reads.",
    query: z.strictObject({
      account: z.string().optional(),
      after: z.string().optional().describe("`next` of the page before."),
    }),
    answer: z.object({ links: z.array(linkSchema).readonly(), next: z.string().optional() }),
    async run({ query: { account, after } }) {
      const links = await store.listLinks({
        limit: MAX_PAGE,
        ...(account === undefined ? {} : { account }),
        ...(after === undefined ? {} : { after }),
      });
      const last = links.length === MAX_PAGE ? links.at(-1) : undefined;
      return { links, ...(last ? { next: cursorOfLink(last) } : {}) };
    },
  });
}

function changeEndpoints(deps: AdminDeps): Endpoint[] {
  const { store } = deps.storage;
  return [
    endpoint({
      ...{ method: "PUT", path: "/api/v1/links", role: "admin", refuses: [] },
      summary: "Links mailboxes to Matrix users; letters held for the mailboxes go on.",
      body: z.strictObject({ links: z.array(linkRowSchema).min(1).max(MAX_LINKS) }),
      answer: linksAppliedSchema,
      async run({ body }, caller) {
        const wanted = body.links.map((row) => linkOfRow(row, "admin", caller.name));
        const result = await applyLinks(store, deps.config, wanted, deps.now());
        return { ...result, ...(await refreshRooms(deps, wanted)) };
      },
    }),
    endpoint({
      ...{ method: "DELETE", path: "/api/v1/links", role: "admin", refuses: [404] },
      summary: "Ends a link now; its user leaves the rooms of the mailbox.",
      body: linkRowSchema,
      answer: z.object({ removed: z.literal(true), ...rooms }),
      async run({ body: { account, mailbox, user } }, caller) {
        const removed = await store.removeLink(account, mailbox, user, caller.name, deps.now());
        if (!removed) throw new GatewayError("NOT_FOUND", "there is no such link");
        return { removed, ...(await refreshRooms(deps, [{ account, mailbox }])) };
      },
    }),
  ];
}

function importEndpoint(deps: AdminDeps): Endpoint {
  const { store } = deps.storage;
  return endpoint({
    ...{ method: "POST", path: "/api/v1/links/import", role: "admin", refuses: [] },
    summary: "CSV with the header account,mailbox,user, or a JSON list: all of it, or nothing.",
    // Not read here: every line that is wrong shall be named with its number.
    body: z.union([z.string(), z.array(z.unknown())]),
    bodyAs: { "text/csv": z.string(), "application/json": z.array(linkRowSchema) },
    answer: linksAppliedSchema,
    async run({ body }, caller) {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const links = parseLinks("body", text, deps.config).map((row) =>
        linkOfRow(row, "import", caller.name),
      );
      const result = await applyLinks(store, deps.config, links, deps.now());
      const detail = { added: result.added, rows: links.length, digest: digestOf(text) };
      const entry = { actor: caller.name, action: "links-imported", subject: "links", detail };
      await store.appendAudit(entry, deps.now());
      return { ...result, ...(await refreshRooms(deps, links)) };
    },
  });
}

function followEndpoint(deps: AdminDeps): Endpoint {
  const mailbox = linkRowSchema.pick({ account: true, mailbox: true });
  return endpoint({
    ...{ method: "POST", path: "/api/v1/links/refresh", role: "admin", refuses: [] },
    summary: "The rooms of these mailboxes follow the links now.",
    body: z.strictObject({ mailboxes: z.array(mailbox).min(1).max(MAX_LINKS) }),
    answer: z.object(rooms),
    run: ({ body }) => refreshRooms(deps, body.mailboxes),
  });
}

/**
 * Membership follows links. The links are stored already, so a homeserver that is away now is no failure of the
 * request: its rooms follow within a minute of its return, and before the next letter.
 */
export async function refreshRooms(
  deps: Pick<AdminDeps, "matrix" | "log" | "storage">,
  mailboxes: readonly Mailbox[],
): Promise<{ roomsRefreshed: number; roomsLater: number }> {
  const different = new Map(
    mailboxes.map(({ account, mailbox }) => [
      JSON.stringify([account, mailbox]),
      { account, mailbox },
    ]),
  );
  let later = 0;
  for (const { account, mailbox } of different.values()) {
    try {
      await deps.matrix.refreshReaders(account, mailbox);
    } catch (error) {
      later += 1;
      await noteLater(deps.storage.store, account, mailbox);
      deps.log.warn({ account, error: describeError(error) }, "readers-not-refreshed");
    }
  }
  return { roomsRefreshed: different.size - later, roomsLater: later };
}
