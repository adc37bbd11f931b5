/** One large delivery, composed, signed and encrypted, and taken again: what the bench measures, and nothing else. */
import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { NO_LEGACY } from "../../bridges/osci/wire/algorithms.ts";
import { roleCertificate } from "../../bridges/osci/wire/certificates.ts";
import { composeMessage, encryptAttachment } from "../../bridges/osci/wire/compose.ts";
import { openPackage } from "../../bridges/osci/wire/content-open.ts";
import { examineContents } from "../../bridges/osci/wire/content-verify.ts";
import {
  encryptContainer,
  writeContainer,
  writeContentPackage,
} from "../../bridges/osci/wire/content-write.ts";
import { KeyRing, sameCertificate } from "../../bridges/osci/wire/keys.ts";
import { readMessage } from "../../bridges/osci/wire/message-read.ts";
import { writeMessage } from "../../bridges/osci/wire/message-write.ts";
import { receiveMessage, takeAttachments } from "../../bridges/osci/wire/receive.ts";
import type { SizedSource } from "../../bridges/osci/wire/stream.ts";
import { loadIdentities } from "../../fixtures/osci/generator/certificates.ts";

/** Bytes read at once. */
const PIECE = 256 * 1024;
const sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
const algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const method = { uri: "http://www.w3.org/2009/xmlenc11#aes256-gcm", ivLength: 12 } as const;
const transport = { kind: "oaep", hash: "sha256" } as const;
const keyFolder = fileURLToPath(new URL("../../fixtures/osci/keys", import.meta.url));
export const identities = loadIdentities(keyFolder);

/** Writes the message to `target`: one container for one reader, signed inside and outside, `files` attachments. */
export async function compose(file: string, target: string, files = 1): Promise<void> {
  const { size } = await stat(file);
  const { originator_sig, originator_enc, recipient_enc, manager_enc } = identities;
  const signature = roleCertificate("SignatureCertificateOriginator", originator_sig.certificate);
  const reader = roleCertificate("CipherCertificateOtherReader", recipient_enc.certificate);
  const signer = { identity: originator_sig, certificateId: signature.id, algorithm };
  const share = Math.floor(size / files);
  const attachments = [];
  for (let index = 0; index < files; index += 1) {
    const source = fileSource(file, index * share, share);
    const cid = `Anlage ${String(index)}.pdf`;
    attachments.push({ cid, ...(await encryptAttachment(source, method, [sha256])) });
  }
  const container = await writeContainer({
    id: "project_coco",
    contents: attachments.map((entry) => ({ kind: "attachment", id: entry.cid, ...entry })),
    signers: [signer],
  });
  const readers = [{ certificate: reader.certificate, certificateId: reader.id }];
  const options = { id: "encdata_0", method, transport, legacy: NO_LEGACY };
  const content = writeContentPackage([await encryptContainer(container, readers, options)]);
  const written = writeMessage(
    {
      control: { challenge: "Y2hhbGxlbmdl", sequenceNumber: 0 },
      others: [
        roleCertificate("CipherCertificateOriginator", originator_enc.certificate),
        roleCertificate("CipherCertificateAddressee", recipient_enc.certificate),
        reader,
        signature,
      ],
    },
    { type: "StoreDelivery", messageId: "1", content },
  );
  const contentType = "application/octet-stream";
  const carried = attachments.map(({ cid, body, transported: digests }) => ({
    cid,
    contentType,
    body,
    digests,
  }));
  const seal = { reader: manager_enc.certificate, method, transport };
  const message = await composeMessage(written, carried, { signer, seal });
  await pipeline(Readable.from(message.open()), createWriteStream(target));
  const written_ = (await stat(target)).size;
  if (written_ !== message.size) throw new Error(`${written_} bytes instead of ${message.size}`);
}

/** Reads the message, verifies everything, writes each attachment to `target`. */
export async function take(file: string, target: string, files = 1): Promise<void> {
  const ring = new KeyRing([identities.manager_enc, identities.recipient_enc]);
  const source = { open: () => createReadStream(file, { highWaterMark: PIECE }) };
  const options = { ring, legacy: NO_LEGACY };
  const trusts = (certificate: (typeof identities)["ca"]["certificate"]): boolean =>
    sameCertificate(certificate, identities.originator_sig.certificate);
  const received = await receiveMessage(source, {
    ...options,
    encryptionRequired: true,
    signature: { required: true, trusts },
  });
  if (received.kind !== "message") throw new Error("a fault");
  const { content, certificates } = readMessage(received.envelope);
  const contents = await openPackage(content, { ...options, certificates });
  const { attachments } = received;
  const taken = await takeAttachments(
    source,
    { transport: options, attachments, contents, digestMethods: [] },
    (_attachment, body) => pipeline(Readable.from(body), createWriteStream(target)),
  );
  const digests = new Map([...taken].map(([cid, entry]) => [cid, entry.digests]));
  for (const { container } of contents.containers)
    for (const { errors } of await examineContents(container, {
      certificates,
      attachments: digests,
      trusts,
    }))
      if (errors[0] !== undefined) throw errors[0];
  if (taken.size !== files) throw new Error("an attachment is missing");
}

function fileSource(file: string, start: number, length: number): SizedSource {
  const range = { start, end: start + length - 1, highWaterMark: PIECE };
  return { size: length, open: () => createReadStream(file, range) };
}
