import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as soap from "soap";
import { GatewayError } from "../../../src/model/errors.ts";
import { writeEnvelope, writeFault, writeWrapper } from "./envelope.ts";
import type { SoapAnswer, SoapRequest } from "./envelope.ts";
import { OPERATIONS } from "./names.ts";
import type { Operation } from "./names.ts";

/**
 * The soap package binds messages to our WSDL: wrapper and child names, SOAPAction, headers, faults. It never opens a
 * connection, and it never parses a foreign byte: what comes from outside is read by `envelope.ts` and written anew for
 * it, with a short mark in place of the letter (docs/adr/0011-bsp-soap.md).
 */
const WSDL = fileURLToPath(new URL("../wsdl/postkorbkomm.wsdl", import.meta.url));
/** Stands for the letter while the package writes the envelope; cut out and replaced by the stream. */
const MARK = "postfach-bridge-letter";

/** A request around a gap for the letter. */
export interface FramedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly before: string;
  readonly after: string;
}
/** `undefined`: no answer of this service came back. Throws what the caller wants to be thrown. */
export type Exchange = (request: FramedRequest) => Promise<SoapAnswer | undefined>;

type Callback = (error: unknown, response?: unknown, body?: unknown) => void;
type Invoke = (args: Readonly<Record<string, string>>) => Promise<unknown>;

/** One call of an operation through the package; resolves with what `exchange` read. */
export async function callOperation(
  endpoint: string,
  operation: Operation,
  exchange: Exchange,
): Promise<SoapAnswer | undefined> {
  let outcome:
    { readonly answer: SoapAnswer | undefined } | { readonly error: unknown } | undefined;
  const request = (url: string, xml: string, done: Callback, headers: Record<string, string>) => {
    const gap = xml.indexOf(MARK);
    const framed = { url, headers, before: xml.slice(0, gap), after: xml.slice(gap + MARK.length) };
    exchange(framed).then(
      (answer) => {
        outcome = { answer };
        done(null, { status: 200, headers: {} }, envelopeOf(answer, operation));
      },
      (error: unknown) => {
        outcome = { error };
        done(error);
      },
    );
  };
  const client = await soap.createClientAsync(WSDL, {
    httpClient: { request } as unknown as soap.HttpClient,
  });
  client.setEndpoint(endpoint);
  const methods = client as unknown as Readonly<Record<string, Invoke | undefined>>;
  const invoke = methods[`${operation.name}Async`];
  if (invoke === undefined) throw new GatewayError("INTERNAL", "the WSDL lacks an operation");
  // A fault makes the package throw: what was read before is the truth.
  await invoke.call(client, { [operation.input]: MARK }).catch((error: unknown) => {
    if (outcome === undefined) throw error;
  });
  if (outcome === undefined) throw new GatewayError("INTERNAL", "the SOAP client sent nothing");
  if ("error" in outcome) throw outcome.error;
  return outcome.answer;
}

function envelopeOf(answer: SoapAnswer | undefined, { output, result }: Operation): string {
  if (answer?.fault !== undefined) return writeEnvelope(writeFault("soap:Server", "fault"));
  return writeEnvelope(writeWrapper(output, result, "read"));
}

/** What our server answers. */
export interface WrittenAnswer {
  readonly status: number;
  readonly body: string;
}
/** What a handler may reject with: the package writes it as a fault. */
export class ServiceFault extends Error {
  override readonly name = "ServiceFault";
  /** The name under which the package looks for it. */
  readonly Fault: { faultcode: string; faultstring: string; statusCode: number };
  constructor(faultcode: string, faultstring: string, options: { cause?: unknown } = {}) {
    super(faultstring, options);
    this.Fault = { faultcode, faultstring, statusCode: 500 };
  }
}

export interface ServiceBinding {
  /** Runs a request that was read before; `handle` gives the payload of the output or rejects with ServiceFault. */
  dispatch(
    request: SoapRequest,
    handle: (payload: string) => Promise<string>,
  ): Promise<WrittenAnswer>;
}

export async function bindService(): Promise<ServiceBinding> {
  const waiting = new Map<string, () => Promise<string>>();
  const method =
    ({ input, result }: Operation) =>
    async (args: Readonly<Record<string, unknown>>) => {
      const run = waiting.get(String(args[input]));
      if (run === undefined) throw new GatewayError("INTERNAL", "an unknown request");
      return { [result]: await run() };
    };
  const { sendBspNachricht, sendBspNachrichtNative } = OPERATIONS;
  const port = {
    sendBspNachricht: method(sendBspNachricht),
    sendBspNachrichtNative: method(sendBspNachrichtNative),
  };
  const server = (await soap.createServerless({
    path: "/",
    services: { PostkorbKommService: { PostkorbKommPort: port } },
    xml: readFileSync(WSDL, "utf8"),
    uri: WSDL,
    suppressStack: true,
  })) as unknown as Serverless;
  await new Promise<void>((resolve, reject) =>
    server.wsdl.onReady((error) => (error ? reject(error) : resolve())),
  );
  return {
    async dispatch({ operation, payload }, handle) {
      const mark = randomUUID();
      waiting.set(mark, () => handle(payload));
      try {
        // No SOAPAction: it is the same for both operations, and the package would take the first one.
        const xml = writeEnvelope(writeWrapper(operation.name, operation.input, mark));
        const { body, statusCode } = await server.processRequest(xml);
        return { status: statusCode, body };
      } finally {
        waiting.delete(mark);
      }
    },
  };
}

interface Serverless {
  readonly wsdl: { onReady(callback: (error?: Error) => void): void };
  processRequest(xml: string): Promise<{ readonly body: string; readonly statusCode: number }>;
}
