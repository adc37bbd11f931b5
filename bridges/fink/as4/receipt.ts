import { Readable } from "node:stream";
import { GatewayError } from "../../../src/model/errors.ts";
import type { BlobRef } from "../../../src/model/message.ts";
import { childElements, elementsOf, parseXml, textOf } from "../../../src/guard/xml.ts";
import type { AccessPoint } from "./access-point.ts";
import type { As4Context } from "./contract.ts";
import { EBMS, SIGNALS } from "./names.ts";

/**
 * The non-repudiation receipt: a signal message that refers to ours and holds the signed digests of what arrived there
 * (bundid-fink.md §2.5). The access point has verified its signature; we keep the bytes, which prove it to others.
 * Throws GatewayError INPUT_INVALID when the signal is not that.
 */
export function checkReceipt(bytes: Uint8Array, messageId: string): { readonly at: Date } {
  const signals = [...elementsOf(parseXml(bytes).root)].filter(
    ({ uri, local }) => uri === EBMS && local === "SignalMessage",
  );
  const [signal] = signals;
  if (signal === undefined || signals.length > 1) throw invalid("it holds no signal message");
  const info = childElements(signal, EBMS, "MessageInfo")[0];
  const reference = info && childElements(info, EBMS, "RefToMessageId")[0];
  if (reference === undefined || textOf(reference).trim() !== messageId)
    throw invalid("it refers to another message");
  const receipt = childElements(signal, EBMS, "Receipt")[0];
  if (receipt === undefined || !hasDigests([...elementsOf(receipt)]))
    throw invalid("it holds no non-repudiation information");
  const time = info && childElements(info, EBMS, "Timestamp")[0];
  const at = new Date(time === undefined ? NaN : textOf(time).trim());
  return { at: Number.isNaN(at.getTime()) ? new Date() : at };
}

function hasDigests(elements: readonly { uri: string; local: string }[]): boolean {
  return elements.some(({ uri, local }) => uri === SIGNALS && local === "MessagePartNRInformation");
}

/** Stores the best evidence there is: the receipt itself, else the access point's word for it. */
export async function keepEvidence(
  context: Pick<As4Context, "store" | "log">,
  accessPoint: AccessPoint,
  messageId: string,
  statusAnswer: Buffer,
  signal: AbortSignal,
): Promise<{ readonly evidence: BlobRef; readonly at?: Date; readonly detail: string }> {
  const store = (bytes: Buffer) => context.store("as4-receipt", Readable.from([bytes]));
  const receipt = await accessPoint.receipt(messageId, signal);
  if (receipt !== undefined)
    try {
      const { at } = checkReceipt(receipt, messageId);
      return { evidence: await store(receipt), at, detail: "non-repudiation receipt" };
    } catch (error) {
      if (!(error instanceof GatewayError) || !error.code.startsWith("INPUT_")) throw error;
      context.log.warn({ messageId, error: error.message }, "as4-receipt-unusable");
    }
  return { evidence: await store(statusAnswer), detail: "state at the access point" };
}

function invalid(message: string): GatewayError {
  return new GatewayError("INPUT_INVALID", `not a receipt: ${message}`);
}
