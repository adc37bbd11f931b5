import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { BodyTooLarge, openListener, readLimited } from "../../../src/guard/listener.ts";
import type { Listener } from "../../../src/guard/listener.ts";
import { describeError } from "../../../src/model/errors.ts";
import { bindService, ServiceFault } from "./binding.ts";
import type { ServiceBinding, WrittenAnswer } from "./binding.ts";
import { readRequest, SoapFault, writeEnvelope, writeFault, writeWrapper } from "./envelope.ts";
import type { SoapRequest } from "./envelope.ts";
import { takeLetter } from "./intake.ts";
import type { IntakeParts } from "./intake.ts";
import { loadIdentity } from "./keys.ts";
import type { BspReceipt } from "./letter.ts";
import { LetterFault } from "./letter-fault.ts";
import { faultCodeOf, SOAP_ACTION } from "./names.ts";
import { unwrapLetter, writeOkkommAnswer } from "./okkomm.ts";
import { identifyPeer } from "./peers.ts";
import type { KnownPeer } from "./peers.ts";
import { resultOf } from "./profile.ts";
import { writeReceipt } from "./quittung.ts";
import { readLetter } from "./read-letter.ts";
import type { ServerSettings } from "./settings.ts";

/**
 * The mailbox node: looks to a legacy authority like the old mailbox, so that it changes only its address and trust
 * anchor. Every call: known sender, then SOAP, schema and limits, recipient, COMMIT, and only then the receipt.
 */
export interface ServerParts extends IntakeParts {
  readonly settings: ServerSettings;
  readonly peers: readonly KnownPeer[];
  /** Did this entity leave the federation? What it sends is refused at once (bundid-fink.md §2.2 rule 13). */
  isExcluded(entityId: string): boolean;
}

/** Letters taken in at the same time; one may occupy about 100 MB while it is read. */
const MAX_LETTERS = 4;
const BUSY_RETRY_SECONDS = 5;
const TECHNICAL = "99";
const TRY_AGAIN = "nothing was accepted; try again later";

interface Desk {
  readonly parts: ServerParts;
  readonly service: ServiceBinding;
  load: number;
}
/** An answer that is not made of an operation. */
class PlainAnswer extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export async function openServer(parts: ServerParts): Promise<Listener> {
  const { settings, context } = parts;
  const { certificate, key, keyPassphrase } = settings.tls;
  const identity = loadIdentity(certificate, key, keyPassphrase, "server.tls");
  const desk: Desk = { parts, service: await bindService(), load: 0 };
  return openListener({
    ...settings.listen,
    tls: { cert: identity.certPem, key: identity.keyPem, askClientCertificate: true },
    limits: { requestTimeout: settings.idle },
    handle: (request, response, gone) => serve(desk, request, response, gone),
    onError: (error) =>
      context.log.error({ account: context.account, error: describeError(error) }, "bsp-fault"),
  });
}

async function serve(
  desk: Desk,
  request: IncomingMessage,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const { account, log } = desk.parts.context;
  try {
    const peer = identifyPeer(desk.parts.peers, request, new Date());
    const { entityId } = peer?.settings ?? {};
    const excluded = entityId !== undefined && desk.parts.isExcluded(entityId);
    if (peer === undefined || excluded)
      throw new PlainAnswer(403, "this sender is not known here, or no longer");
    if (request.method === "GET") return sendDescription(desk.parts, request, response);
    const answer = await guardLoad(desk, () => takeRequest(desk, peer, request, response, gone));
    write(request, response, answer.status, answer.body);
  } catch (error) {
    // The peer went away in the middle: nobody is left to be answered.
    if (gone.aborted || request.socket.destroyed) return;
    if (error instanceof PlainAnswer) {
      log.warn({ account, status: error.status }, "bsp-refused");
      const fault = writeEnvelope(writeFault("soap:Client", error.message));
      return write(request, response, error.status, fault, error.headers);
    }
    if (error instanceof SoapFault) {
      log.warn({ account, fault: error.code }, "bsp-refused");
      return write(
        request,
        response,
        500,
        writeEnvelope(writeFault(`soap:${error.code}`, error.message)),
      );
    }
    log.error({ account, error: describeError(error) }, "bsp-fault");
    const fault = writeEnvelope(writeFault(faultCodeOf(TECHNICAL), TRY_AGAIN));
    write(request, response, 500, fault);
  }
}

async function guardLoad<T>(desk: Desk, run: () => Promise<T>): Promise<T> {
  if (desk.load >= MAX_LETTERS)
    throw new PlainAnswer(503, "too many letters at the same time", {
      "Retry-After": String(BUSY_RETRY_SECONDS),
    });
  desk.load += 1;
  try {
    return await run();
  } finally {
    desk.load -= 1;
  }
}

async function takeRequest(
  desk: Desk,
  peer: KnownPeer,
  request: IncomingMessage,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<WrittenAnswer> {
  const { parts } = desk;
  checkHead(parts.settings, request);
  const body = await readBody(parts, request, response);
  const call = await readRequest(body, parts.profile.limits.requestBytes, gone);
  const outcome: { refused?: LetterFault } = {};
  const answer = await desk.service.dispatch(call, async () => {
    const receipt = await receiptFor(parts, peer, call, body, gone).catch((error: unknown) => {
      if (!(error instanceof LetterFault)) throw asTechnicalFault(parts, error);
      outcome.refused = error;
      return refusalReceipt(error, parts);
    });
    if (outcome.refused !== undefined && parts.profile.refusal === "fault")
      throw faultOf(outcome.refused);
    return payloadFor(call, receipt, parts);
  });
  const { refused } = outcome;
  if (refused === undefined || parts.profile.refusal !== "both") return answer;
  return { status: 500, body: writeBoth(call, refused, parts) };
}

/** bundid-fink.md §1.6: text/xml in UTF-8, and the one SOAPAction. */
function checkHead({ path }: ServerSettings, request: IncomingMessage): void {
  const { method, url = "", headers } = request;
  if ((url.split("?")[0] ?? "").replace(/\/$/, "") !== path.replace(/\/$/, ""))
    throw new PlainAnswer(404, "there is no such path");
  if (method !== "POST") throw new PlainAnswer(405, "only POST", { Allow: "POST, GET" });
  const [type = "", ...parameters] = (headers["content-type"] ?? "").toLowerCase().split(";");
  if (type.trim() === "application/soap+xml")
    throw new SoapFault("VersionMismatch", "only SOAP 1.1 is spoken here");
  const charset = /charset="?([^";\s]+)/.exec(parameters.join(";"))?.[1] ?? "utf-8";
  if (type.trim() !== "text/xml" || charset !== "utf-8")
    throw new PlainAnswer(415, "text/xml in UTF-8 is expected");
  if ((headers["content-encoding"] ?? "identity") !== "identity")
    throw new PlainAnswer(415, "an encoded body is not taken");
  const action = headers["soapaction"];
  const named = (typeof action === "string" ? action : "").replace(/^"(.*)"$/, "$1");
  if (named !== SOAP_ACTION) throw new SoapFault("Client", "SOAPAction is missing or another");
}

async function readBody(
  { profile }: ServerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of readLimited(request, response, profile.limits.requestBytes))
      chunks.push(chunk);
  } catch (error) {
    if (error instanceof BodyTooLarge) throw new PlainAnswer(413, error.message);
    throw error;
  }
  return Buffer.concat(chunks);
}

async function receiptFor(
  parts: ServerParts,
  peer: KnownPeer,
  { operation, payload }: SoapRequest,
  body: Buffer,
  gone: AbortSignal,
): Promise<BspReceipt> {
  const { profile, context } = parts;
  const native = operation.name === "sendBspNachrichtNative";
  const xml = native ? payload : await unwrapLetter(payload, profile, gone);
  const letter = await readLetter(xml, profile, gone);
  return takeLetter(parts, peer.settings, letter, () =>
    context.store("bsp", Readable.from([body])),
  );
}

function refusalReceipt(refused: LetterFault, { profile, context }: ServerParts): BspReceipt {
  const { status, field } = refused;
  const fields = { account: context.account, status, field, code: refused.code };
  context.log.warn(fields, "bsp-letter-refused");
  return {
    accepted: false,
    status,
    hints: `${resultOf(status, profile).text}: ${refused.message}`,
  };
}

function payloadFor({ operation }: SoapRequest, receipt: BspReceipt, { profile }: ServerParts) {
  const xml = writeReceipt(receipt, profile);
  return operation.name === "sendBspNachrichtNative"
    ? xml
    : writeOkkommAnswer(xml, receipt, profile);
}

function faultOf(refused: LetterFault): ServiceFault {
  return new ServiceFault(faultCodeOf(refused.status), refused.message, { cause: refused });
}

/** The quirk of the old service: a fault and an output in one body. No SOAP library writes that. */
function writeBoth(call: SoapRequest, refused: LetterFault, parts: ServerParts): string {
  const { status, message } = refused;
  const { output, result } = call.operation;
  const receipt = {
    accepted: false,
    status,
    hints: `${resultOf(status, parts.profile).text}: ${message}`,
  };
  return writeEnvelope(
    writeFault(faultCodeOf(status), message),
    writeWrapper(output, result, payloadFor(call, receipt, parts)),
  );
}

/** A fault of ours: nothing was accepted, and the sender is told to come again without a word about the cause. */
function asTechnicalFault({ context }: ServerParts, error: unknown): ServiceFault {
  context.log.error({ account: context.account, error: describeError(error) }, "bsp-fault");
  return new ServiceFault(faultCodeOf(TECHNICAL), TRY_AGAIN, { cause: error });
}

const DESCRIPTION = ["postkorbkomm.wsdl", "postkorbkomm.xsd"] as const;

/** The WSDL where the old node has it, for tools that read it at start. */
function sendDescription(
  { settings }: ServerParts,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const path = (request.url ?? "").split("?")[0] ?? "";
  const folder = settings.path.slice(0, settings.path.lastIndexOf("/"));
  const [wsdl, xsd] = DESCRIPTION;
  const name = { [`${settings.path}.wsdl`]: wsdl, [`${folder}/${xsd}`]: xsd }[path];
  if (name === undefined) throw new PlainAnswer(404, "there is no such path");
  const text = readFileSync(new URL(`../wsdl/${name}`, import.meta.url), "utf8");
  const { host = "localhost" } = request.headers;
  const own = /^[A-Za-z0-9.:[\]-]{1,255}$/.test(host) ? host : "localhost";
  const address = `location="https://${own}${settings.path}"`;
  write(request, response, 200, text.replace(/location="https:\/\/localhost[^"]*"/, address));
}

function write(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const bytes = Buffer.from(body, "utf8");
  response.writeHead(status, {
    ...headers,
    // What is left of a refused body is not read, so the connection cannot be used again.
    ...(request.complete ? {} : { Connection: "close" }),
    "Content-Type": "text/xml; charset=utf-8",
    "Content-Length": bytes.length,
    "Cache-Control": "no-store",
  });
  response.end(bytes);
}
