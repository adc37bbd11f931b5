import {
  attributeOf,
  childElements,
  hasText,
  parseXmlPaced,
  textOf,
} from "../../../src/guard/xml.ts";
import type { XmlElement } from "../../../src/guard/xml.ts";
import { writeElement, writeText } from "../../../src/guard/xml-write.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import { OPERATIONS, SERVICE_NAMESPACE, SOAP_NAMESPACE } from "./names.ts";
import type { Operation } from "./names.ts";
import { MAX_NODES } from "./read-letter.ts";

/**
 * SOAP 1.1 envelopes as they come from outside: read by the guarded reader, never by the soap package. Strict with
 * requests, lenient with answers: the old service sends a fault and an output in one body (bundid-fink.md §1.6).
 */
const MAX_DEPTH = 16;

/** A fault of SOAP itself: `Client`, `MustUnderstand`, `VersionMismatch`. */
export class SoapFault extends Error {
  override readonly name = "SoapFault";
  readonly code: "Client" | "MustUnderstand" | "VersionMismatch";
  constructor(code: SoapFault["code"], message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}

export interface SoapRequest {
  readonly operation: Operation;
  readonly payload: string;
}
/** At least one of the two is there. */
export interface SoapAnswer {
  readonly payload?: string;
  readonly fault?: { readonly code: string; readonly text: string };
}

/** @throws SoapFault */
export async function readRequest(
  bytes: Uint8Array,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<SoapRequest> {
  const [wrapper, second] = await readBody(bytes, maxBytes, signal);
  const operation = Object.values(OPERATIONS).find(({ name }) => name === wrapper?.local);
  if (wrapper?.uri !== SERVICE_NAMESPACE || operation === undefined)
    throw new SoapFault("Client", "the body holds no operation of this service");
  if (second !== undefined) throw new SoapFault("Client", "the body holds more than one element");
  const children = childElements(wrapper);
  const [child] = children;
  if (
    children.length !== 1 ||
    hasText(wrapper) ||
    child?.local !== operation.input ||
    child.uri !== ""
  )
    throw new SoapFault(
      "Client",
      `${operation.name} holds exactly ${operation.input}, not qualified`,
    );
  return { operation, payload: plainText(child) };
}

/** undefined: it is no answer of this service. Never throws for what is in the bytes. */
export async function readAnswer(
  bytes: Uint8Array,
  operation: Operation,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<SoapAnswer | undefined> {
  let body: readonly XmlElement[];
  try {
    body = await readBody(bytes, maxBytes, signal);
  } catch (error) {
    if (error instanceof SoapFault) return undefined;
    throw error;
  }
  const faults = body.filter(({ uri, local }) => uri === SOAP_NAMESPACE && local === "Fault");
  const outputs = body.filter(
    ({ uri, local }) => uri === SERVICE_NAMESPACE && local === operation.output,
  );
  if (faults.length > 1 || outputs.length > 1) return undefined;
  const payload = outputs[0] && payloadOf(outputs[0], operation);
  const fault = faults[0] && faultOf(faults[0]);
  if (payload === undefined && fault === undefined) return undefined;
  return {
    ...(payload === undefined ? {} : { payload }),
    ...(fault === undefined ? {} : { fault }),
  };
}

async function readBody(
  bytes: Uint8Array,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<readonly XmlElement[]> {
  const root = await parse(bytes, maxBytes, signal);
  if (root.local !== "Envelope") throw new SoapFault("Client", "there is no SOAP envelope");
  if (root.uri !== SOAP_NAMESPACE)
    throw new SoapFault("VersionMismatch", "only SOAP 1.1 is spoken here");
  const parts = childElements(root);
  const names = parts.map(({ uri, local }) => (uri === SOAP_NAMESPACE ? local : "other"));
  const [header] = parts;
  if (names[0] === "Header" && header !== undefined) {
    refuseMandatoryHeaders(header);
    names.shift();
  }
  const body = parts.at(-1);
  if (names.length !== 1 || names[0] !== "Body" || body === undefined)
    throw new SoapFault("Client", "the envelope holds an optional Header and one Body");
  return childElements(body);
}

function refuseMandatoryHeaders(header: XmlElement): void {
  for (const block of childElements(header)) {
    const must = attributeOf(block, "mustUnderstand", SOAP_NAMESPACE)?.trim();
    if (must === "1" || must === "true")
      throw new SoapFault("MustUnderstand", "a header block is not understood here");
  }
}

async function parse(
  bytes: Uint8Array,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<XmlElement> {
  try {
    const limits = { maxBytes, maxDepth: MAX_DEPTH, maxNodes: MAX_NODES };
    return (await parseXmlPaced(bytes, limits, signal)).root;
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw new SoapFault("Client", cause.message, { cause });
  }
}

function plainText(element: XmlElement): string {
  if (childElements(element).length > 0)
    throw new SoapFault("Client", `${element.local} holds elements instead of text`);
  return textOf(element);
}

/** In an answer the child may be qualified: nothing is won by refusing a receipt for its prefix. */
function payloadOf(output: XmlElement, { result }: Operation): string | undefined {
  const children = childElements(output);
  const [child] = children;
  if (children.length !== 1 || child?.local !== result) return undefined;
  return childElements(child).length > 0 ? undefined : textOf(child);
}
function faultOf(fault: XmlElement): SoapAnswer["fault"] {
  const textIn = (name: string) => {
    const found = childElements(fault).find(({ local }) => local === name);
    return found === undefined || childElements(found).length > 0 ? "" : textOf(found).trim();
  };
  const code = textIn("faultcode");
  return { code: code.slice(code.lastIndexOf(":") + 1), text: textIn("faultstring") };
}

/** An envelope written by us around text: what the soap package gets to read, or what it cannot write. */
export function writeEnvelope(...bodyParts: readonly string[]): string {
  const body = writeElement("soap:Body", [], bodyParts.join(""));
  const envelope = writeElement("soap:Envelope", [["xmlns:soap", SOAP_NAMESPACE]], body);
  return `<?xml version="1.0" encoding="utf-8"?>${envelope}`;
}
export function writeWrapper(name: string, child: string, payload: string): string {
  const inner = writeElement(child, [], writeText(payload));
  return writeElement(`bsp:${name}`, [["xmlns:bsp", SERVICE_NAMESPACE]], inner);
}
export function writeFault(code: string, text: string): string {
  const parts = [
    writeElement("faultcode", [], writeText(code)),
    writeElement("faultstring", [], writeText(text)),
  ];
  return writeElement("soap:Fault", [], parts.join(""));
}
