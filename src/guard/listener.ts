import { constants, type X509Certificate } from "node:crypto";
import { createServer as createHttp } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { TLS_OPTIONS } from "./crypto.ts";

/** The only way to open an HTTP server for a legacy system: limits on everything, a stop that loses no answer. */
export interface ListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Absent: plain HTTP (behind a TLS terminator of the operator). */
  readonly tls?: {
    /** PEM. */
    readonly cert: string;
    readonly key: string;
    readonly passphrase?: string;
    /**
     * Ask for a client certificate. It is not judged here: the handshake proves only that the peer holds the key;
     * whose certificate it is decides the handler (`peerCertificate`), so that a stranger gets an answer he can read.
     */
    readonly askClientCertificate?: boolean;
  };
  readonly limits?: Partial<ListenerLimits>;
  /** Throwing or rejecting answers 500 without a word about the cause; `onError` gets it. */
  handle(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void>;
  onError(error: unknown): void;
}

export interface ListenerLimits {
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  /** From the first byte of a request to the end of its headers, milliseconds. */
  readonly headersTimeout: number;
  /** From the first byte of a request to the end of its body, milliseconds. */
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
  /** How much of a body that was refused is still taken from the wire, so that the peer gets to read the refusal. */
  readonly lingerBytes: number;
  readonly lingerMs: number;
}

export const LISTENER_LIMITS: ListenerLimits = {
  maxConnections: 500,
  maxHeaderBytes: 16_384,
  maxHeaders: 64,
  headersTimeout: 15_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 10_000,
  lingerBytes: 4_000_000,
  lingerMs: 2_000,
};

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** New requests get 503; waits for the running ones, at most `graceMs`, then cuts them. Safe to call twice. */
  close(graceMs?: number): Promise<void>;
}

const RETRY_AFTER_SECONDS = "5";
const DEFAULT_GRACE_MS = 10_000;

/** Opens the server; resolves when it listens. Throws the system's error when it cannot. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const limits = { ...LISTENER_LIMITS, ...options.limits };
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const sockets = new Set<Socket>();
  const onRequest: RequestListener = (request, response) => {
    const work = serve(options, limits, stopping.signal, request, response);
    running.add(work);
    void work.finally(() => running.delete(work));
  };
  const server = makeServer(options, limits, onRequest);
  server.on("checkContinue", onRequest);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", (_error, socket: Socket) => socket.destroy());
  await listen(server, options);
  const address = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = (graceMs = DEFAULT_GRACE_MS) =>
    (closed ??= stop(server, sockets, running, stopping, graceMs));
  return { host: options.host, port: address.port, close };
}

function makeServer(
  { tls }: ListenerOptions,
  limits: ListenerLimits,
  onRequest: RequestListener,
): Server {
  const common = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: Math.min(5_000, limits.headersTimeout),
  };
  const server = tls
    ? createHttps(
        {
          ...common,
          ...TLS_OPTIONS,
          cert: tls.cert,
          key: tls.key,
          ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
          requestCert: tls.askClientCertificate ?? false,
          rejectUnauthorized: false,
          handshakeTimeout: limits.headersTimeout,
          // No session can be resumed: every connection proves its key anew and shows its certificate.
          secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
        },
        onRequest,
      )
    : createHttp(common, onRequest);
  server.maxConnections = limits.maxConnections;
  server.maxHeadersCount = limits.maxHeaders;
  return server;
}

async function serve(
  options: ListenerOptions,
  limits: ListenerLimits,
  stopping: AbortSignal,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort(new Error("the peer closed the connection")));
  request.on("error", () => undefined);
  response.on("error", () => undefined);
  try {
    if (stopping.aborted) {
      answerPlain(response, 503, "stopping", { "Retry-After": RETRY_AFTER_SECONDS });
    } else {
      await options.handle(request, response, gone.signal);
    }
  } catch (error) {
    options.onError(error);
    if (!response.headersSent) answerPlain(response, 500, "internal error");
    else response.destroy();
  }
  linger(request, response, limits);
}

/** What the peer still sends after the answer is thrown away, up to a limit; then the connection ends. */
function linger(request: IncomingMessage, response: ServerResponse, limits: ListenerLimits): void {
  if (request.complete || request.destroyed) return;
  let left = limits.lingerBytes;
  const end = () => request.socket.destroy();
  const timer = setTimeout(end, limits.lingerMs);
  request.once("close", () => clearTimeout(timer));
  request.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) end();
  });
  request.once("end", () => {
    clearTimeout(timer);
    if (!response.writableEnded) response.end();
  });
  request.resume();
}

function answerPlain(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...headers, "Content-Type": "text/plain", Connection: "close" });
  response.end(text);
}

function listen(server: Server, { host, port }: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

async function stop(
  server: Server,
  sockets: ReadonlySet<Socket>,
  running: ReadonlySet<Promise<void>>,
  stopping: AbortController,
  graceMs: number,
): Promise<void> {
  stopping.abort();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await Promise.race([Promise.all(running), pauseUnref(graceMs)]);
  for (const socket of sockets) socket.destroySoon();
  await Promise.race([closed, pauseUnref(1_000)]);
  for (const socket of sockets) socket.destroy();
  await closed;
}

function pauseUnref(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}

/** The certificate whose key the peer proved to hold in the handshake; undefined when it showed none. */
export function peerCertificate(request: IncomingMessage): X509Certificate | undefined {
  const { socket } = request;
  return socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
}

/**
 * The body, cut off with `BodyTooLarge` as soon as more than `limit` bytes came, or before the first one when the
 * length was announced. Tells a waiting client (`Expect: 100-continue`) to go on.
 */
export async function* readLimited(
  request: IncomingMessage,
  response: ServerResponse,
  limit: number,
): AsyncGenerator<Buffer> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > limit) throw new BodyTooLarge(limit);
  if (request.headers.expect !== undefined) response.writeContinue();
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new BodyTooLarge(limit);
    yield chunk;
  }
}

/** The request is larger than its limit (bytes). */
export class BodyTooLarge extends Error {
  readonly limit: number;
  constructor(limit: number) {
    super(`the request is larger than ${limit} bytes`);
    this.name = "BodyTooLarge";
    this.limit = limit;
  }
}
