import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import type { SMTPServerAddress, SMTPServerDataStream } from "smtp-server";
import { TLS_OPTIONS } from "./crypto.ts";

/**
 * The only way to take mail in: for one domain, for addresses the bridge knows, of a limited size; no log-in, no relay.
 * A mail is acknowledged (250) only after `receive` resolved; when it throws, the peer keeps it (451) and tries again.
 */
export interface MailListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Offers STARTTLS when present. PEM. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly passphrase?: string };
  /** Mail to any other domain is refused: this is no relay. */
  readonly domain: string;
  readonly limits?: Partial<MailLimits>;
  /** Is there such an address in our domain? `local` as it was written. */
  knows(local: string): boolean;
  receive(mail: ReceivedMail): Promise<void>;
  onError(error: unknown): void;
}

export interface ReceivedMail {
  /** Envelope sender; empty for a bounce. */
  readonly from: string;
  /** Envelope recipients, all of our domain. */
  readonly to: readonly string[];
  /** Untouched, at most `maxBytes`. */
  readonly bytes: Buffer;
}

export interface MailLimits {
  readonly maxBytes: number;
  readonly maxConnections: number;
  readonly maxRecipients: number;
  /** Silence after which a connection is ended, milliseconds. */
  readonly socketTimeout: number;
}

export const MAIL_LIMITS: MailLimits = {
  maxBytes: 1_000_000,
  maxConnections: 50,
  maxRecipients: 10,
  socketTimeout: 60_000,
};

export interface MailListener {
  readonly host: string;
  readonly port: number;
  /** Lets running transfers end, at most `graceMs`. Safe to call twice. */
  close(graceMs?: number): Promise<void>;
}

const DEFAULT_GRACE_MS = 5_000;

export async function openMailListener(options: MailListenerOptions): Promise<MailListener> {
  const limits = { ...MAIL_LIMITS, ...options.limits };
  const server = makeServer(options, limits);
  server.on("error", (error: Error) => options.onError(error));
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    const listening = server.listen(options.port, options.host, () => {
      server.off("error", reject);
      resolve((listening.address() as AddressInfo).port);
    });
  });
  let closed: Promise<void> | undefined;
  const close = (graceMs = DEFAULT_GRACE_MS) => (closed ??= stop(server, graceMs));
  return { host: options.host, port, close };
}

function makeServer(options: MailListenerOptions, limits: MailLimits): SMTPServer {
  const { tls, domain } = options;
  return new SMTPServer({
    ...(tls ? { ...TLS_OPTIONS, ...tls } : {}),
    name: domain,
    banner: "postfach-bridge",
    secure: false,
    authOptional: true,
    disabledCommands: tls ? ["AUTH"] : ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    logger: false,
    size: limits.maxBytes,
    maxClients: limits.maxConnections,
    maxRecipients: limits.maxRecipients,
    socketTimeout: limits.socketTimeout,
    closeTimeout: DEFAULT_GRACE_MS,
    onRcptTo: ({ address }, _session, callback) => callback(judgeRecipient(options, address)),
    onData: (stream, session, callback) => {
      const { mailFrom, rcptTo } = session.envelope;
      take(options, limits, stream, mailFrom, rcptTo).then(
        (refusal) => callback(refusal),
        (error: unknown) => {
          options.onError(error);
          callback(reply(451, "try again later"));
        },
      );
    },
  });
}

function judgeRecipient(options: MailListenerOptions, address: string): Error | null {
  const at = address.lastIndexOf("@");
  if (address.slice(at + 1).toLowerCase() !== options.domain.toLowerCase())
    return reply(550, "relaying is not possible");
  return options.knows(address.slice(0, at)) ? null : reply(550, "no such address");
}

async function take(
  options: MailListenerOptions,
  limits: MailLimits,
  stream: SMTPServerDataStream,
  from: SMTPServerAddress | false,
  to: readonly SMTPServerAddress[],
): Promise<Error | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limits.maxBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (size > limits.maxBytes) return reply(552, "the mail is too large");
  await options.receive({
    from: from === false ? "" : from.address,
    to: to.map(({ address }) => address),
    bytes: Buffer.concat(chunks),
  });
  return null;
}

function reply(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

function stop(server: SMTPServer, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      for (const connection of server.connections) connection.close();
    }, graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
  });
}
