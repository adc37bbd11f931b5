import { createReadStream } from "node:fs";
import type { InspectOptions, Inspection } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import {
  attachmentFacts,
  certificateFacts,
  containerFacts,
  encryptionFacts,
  feedbackFacts,
  processCardFacts,
  signatureFacts,
  type Facts,
} from "./inspect-facts.ts";
import { Findings } from "./inspect-findings.ts";
import { InnerFile } from "./inspect-inner.ts";
import { readKeyDirectory, type KeyDirectory } from "./inspect-keys.ts";
import type { LegacyPolicy } from "./wire/algorithms.ts";
import { meaningOf } from "./wire/codes.ts";
import { openPackage, type OpenPackage } from "./wire/content-open.ts";
import { examineContents } from "./wire/content-verify.ts";
import { controlFaults } from "./wire/dialog.ts";
import { mentionedDigests } from "./wire/digests.ts";
import { envelopeTypeOf, readEnvelope } from "./wire/envelope.ts";
import { OsciError } from "./wire/errors.ts";
import { readFault } from "./wire/fault.ts";
import { isChunked, readMessage, type Message } from "./wire/message-read.ts";
import { readRaw, takeAttachments, type RawMessage } from "./wire/receive.ts";
import {
  examineTransport,
  verifyTransport,
  type SignaturePolicy,
  type VerifiedEnvelope,
} from "./wire/signature-verify.ts";
import { drain, type ByteSource } from "./wire/stream.ts";
import type { TransportOptions } from "./wire/transport.ts";

/** Options of `inspect osci <file>`: name → help. */
export const INSPECT_OPTIONS: Readonly<Record<string, string>> = Object.freeze({
  keys: "folder with pairs <name>.key.pem, <name>.cert.pem; certificates alone are trusted as signers",
  inner: "file to write the decrypted transport content to, byte for byte",
  legacy: "also read what only old peers use: cbc, rsa-1_5 or both, separated by a comma",
});

/**
 * Reads one OSCI message as it stands on the wire, verifies everything that the keys allow, and says what it found. No
 * network, no store, nothing of the content. A message that fails a check is refused with the code of the first one.
 * Throws only when the file or the keys cannot be read (GatewayError).
 */
export async function inspectOsci(file: string, options: InspectOptions): Promise<Inspection> {
  const keys = await readKeyDirectory(options.options["keys"]);
  const findings = new Findings();
  const source: ByteSource = { open: () => createReadStream(file) };
  const transport = {
    ring: keys.ring,
    legacy: legacyOf(options.options["legacy"]),
  };
  const inspector = new Inspector(findings, keys, transport, source, options.now);
  try {
    await inspector.inspect(file, options.options["inner"]);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw fileError(error, file);
    findings.refuse("message", error);
  }
  return findings.result();
}

class Inspector {
  readonly #findings: Findings;
  readonly #keys: KeyDirectory;
  readonly #transport: TransportOptions;
  readonly #source: ByteSource;
  readonly #now: Date;

  constructor(
    findings: Findings,
    keys: KeyDirectory,
    transport: TransportOptions,
    source: ByteSource,
    now: Date,
  ) {
    this.#findings = findings;
    this.#keys = keys;
    this.#transport = transport;
    this.#source = source;
    this.#now = now;
  }

  async inspect(file: string, inner: string | undefined): Promise<void> {
    const raw = await this.#readThrough(file, inner);
    const { facts } = this.#findings;
    const type = envelopeTypeOf(raw.document);
    facts["type"] = type === "MessageFault" ? "SOAPFault" : type;
    if (type === "MessageFault") {
      const fault = readFault(raw.document);
      facts["fault"] = { ...fault, meaning: meaningOf(fault.code) };
      this.#findings.pass("fault", `${fault.code}: ${meaningOf(fault.code)}`);
      return;
    }
    const envelope = await this.#verify(raw);
    if (envelope === undefined) return;
    const message = readMessage(envelope);
    this.#describe(message);
    const contents = await openPackage(message.content, {
      ...this.#transport,
      certificates: message.certificates,
    });
    await this.#describeContents(raw, message, contents);
  }

  async #readThrough(file: string, inner: string | undefined): Promise<RawMessage> {
    const copy = inner === undefined ? undefined : new InnerFile(inner);
    try {
      const raw = await readRaw(this.#source, {
        ...this.#transport,
        ...(copy === undefined ? {} : { tap: (stream) => copy.tee(stream) }),
      });
      if (raw.encryption === undefined) await copy?.takeFrom(file);
      await copy?.keep();
      this.#findings.pass("structure", "MIME and XML are well-formed");
      this.#findings.facts["transportEncryption"] =
        raw.encryption === undefined ? "none" : encryptionFacts(raw.encryption, this.#keys);
      const cipher = raw.encryption?.data.method.uri.split("#").at(-1);
      this.#findings.pass("transport encryption", cipher ?? "none");
      return raw;
    } finally {
      await copy?.discard();
    }
  }

  /** The envelope when its signature holds; else the reasons stand among the findings. */
  async #verify(raw: RawMessage): Promise<VerifiedEnvelope | undefined> {
    const envelope = readEnvelope(raw.document);
    const policy: SignaturePolicy = { required: false, trusts: (one) => this.#keys.trusts(one) };
    const digests = new Map([...raw.attachments].map(([cid, entry]) => [cid, entry.digests]));
    const report = await examineTransport(envelope, digests, policy);
    this.#findings.facts["transportSignature"] =
      report === undefined ? "none" : signatureFacts(report, this.#keys);
    if (report === undefined) this.#findings.pass("transport signature", "none");
    else this.#findings.signature("transport signature", report);
    return this.#findings.refused ? undefined : verifyTransport(envelope, digests, policy);
  }

  #describe(message: Message): void {
    const { facts } = this.#findings;
    const { control, feedback, certificates, cards, custom } = message;
    facts["controlBlock"] = control;
    const faults = controlFaults(message.type, control);
    if (faults.length === 0) this.#findings.pass("control block");
    for (const fault of faults)
      this.#findings.refuse("control block", new OsciError("INPUT_INVALID", "9400", fault));
    if (feedback !== undefined) {
      facts["feedback"] = feedbackFacts(feedback);
      this.#findings.pass("feedback", feedback.entries.map(({ code }) => code).join(", "));
    }
    for (const name of ["messageId", "subject", "selection", "limit", "chunk"] as const)
      if (message[name] !== undefined) facts[name] = message[name];
    if (isChunked(message.type))
      this.#findings.pass("chunks", "a delivery in pieces: recognised, not put together");
    facts["languages"] = message.languages;
    facts["features"] = message.features.map(({ key, version }) => `${key} ${version}`);
    facts["customBlocks"] = custom.map(({ uri, local }) => `{${uri}}${local}`);
    facts["certificates"] = certificates.map((entry) =>
      certificateFacts(entry, this.#keys, this.#now),
    );
    facts["processCards"] = cards.map(processCardFacts);
  }

  async #describeContents(
    raw: RawMessage,
    { certificates }: Message,
    contents: OpenPackage,
  ): Promise<void> {
    const { facts } = this.#findings;
    const digestMethods = new Set(
      contents.containers.flatMap(({ container }) => [
        ...mentionedDigests(Buffer.from(container.document.source)),
      ]),
    );
    const { attachments } = raw;
    const take = { transport: this.#transport, attachments, contents, digestMethods };
    const taken = await takeAttachments(this.#source, take, (_attachment, body) => drain(body));
    const plain = new Map([...taken].map(([cid, { digests }]) => [cid, digests]));
    const described: Facts[] = [];
    for (const entry of contents.containers) {
      const reports = await examineContents(entry.container, {
        certificates,
        attachments: plain,
        trusts: (certificate) => this.#keys.trusts(certificate),
      });
      const name = `container ${entry.container.id ?? "without id"}`;
      this.#findings.pass(name, entry.encryptions.length === 0 ? "in the clear" : "decrypted");
      for (const report of reports) this.#findings.signature(`${name} signature`, report);
      described.push(containerFacts(entry, reports, this.#keys));
    }
    facts["containers"] = described;
    facts["encryptedForOthers"] = contents.closed.map(({ id }) => id);
    facts["attachments"] = [...attachments].map(([cid, transported]) =>
      attachmentFacts(cid, transported, taken.get(cid)),
    );
    for (const cid of taken.keys()) this.#findings.pass(`attachment ${cid}`, "complete");
  }
}

function legacyOf(option: string | undefined): LegacyPolicy {
  const wanted = (option ?? "").split(",").map((word) => word.trim());
  const unknown = wanted.find((word) => !["", "cbc", "rsa-1_5"].includes(word));
  if (unknown !== undefined)
    throw new GatewayError("CONFIG_INVALID", `--legacy knows cbc and rsa-1_5, not ${unknown}`);
  return { cbc: wanted.includes("cbc"), rsa15: wanted.includes("rsa-1_5") };
}

function fileError(error: unknown, file: string): unknown {
  const failed = error instanceof Error && "code" in error && "syscall" in error;
  return failed ? new GatewayError("NOT_FOUND", `cannot read ${file}`, { cause: error }) : error;
}
