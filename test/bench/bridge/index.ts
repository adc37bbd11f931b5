/**
 * A legacy system without weight, for measurements only: a bridge like any other, which takes letters by plain HTTP and
 * keeps in memory what it is handed. What is measured over it is the gateway, not the cryptography of a real system.
 */
import type { IncomingMessage as Request, ServerResponse } from "node:http";
import {
  defineBridge,
  type Bridge,
  type BridgeContext,
  type Delivery,
} from "../../../src/bridge/contract.ts";
import { openListener, readLimited, type Listener } from "../../../src/guard/listener.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import type { Attachment, IncomingMessage, Message } from "../../../src/model/message.ts";
import type { Receipt } from "../../../src/model/receipt.ts";
import { letterSchema, settingsSchema, type Delivered, type Settings } from "./settings.ts";

const MAX_LETTER_BYTES = 1_000_000;
const MAX_KEPT = 200_000;
const AUTHORITY = { address: "musteramt", name: "Musteramt", role: "authority" } as const;

export default defineBridge({
  name: "bench",
  title: "A legacy system without weight, for measurements.",
  schema: settingsSchema,
  capabilities: {
    directions: ["inbound", "outbound"],
    maxMessageBytes: Number.MAX_SAFE_INTEGER,
    mediaTypes: "any",
    receipts: ["delivered"],
    idempotentDelivery: true,
  },
  lookupFields: {},
  remotes: ({ sink }) => [sink],
  create: (context) => createBench(context),
});

type Context = BridgeContext<Settings>;

function createBench(context: Context): Bridge {
  const delivered: Delivered[number][] = [];
  const progress = { delivered: 0, lastDelivered: 0, told: 0, lastTold: 0 };
  let listener: Listener | undefined;
  const routes: Readonly<Record<string, Route>> = {
    "PUT /letters": (request, response) => takeLetter(context, request, response),
    "PUT /files": (request, _response, query) => takeFile(context, request, query),
    "GET /progress": () => Promise.resolve(progress),
    "GET /delivered": () => Promise.resolve(delivered),
  };
  return {
    async start() {
      listener = await openListener({
        ...context.config.listen,
        limits: { keepAliveTimeout: 60_000 },
        handle: (request, response) => serve(routes, request, response),
        onError: (error) => context.log.error({ error: String(error) }, "bench-door-fault"),
      });
    },
    async stop() {
      await listener?.close();
      listener = undefined;
    },
    async deliver(message, deliveryId, signal): Promise<Delivery> {
      for (const attachment of message.attachments) await passOn(context, attachment, signal);
      if (delivered.length >= MAX_KEPT)
        throw new DeliveryError("permanent", "INTERNAL", "the bench keeps no more letters");
      delivered.push(noteOf(message));
      progress.delivered += 1;
      progress.lastDelivered = Date.now();
      return { remoteId: deliveryId };
    },
    notify(_message: Message, receipt: Receipt) {
      if (receipt.kind !== "delivered") return Promise.resolve("not-wanted");
      progress.told += 1;
      progress.lastTold = Date.now();
      return Promise.resolve("told");
    },
    ping: () => Promise.resolve({ ok: listener !== undefined }),
  };
}

type Route = (
  request: Request,
  response: ServerResponse,
  query: URLSearchParams,
) => Promise<unknown>;

async function serve(
  routes: Readonly<Record<string, Route>>,
  request: Request,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://door");
  const route = routes[`${request.method} ${url.pathname}`];
  const answer = await route?.(request, response, url.searchParams);
  response.writeHead(route ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify(answer ?? {}));
}

async function takeLetter(
  context: Context,
  request: Request,
  response: ServerResponse,
): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of readLimited(request, response, MAX_LETTER_BYTES)) chunks.push(chunk);
  const letter = letterSchema.parse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
  const { mailbox, ...rest } = letter;
  return context.accept({ ...envelope(mailbox), ...rest });
}

/** A letter with one file: the body of the request, streamed into the store. */
async function takeFile(
  context: Context,
  request: Request,
  query: URLSearchParams,
): Promise<unknown> {
  const text = (name: string) => query.get(name) ?? "";
  const name = text("name");
  const blob = await context.store(name, request);
  const file: Attachment = { name, mediaType: "application/octet-stream", blob };
  const [sourceId, conversation] = [text("sourceId"), text("conversation")];
  const letter = { sourceId, conversation, subject: "Anlage", text: text("text") };
  return context.accept({ ...envelope(text("mailbox")), ...letter, attachments: [file] });
}

function envelope(
  mailbox: string,
): Pick<IncomingMessage, "sentAt" | "from" | "to" | "attachments" | "level" | "replyPolicy"> {
  return {
    sentAt: new Date(),
    from: AUTHORITY,
    to: [{ address: mailbox, role: "citizen" }],
    attachments: [],
    level: 1,
    replyPolicy: "possible",
  };
}

async function passOn(context: Context, attachment: Attachment, signal: AbortSignal) {
  const url = `${context.config.sink}/${encodeURIComponent(attachment.name)}`;
  const body = await context.open(attachment.blob);
  const answer = await context.fetch(url, { method: "PUT", body, signal });
  await answer.text();
  if (!answer.ok)
    throw new DeliveryError("transient", "REMOTE_UNAVAILABLE", `the sink: ${answer.status}`);
}

function noteOf({ id, text = "", attachments }: Message): Delivered[number] {
  const digests = attachments.map(({ blob }) => blob.digest);
  return { id, firstLine: text.split("\n", 1)[0] ?? "", attachments: digests };
}
