import type { IncomingMessage, ServerResponse } from "node:http";
import { openListener, peerCertificate } from "../../src/guard/listener.ts";
import type { Listener } from "../../src/guard/listener.ts";
import { describeError } from "../../src/model/errors.ts";
import { identifyPeer } from "./inlet-checks.ts";
import type { KnownPeer } from "./inlet-checks.ts";
import { takeLetter } from "./inlet-letter.ts";
import type { InletParts, Reply } from "./inlet-parts.ts";
import { listReplies, sendFile, setReplyStatus } from "./inlet-replies.ts";
import { takeState } from "./inlet-state.ts";
import { probeMailbox } from "./find.ts";
import { asRefusal, Refusal } from "./refusal.ts";
import { tlsOf } from "./receipts.ts";
import { verifyToken } from "./token.ts";

/**
 * The inlet: looks to a legacy system like ZBP, so that it changes only its base URL and trust anchor
 * (bundid-fink.md §7.3). Every call: client certificate, token, then its own checks; answers only what is committed.
 */
interface Route {
  readonly method: string;
  readonly path: RegExp;
  /** Occupies memory and disk while it runs: limited in number. */
  readonly heavy?: boolean;
  handle(visit: Visit): Promise<Reply>;
}
interface Visit {
  readonly parts: InletParts;
  readonly peer: KnownPeer;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly captured: readonly string[];
  readonly query: URLSearchParams;
  readonly gone: AbortSignal;
}

/** Letters taken in at the same time; one may occupy about 15 MB while it is read. */
const MAX_HEAVY = 16;
const BUSY_RETRY_SECONDS = 5;
const FAULT_RETRY_SECONDS = 30;

export async function openInlet(parts: InletParts): Promise<Listener> {
  const { settings, context } = parts;
  const routes = routesOf(parts);
  const load = { heavy: 0 };
  return openListener({
    ...settings.listen,
    tls: { ...tlsOf(settings.tls), askClientCertificate: true },
    // A legacy system waits for the outcome of a forwarded letter.
    limits: { requestTimeout: 120_000 },
    handle: (request, response, gone) => serve(parts, routes, load, request, response, gone),
    onError: (error) =>
      context.log.error({ account: context.account, error: describeError(error) }, "inlet-fault"),
  });
}

function routesOf({ profile }: InletParts): Route[] {
  const { send, state, replies, probe } = profile;
  return [
    {
      method: send.method,
      path: pattern(send.path),
      heavy: true,
      handle: ({ parts, peer, request, response, gone }) =>
        takeLetter(parts, peer, request, response, gone),
    },
    {
      method: state.method,
      path: pattern(state.path),
      handle: ({ parts, peer, request, response, gone }) =>
        takeState(parts, peer, request, response, gone),
    },
    {
      method: replies.list.method,
      path: pattern(replies.list.path),
      handle: ({ parts, peer, query }) =>
        listReplies(parts, peer, query.get(replies.list.limitQuery)),
    },
    {
      method: replies.file.method,
      path: pattern(replies.file.path),
      handle: ({ parts, peer, captured: [id = "", n = ""] }) => sendFile(parts, peer, id, n),
    },
    {
      method: replies.ack.method,
      path: pattern(replies.ack.path),
      handle: ({ parts, peer, request, response, captured: [id = ""] }) =>
        setReplyStatus(parts, peer, id, request, response),
    },
    {
      method: probe.method,
      path: pattern(probe.path),
      handle: ({ parts, peer, captured: [uuid = ""], gone }) =>
        answerProbe(parts, peer, uuid.toLowerCase(), gone),
    },
  ];
}

/** A path of the profile as a pattern; `{uuid}` fits only a UUID, so that it never swallows a fixed path. */
function pattern(path: string): RegExp {
  const source = path
    .replace(/[.*+?^$()|[\]\\]/g, "\\$&")
    .replace("{uuid}", "([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})")
    .replace("{id}", "([A-Za-z0-9._-]{1,128})")
    .replace("{n}", "(\\d{1,3})");
  return new RegExp(`^${source}$`);
}

async function serve(
  parts: InletParts,
  routes: readonly Route[],
  load: { heavy: number },
  request: IncomingMessage,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const { log, account } = parts.context;
  try {
    const reply = await dispatch(parts, routes, load, request, response, gone);
    await write(request, response, reply);
  } catch (error) {
    const known = asRefusal(error);
    // The peer went away in the middle: nobody is left to be answered.
    if (known === undefined && (gone.aborted || request.socket.destroyed)) return;
    if (known === undefined) log.error({ account, error: describeError(error) }, "inlet-fault");
    else log.warn({ account, status: known.status, code: known.code }, "inlet-refused");
    await write(request, response, refusalReply(known ?? unavailable()));
  }
}

/** A fault of ours: nothing was accepted, the sender keeps its letter and comes again. */
function unavailable(): Refusal {
  return new Refusal(503, "UNAVAILABLE", "nothing was accepted; try again later", {
    retryAfterSeconds: FAULT_RETRY_SECONDS,
  });
}

function refusalReply(refusal: Refusal): Reply {
  const { status, retryAfterSeconds } = refusal;
  return {
    status,
    body: refusal.body(),
    ...(retryAfterSeconds === undefined
      ? {}
      : { headers: { "Retry-After": String(retryAfterSeconds) } }),
  };
}

async function dispatch(
  parts: InletParts,
  routes: readonly Route[],
  load: { heavy: number },
  request: IncomingMessage,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<Reply> {
  const now = new Date();
  const peer = identifyPeer(parts.peers, peerCertificate(request), now);
  const { header } = parts.profile.auth;
  const token = request.headers[header.toLowerCase()];
  const expected = { cn: peer.cn, publicKey: peer.certificate.publicKey };
  await verifyToken(typeof token === "string" ? token : undefined, expected, parts.profile, now);
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  const route = findRoute(routes, request.method ?? "", path);
  const captured = (route.path.exec(path) ?? []).slice(1);
  const search = new URLSearchParams(query);
  if (route.heavy && load.heavy >= MAX_HEAVY)
    throw new Refusal(503, "BUSY", "too many letters at the same time", {
      retryAfterSeconds: BUSY_RETRY_SECONDS,
    });
  if (route.heavy) load.heavy += 1;
  try {
    return await route.handle({ parts, peer, request, response, captured, query: search, gone });
  } finally {
    if (route.heavy) load.heavy -= 1;
  }
}

function findRoute(routes: readonly Route[], method: string, path: string): Route {
  const onPath = routes.filter((route) => route.path.test(path));
  if (onPath.length === 0) throw new Refusal(404, "ROUTE_UNKNOWN", "there is no such path");
  const route = onPath.find((candidate) => candidate.method === method);
  if (route === undefined)
    throw new Refusal(405, "METHOD", "this method is not possible on this path");
  return route;
}

/** A mailbox that nobody reads here exists when a letter to it would be taken. */
async function answerProbe(
  { context, profile, sender }: InletParts,
  { settings }: KnownPeer,
  uuid: string,
  gone: AbortSignal,
): Promise<Reply> {
  const { accepts, replies } = profile.probe.members;
  const linked = await context.linked(uuid);
  const there =
    linked ||
    settings.unlinked === "hold" ||
    (settings.unlinked === "forward" &&
      (sender === undefined || (await probeMailbox(sender, uuid, gone)) !== false));
  if (!there) throw new Refusal(404, "MAILBOX_UNKNOWN", "nobody reads this mailbox here");
  const answerable = linked && settings.replies !== "none";
  return { status: 200, body: { [accepts]: true, [replies]: answerable } };
}

async function write(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, stream, headers = {} }: Reply,
): Promise<void> {
  // What is left of a refused body is not read, so the connection cannot be used again.
  const closing = request.complete ? {} : { Connection: "close" };
  if (stream !== undefined) {
    response.writeHead(status, {
      ...headers,
      "Content-Type": stream.mediaType,
      "Content-Length": stream.length,
      "Cache-Control": "no-store",
    });
    for await (const chunk of stream.body) if (!response.write(chunk)) await drained(response);
    response.end();
    return;
  }
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body), "utf8");
  response.writeHead(status, {
    ...headers,
    ...closing,
    ...(bytes === undefined
      ? {}
      : {
          "Content-Type": "application/json; charset=utf-8",
          "Content-Length": bytes.length,
          "Cache-Control": "no-store",
        }),
  });
  response.end(bytes);
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.once("drain", done).once("close", done);
  });
}
