import { DeliveryError } from "../../src/model/errors.ts";
import type { AddressEntry } from "./egvp/address-book.ts";
import type { EgvpOutgoing, EgvpOutgoingContainer, EgvpOutgoingFile } from "./egvp/contract.ts";
import { sourceOfBlob, type Outgoing } from "./exchange.ts";
import type { Parts } from "./parts.ts";
import { roleCertificate, type RoleCertificate } from "./wire/certificates.ts";
import { encryptAttachment, type OutgoingAttachment } from "./wire/compose.ts";
import {
  encryptContainer,
  writeContainer,
  writeContentPackage,
  type OutgoingContent,
} from "./wire/content-write.ts";
import { element, type OutgoingBlock } from "./wire/element.ts";
import { BLOCK_NAMESPACES } from "./wire/names.ts";
import type { Signer } from "./wire/signature.ts";
import { sourceOf, type SizedSource } from "./wire/stream.ts";

/**
 * A letter in the form of StoreDelivery: each container encrypted for the addressee, each attachment under a key of its
 * own that travels in its container (facts §3.3, §3.4, §5.1). Attachments stay where they are and are read as they go.
 */
export async function packLetter(
  parts: Parts,
  { kind, containers, customHeaders }: EgvpOutgoing,
  entry: AddressEntry,
  messageId: string,
  signal: AbortSignal,
): Promise<Pick<Outgoing, "order" | "frame" | "attachments">> {
  const addressee = roleCertificate("CipherCertificateAddressee", entry.cipher);
  // EGVP names the addressee a second time, as reader (facts §5.1).
  const reader = roleCertificate("CipherCertificateOtherReader", entry.cipher, 0);
  const attachments: OutgoingAttachment[] = [];
  const encrypted: string[] = [];
  for (const [index, container] of containers.entries()) {
    const packed = await packContainer(parts, container, reader, index, signal);
    attachments.push(...packed.attachments);
    encrypted.push(packed.xml);
  }
  return {
    order: {
      type: "StoreDelivery",
      messageId,
      subject: kind,
      content: writeContentPackage(encrypted),
    },
    frame: { others: [addressee, reader], custom: customHeaders.map(customBlock) },
    attachments,
  };
}

async function packContainer(
  parts: Parts,
  container: EgvpOutgoingContainer,
  reader: RoleCertificate,
  index: number,
  signal: AbortSignal,
): Promise<{ xml: string; attachments: OutgoingAttachment[] }> {
  const { method, transport, legacy } = parts.suite;
  const contents: OutgoingContent[] = container.documents.map(({ id, bytes }) => ({
    kind: "data",
    id,
    bytes,
  }));
  const attachments: OutgoingAttachment[] = [];
  for (const file of container.files) {
    const digests = [parts.suite.digest];
    const source = sourceOfFile(parts, file);
    const sealed = await encryptAttachment(source, method, digests, { legacy, signal });
    const { contentId: id, cid } = file;
    contents.push({ kind: "attachment", id, cid, plain: sealed.plain, session: sealed.session });
    attachments.push({
      cid,
      contentType: "application/octet-stream",
      body: sealed.body,
      digests: sealed.transported,
    });
  }
  const signers = parts.context.config.policy.signContent ? [contentSigner(parts)] : [];
  const xml = await writeContainer({ id: container.id, contents, signers }, signal);
  const { certificate, id: certificateId } = reader;
  const id = `encdata_${String(index)}`;
  const options = { id, method, transport, legacy, signal };
  return {
    xml: await encryptContainer(xml, [{ certificate, certificateId }], options),
    attachments,
  };
}

function sourceOfFile({ context }: Parts, { content }: EgvpOutgoingFile): SizedSource {
  if (Buffer.isBuffer(content)) return sourceOf(content);
  const blob = sourceOfBlob(context, content);
  return {
    size: blob.size,
    async *open() {
      try {
        yield* blob.open();
      } catch (cause) {
        const message = "a file of the letter cannot be read";
        throw new DeliveryError("transient", "STORE_UNAVAILABLE", message, { cause });
      }
    },
  };
}

function contentSigner({ keys, suite }: Parts): Signer {
  const { certificate } = keys.signature;
  return {
    identity: keys.signature,
    certificateId: roleCertificate("SignatureCertificateOriginator", certificate).id,
    algorithm: suite.signature,
    digest: suite.digest,
  };
}

/** An empty block in a namespace of others; signed like every block. */
function customBlock({ namespace, name }: EgvpOutgoing["customHeaders"][number]): OutgoingBlock {
  const attributes = [["xmlns:custom", namespace], ...BLOCK_NAMESPACES, ["Id", name]] as const;
  return { id: name, xml: element(`custom:${name}`, attributes) };
}
