import { Readable } from "node:stream";
import type { OutgoingRequest } from "../../../src/bridge/contract.ts";
import { DeliveryError, GatewayError } from "../../../src/model/errors.ts";
import type { BlobRef } from "../../../src/model/message.ts";
import { readAndKeep, readAnswer, storeNothing } from "./answer.ts";
import type { KeptAnswer, SoapAnswer } from "./answer.ts";
import type { As4Context } from "./contract.ts";
import { readErrors, readFault, readMessageIds, requireAnswer } from "./envelope-read.ts";
import type { ErrorEntry } from "./envelope-read.ts";
import { writeRequest } from "./envelope-write.ts";
import { SOAP_TYPE } from "./names.ts";
import { AccessPointFault, asNetworkFault, judgeFault, judgeStatus } from "./outcome.ts";
import type { As4Profile } from "./profile.ts";
import type { As4Settings } from "./settings.ts";
import type { SubmitBody } from "./submit-body.ts";

/**
 * The backend interface of the access point, one function per operation. Everything that can happen to a call ends
 * here: as a result, as an AccessPointFault (the access point refused, nothing happened) or as a DeliveryError.
 */
export interface AccessPoint {
  /** Hands a message over; the ids it was given there. */
  submit(body: SubmitBody, signal: AbortSignal): Promise<readonly string[]>;
  /** The state of a message we sent, with the answer's bytes as evidence. */
  status(messageId: string, signal: AbortSignal): Promise<{ status: string; raw: Buffer }>;
  errors(
    messageId: string,
    signal: AbortSignal,
  ): Promise<{ entries: readonly ErrorEntry[]; raw: Buffer }>;
  pending(signal: AbortSignal): Promise<readonly string[]>;
  /** Fetches without marking: it stays in the list until `markDownloaded`. */
  retrieve(messageId: string, signal: AbortSignal): Promise<KeptAnswer<SoapAnswer>>;
  markDownloaded(messageId: string, signal: AbortSignal): Promise<void>;
  /** The signal message that acknowledges a message we sent; undefined: none yet, or no REST interface configured. */
  receipt(messageId: string, signal: AbortSignal): Promise<Buffer | undefined>;
}

const MAX_SMALL_ANSWER_BYTES = 1_500_000;
const MAX_RECEIPT_BYTES = 2_000_000;
/** A call whose repetition changes nothing. */
const SAFE = "safe";
type Kind = "submit" | typeof SAFE;

export function createAccessPoint(
  context: Pick<As4Context, "fetch" | "store">,
  settings: As4Settings,
  { backend }: As4Profile,
): AccessPoint {
  const wire = new Wire(context, settings);
  const byRole = (plain: string, role: string) => (backend.statusByRole ? role : plain);
  const about = (messageId: string): [string, string][] => [
    ["messageID", messageId],
    ...(backend.statusByRole ? ([["accessPointRole", "SENDING"]] as [string, string][]) : []),
  ];
  return {
    async submit(body, signal) {
      const { answer } = await wire.small("submitResponse", body, "submit", signal);
      return readMessageIds(answer, 1);
    },
    async status(messageId, signal) {
      const name = byRole("statusRequest", "statusRequestWithAccessPointRole");
      const request = writeRequest(name, about(messageId));
      const { answer, raw } = await wire.small("getStatusResponse", request, SAFE, signal);
      const status = answer.children
        .map((node) => (node.kind === "text" ? node.value : ""))
        .join("");
      return { status: status.trim(), raw };
    },
    async errors(messageId, signal) {
      const name = byRole("getErrorsRequest", "getErrorsRequestWithAccessPointRole");
      const request = writeRequest(name, about(messageId));
      const { answer, raw } = await wire.small("getMessageErrorsResponse", request, SAFE, signal);
      return { entries: readErrors(answer), raw };
    },
    async pending(signal) {
      const request = writeRequest("listPendingMessagesRequest", []);
      const { answer } = await wire.small("listPendingMessagesResponse", request, SAFE, signal);
      return readMessageIds(answer, backend.maxPending);
    },
    async retrieve(messageId, signal) {
      const children = [["messageID", messageId]] as const;
      const request = writeRequest("retrieveMessageRequest", children, [
        ["markAsDownloaded", "false"],
      ]);
      return wire.large(request, backend.maxMessageBytes, signal);
    },
    async markDownloaded(messageId, signal) {
      const request = writeRequest("markMessageAsDownloadedRequest", [["messageID", messageId]]);
      await wire.small("markMessageAsDownloadedResponse", request, SAFE, signal);
    },
    receipt: (messageId, signal) => wire.receipt(messageId, signal),
  };
}

class Wire {
  readonly #context: Pick<As4Context, "fetch" | "store">;
  readonly #settings: As4Settings;

  constructor(context: Pick<As4Context, "fetch" | "store">, settings: As4Settings) {
    this.#context = context;
    this.#settings = settings;
  }

  /** A call whose answer is small: read whole, then judged. */
  async small(name: string, body: string | SubmitBody, kind: Kind, signal: AbortSignal) {
    const response = await this.#post(body, kind, signal);
    const raw = await readWhole(response, MAX_SMALL_ANSWER_BYTES).catch((cause: unknown) => {
      throw asNetworkFault(cause, kind);
    });
    const type = response.headers.get("content-type") ?? "";
    try {
      const { envelope } = await readAnswer(type, Readable.from([raw]), storeNothing);
      const fault = readFault(envelope);
      if (fault !== undefined) throw judgeFault(fault, kind);
      return { answer: requireAnswer(envelope, name), raw };
    } catch (error) {
      if (error instanceof GatewayError) throw judgeStatus(response.status, error, kind);
      throw error;
    }
  }

  async large(body: string, limit: number, signal: AbortSignal): Promise<KeptAnswer<SoapAnswer>> {
    const response = await this.#post(body, SAFE, signal);
    const type = response.headers.get("content-type") ?? "";
    const store = this.#context.store;
    try {
      const source = limited(piecesOf(response), limit);
      const kept = await readAndKeep(source, store, (copy) => readAnswer(type, copy, store));
      if ("fault" in kept.result) {
        if (!(kept.result.fault instanceof GatewayError)) throw kept.result.fault;
        if (response.status !== 200) throw judgeStatus(response.status, kept.result.fault, SAFE);
        return kept;
      }
      const fault = readFault(kept.result.value.envelope);
      if (fault !== undefined) throw judgeFault(fault, SAFE);
      return kept;
    } catch (cause) {
      await response.body?.cancel().catch(() => undefined);
      if (cause instanceof DeliveryError || cause instanceof AccessPointFault) throw cause;
      if (cause instanceof GatewayError) throw cause;
      throw asNetworkFault(cause, SAFE);
    }
  }

  async receipt(messageId: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const { rest } = this.#settings;
    if (rest === undefined) return undefined;
    const path = `/ext/messages/usermessages/${encodeURIComponent(messageId)}/signalEnvelope`;
    const response = await this.#request(`${rest}${path}?mshRole=SENDING`, { signal }, SAFE);
    const body = await readWhole(response, MAX_RECEIPT_BYTES).catch((cause: unknown) => {
      throw asNetworkFault(cause, SAFE);
    });
    return response.status === 200 && body.length > 0 ? body : undefined;
  }

  async #post(body: string | SubmitBody, kind: Kind, signal: AbortSignal): Promise<Response> {
    const content =
      typeof body === "string"
        ? { "Content-Type": `${SOAP_TYPE}; charset=utf-8` }
        : { "Content-Type": body.contentType, "Content-Length": String(body.length) };
    const init = { method: "POST", signal, body: typeof body === "string" ? body : body.stream() };
    return this.#request(this.#settings.url, { ...init, headers: content }, kind);
  }

  async #request(url: string, init: OutgoingRequest, kind: Kind): Promise<Response> {
    const { user, password, certificate, key, ca } = this.#settings;
    const authorization =
      user === undefined || password === undefined
        ? {}
        : {
            Authorization: `Basic ${Buffer.from(`${user}:${password.reveal()}`).toString("base64")}`,
          };
    const tls = {
      ...(certificate === undefined ? {} : { cert: certificate.text }),
      ...(key === undefined ? {} : { key: key.reveal() }),
      ...(ca === undefined ? {} : { ca: ca.text }),
    };
    try {
      const headers = { ...init.headers, ...authorization };
      return await this.#context.fetch(url, { ...init, headers, tls });
    } catch (cause) {
      throw asNetworkFault(cause, kind);
    }
  }
}

function piecesOf(response: Response): AsyncIterable<Uint8Array> {
  return (response.body ?? Readable.from([])) as AsyncIterable<Uint8Array>;
}

async function readWhole(response: Response, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of limited(piecesOf(response), limit)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* limited(source: AsyncIterable<Uint8Array>, limit: number) {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > limit)
      throw new GatewayError("INPUT_HOSTILE", `an answer is larger than ${limit} bytes`);
    yield chunk;
  }
}

/** A blob that is small enough to be read whole. @throws GatewayError INPUT_HOSTILE */
export async function readBlob(
  context: Pick<As4Context, "open">,
  blob: BlobRef,
  limit: number,
): Promise<Buffer> {
  if (blob.size > limit)
    throw new GatewayError("INPUT_HOSTILE", `a document is larger than ${limit} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of limited(await context.open(blob), limit)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
