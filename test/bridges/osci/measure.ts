/**
 * Measures a large delivery both ways: `node test/bridges/osci/measure.ts [megabytes] [files]`. Prints time, highest
 * resident memory and longest stall of the event loop for compose + encrypt + sign and for decrypt + verify + take.
 */
import { randomFillSync } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { NO_LEGACY } from "../../../bridges/osci/wire/algorithms.ts";
import { roleCertificate } from "../../../bridges/osci/wire/certificates.ts";
import { composeMessage, encryptAttachment } from "../../../bridges/osci/wire/compose.ts";
import { openPackage } from "../../../bridges/osci/wire/content-open.ts";
import { examineContents } from "../../../bridges/osci/wire/content-verify.ts";
import {
  encryptContainer,
  writeContainer,
  writeContentPackage,
} from "../../../bridges/osci/wire/content-write.ts";
import { KeyRing, sameCertificate } from "../../../bridges/osci/wire/keys.ts";
import { readMessage } from "../../../bridges/osci/wire/message-read.ts";
import { writeMessage } from "../../../bridges/osci/wire/message-write.ts";
import { receiveMessage, takeAttachments } from "../../../bridges/osci/wire/receive.ts";
import type { SizedSource } from "../../../bridges/osci/wire/stream.ts";
import { loadIdentities } from "../../../fixtures/osci/generator/certificates.ts";

const megabyte = 1024 * 1024;
const size = Number(process.argv[2] ?? "200") * megabyte;
const files = Number(process.argv[3] ?? "1");
const sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
const algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const method = { uri: "http://www.w3.org/2009/xmlenc11#aes256-gcm", ivLength: 12 } as const;
const transport = { kind: "oaep", hash: "sha256" } as const;
const keyFolder = fileURLToPath(new URL("../../../fixtures/osci/keys", import.meta.url));
const identities = loadIdentities(keyFolder);
const folder = await mkdtemp(path.join(tmpdir(), "osci-measure-"));

try {
  const plain = path.join(folder, "plain");
  await writeRandom(plain);
  await measure("compose, sign, encrypt", () => compose(plain, path.join(folder, "message")));
  await measure("decrypt, verify, take", () => take(path.join(folder, "message")));
} finally {
  await rm(folder, { recursive: true });
}

async function compose(file: string, target: string): Promise<void> {
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

async function take(file: string): Promise<void> {
  const ring = new KeyRing([identities.manager_enc, identities.recipient_enc]);
  const source = { open: () => createReadStream(file, { highWaterMark: megabyte / 4 }) };
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
    (_attachment, body) =>
      pipeline(Readable.from(body), createWriteStream(path.join(folder, "taken"))),
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

async function measure(name: string, task: () => Promise<void>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let highest = 0;
  let longest = 0;
  let before = threadMilliseconds();
  // On a busy machine the delay says when we were not let run; the thread's own time says when we did not let go.
  const weigh = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 50);
  const sample = setInterval(() => {
    const now = threadMilliseconds();
    longest = Math.max(longest, now - before);
    before = now;
  }, 1);
  delay.enable();
  const start = performance.now();
  const used = process.cpuUsage();
  await task();
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  clearInterval(sample);
  clearInterval(weigh);
  const { user, system } = process.cpuUsage(used);
  const rate = size / megabyte / seconds;
  process.stdout.write(
    `${name}: ${seconds.toFixed(2)} s (${rate.toFixed(0)} MiB/s), CPU ${((user + system) / 1e6).toFixed(2)} s, RSS ${(highest / megabyte).toFixed(0)} MiB, ` +
      `event loop max ${(delay.max / 1e6).toFixed(1)} ms, p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, ` +
      `own time between turns at most ${longest.toFixed(1)} ms\n`,
  );
}

function threadMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

async function writeRandom(file: string): Promise<void> {
  const handle = await open(file, "w");
  const chunk = Buffer.alloc(megabyte);
  for (let written = 0; written < size; written += chunk.length) {
    randomFillSync(chunk);
    await handle.write(chunk);
  }
  await handle.close();
}

function fileSource(file: string, start: number, length: number): SizedSource {
  const range = { start, end: start + length - 1, highWaterMark: megabyte / 4 };
  return { size: length, open: () => createReadStream(file, range) };
}
