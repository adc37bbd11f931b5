import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { describeError, GatewayError } from "../model/errors.ts";
import { digestOf } from "../model/id.ts";
import type { Link } from "../store/store.ts";
import { cursorOfLink } from "../store/sql/links.ts";
import type { AdminDeps, Guard } from "./http.ts";
import { parseLinks } from "./links-file.ts";
import { applyLinks, linkOfRow, linkRowSchema } from "./links.ts";

const MAX_PAGE = 1_000;
const MAX_LINKS = 10_000;

type Mailbox = Pick<Link, "account" | "mailbox">;

export function addLinkRoutes(app: FastifyInstance, deps: AdminDeps, guard: Guard): void {
  const { store } = deps.storage;
  const query = z.strictObject({ account: z.string().optional(), after: z.string().optional() });
  app.get(
    "/api/v1/links",
    guard("viewer", async (request) => {
      const { account, after } = query.parse(request.query);
      const links = await store.listLinks({
        limit: MAX_PAGE,
        ...(account === undefined ? {} : { account }),
        ...(after === undefined ? {} : { after }),
      });
      const last = links.length === MAX_PAGE ? links.at(-1) : undefined;
      return { links, ...(last ? { next: cursorOfLink(last) } : {}) };
    }),
  );
  const put = z.strictObject({ links: z.array(linkRowSchema).min(1).max(MAX_LINKS) });
  app.put(
    "/api/v1/links",
    guard("admin", async (request, caller) => {
      const { links } = put.parse(request.body);
      const wanted = links.map((row) => linkOfRow(row, "admin", caller.name));
      const applied = await applyLinks(store, deps.config, wanted, deps.now());
      return { ...applied, ...(await refreshRooms(deps, wanted)) };
    }),
  );
  app.delete(
    "/api/v1/links",
    guard("admin", async (request, caller) => {
      const { account, mailbox, user } = linkRowSchema.parse(request.body);
      const removed = await store.removeLink(account, mailbox, user, caller.name, deps.now());
      if (!removed) throw new GatewayError("NOT_FOUND", "there is no such link");
      return { removed: true, ...(await refreshRooms(deps, [{ account, mailbox }])) };
    }),
  );
  addLinkImport(app, deps, guard);
}

function addLinkImport(app: FastifyInstance, deps: AdminDeps, guard: Guard): void {
  app.addContentTypeParser("text/csv", { parseAs: "string" }, (_request, body, done) =>
    done(null, body),
  );
  app.post(
    "/api/v1/links/import",
    guard("admin", async (request, caller) => {
      const { body } = request;
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const { store } = deps.storage;
      const links = parseLinks("body", text, deps.config).map((row) =>
        linkOfRow(row, "import", caller.name),
      );
      const applied = await applyLinks(store, deps.config, links, deps.now());
      const detail = { added: applied.added, rows: links.length, digest: digestOf(text) };
      const entry = { actor: caller.name, action: "links-imported", subject: "links", detail };
      await store.appendAudit(entry, deps.now());
      return { ...applied, ...(await refreshRooms(deps, links)) };
    }),
  );
  const mailbox = linkRowSchema.pick({ account: true, mailbox: true });
  const refresh = z.strictObject({ mailboxes: z.array(mailbox).min(1).max(MAX_LINKS) });
  app.post(
    "/api/v1/links/refresh",
    guard("admin", (request) => refreshRooms(deps, refresh.parse(request.body).mailboxes)),
  );
}

/**
 * Membership follows links. The links are stored already, so a homeserver that is away now is no failure of the
 * request: its rooms follow with the next letter.
 */
export async function refreshRooms(
  deps: Pick<AdminDeps, "matrix" | "log">,
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
      deps.log.warn({ account, error: describeError(error) }, "readers-not-refreshed");
    }
  }
  return { roomsRefreshed: different.size - later, roomsLater: later };
}
