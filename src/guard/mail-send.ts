import type { Readable } from "node:stream";
import { createTransport } from "nodemailer";
import { TLS_OPTIONS } from "./crypto.ts";

/** The only way to send mail: one configured server, nothing read from files or URLs that a message names. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** required: STARTTLS or nothing. implicit: TLS from the first byte. none: only inside the own host or network. */
  readonly tls: "required" | "implicit" | "none";
  readonly user?: string;
  readonly password?: string;
  /** PEM of the authorities that may vouch for the server; default: the system's. */
  readonly ca?: string;
  readonly timeoutMs?: number;
}

export interface OutgoingMail {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Without angle brackets; the same for every attempt, so that a receiver can tell a repeated mail. */
  readonly messageId: string;
  readonly date: Date;
  readonly headers?: Readonly<Record<string, string>>;
  readonly attachments?: readonly {
    readonly name: string;
    readonly mediaType: string;
    readonly body: Readable;
  }[];
}

/** nothing was taken and it may be tried again; it never will be; or nobody knows. */
export type MailFault = "transient" | "permanent" | "unknown";

export class MailError extends Error {
  override readonly name = "MailError";
  readonly fault: MailFault;
  constructor(fault: MailFault, message: string, cause: unknown) {
    super(message, { cause });
    this.fault = fault;
  }
}

const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_SUBJECT = 400;

/** Sends one mail over a connection of its own. Resolves when the server has taken it. @throws MailError */
export async function sendMail(
  server: MailServer,
  mail: OutgoingMail,
  signal: AbortSignal,
): Promise<{ response: string }> {
  signal.throwIfAborted();
  const transport = createTransport(transportOptions(server));
  const abort = () => transport.close();
  signal.addEventListener("abort", abort, { once: true });
  try {
    const sent = await transport.sendMail({
      from: mail.from,
      to: { name: "", address: mail.to },
      subject: mail.subject.replace(/\s+/g, " ").slice(0, MAX_SUBJECT),
      text: mail.text,
      messageId: `<${mail.messageId}>`,
      date: mail.date,
      headers: { "Auto-Submitted": "auto-generated", ...mail.headers },
      attachments: (mail.attachments ?? []).map(({ name, mediaType, body }) => ({
        filename: name,
        contentType: mediaType,
        content: body,
      })),
    });
    return { response: sent.response };
  } catch (error) {
    throw new MailError(faultOf(error), "the mail server did not take the mail", error);
  } finally {
    signal.removeEventListener("abort", abort);
    transport.close();
  }
}

function transportOptions(server: MailServer) {
  const timeout = server.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const { user, password, ca } = server;
  return {
    host: server.host,
    port: server.port,
    secure: server.tls === "implicit",
    requireTLS: server.tls === "required",
    ignoreTLS: server.tls === "none",
    tls: { ...TLS_OPTIONS, ...(ca === undefined ? {} : { ca }) },
    ...(user === undefined ? {} : { auth: { user, pass: password ?? "" } }),
    disableFileAccess: true,
    disableUrlAccess: true,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
  };
}

/** Stages at which the server cannot have the mail yet. */
const BEFORE_DATA = ["EHLO", "HELO", "STARTTLS", "MAIL FROM", "RCPT TO", "API"];
const NEVER_CONNECTED = ["EDNS", "ETLS", "EAUTH", "EENVELOPE", "ECONNREFUSED", "EHOSTUNREACH"];

function faultOf(error: unknown): MailFault {
  if (!(error instanceof Error)) return "unknown";
  const facts: Readonly<Record<string, unknown>> = { ...error };
  if (typeof facts["responseCode"] === "number")
    return facts["responseCode"] >= 500 ? "permanent" : "transient";
  const codes = [facts["code"], facts["originalCode"], codeOf(error.cause)];
  const early =
    codes.some((code) => typeof code === "string" && NEVER_CONNECTED.includes(code)) ||
    (typeof facts["command"] === "string" && BEFORE_DATA.includes(facts["command"])) ||
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH/.test(error.message);
  return early ? "transient" : "unknown";
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
