import type { X509Certificate } from "node:crypto";
import type { Readable } from "node:stream";
import type { Refusal } from "../../../src/bridge/contract.ts";
import type { BlobRef, IncomingMessage, Message } from "../../../src/model/message.ts";

/**
 * The seam between the transport (dialogs, encryption, signatures: `../wire` and the flows beside it) and what EGVP puts
 * into a delivery (facts §5). The transport knows no `nachricht.xml`, this side knows no sockets and no keys.
 */
export interface EgvpDelivery {
  /** Given by the intermediary. */
  readonly messageId: string;
  /** Subject of the OSCI header: in EGVP the kind of message, not what its author wrote (facts §5.1). */
  readonly kind?: string;
  /** When it was deposited at the intermediary: the moment with legal effect. */
  readonly depositedAt: Date;
  /** Those that our keys open. */
  readonly containers: readonly EgvpContainer[];
  /** By Content-ID. Plaintext in the blob store; digests were checked. */
  readonly files: ReadonlyMap<string, EgvpFile>;
  /** Containers that are encrypted for others. */
  readonly closed: number;
  /** Whose transport signature verified; undefined: the delivery came unsigned. */
  readonly signer?: X509Certificate;
  /** The mailbox that it came from. */
  readonly originator?: X509Certificate;
  /** Names of the header blocks in namespaces of others, `{namespace}local`. */
  readonly customHeaders: readonly string[];
  open(blob: BlobRef): Promise<Readable>;
  /** For inline documents that EGVP does not define: they reach the reader as files. Absent: INPUT_INVALID for those. */
  store?(name: string, bytes: Buffer): Promise<BlobRef>;
  /** Certificates that issue VHN, as far as the operator named some; only then the kind of sender counts as proved. */
  readonly vhnAuthorities?: readonly X509Certificate[];
  readonly signal?: AbortSignal;
}
export interface EgvpContainer {
  readonly id: string;
  readonly documents: readonly EgvpDocument[];
  readonly files: readonly { readonly contentId?: string; readonly cid: string }[];
  /** Signers of this container whose signatures verified. */
  readonly signers: readonly X509Certificate[];
}
/** Inline data of a container (`Base64Content`). */
export interface EgvpDocument {
  readonly id: string;
  readonly bytes: Buffer;
}
export interface EgvpFile {
  readonly cid: string;
  readonly blob: BlobRef;
}

/** A delivery in canonical words. */
export interface EgvpReading {
  readonly letter: Omit<IncomingMessage, "sourceId" | "conversation" | "to" | "original">;
  readonly references: CaseReferences;
}
/** What ties a delivery to a case; the transport looks the conversation up with it. */
export interface CaseReferences {
  /** File number of the sender. */
  readonly theirs?: string;
  /** File number of the mailbox that the delivery went to. */
  readonly ours?: string;
  /** Ids of XJustiz messages (ours or theirs) that this one answers. */
  readonly answers: readonly string[];
  /** Id that the sender gave the XJustiz message. */
  readonly xjustizId?: string;
}

/** The mailbox that writes, from the settings of the account. */
export interface EgvpSender {
  readonly safeId: string;
  readonly organisation: string;
  readonly card: Readonly<Record<string, string>>;
  readonly role: string;
}
export interface EgvpAddressee {
  readonly safeId: string;
  readonly name: string;
}
export interface EgvpOutgoing {
  /** For the OSCI header. */
  readonly kind: string;
  readonly containers: readonly EgvpOutgoingContainer[];
  /** Header blocks in namespaces of others: empty elements. */
  readonly customHeaders: readonly { readonly namespace: string; readonly name: string }[];
  readonly references: CaseReferences;
}
export interface EgvpOutgoingContainer {
  readonly id: string;
  readonly documents: readonly EgvpDocument[];
  readonly files: readonly EgvpOutgoingFile[];
}
export interface EgvpOutgoingFile {
  readonly contentId: string;
  readonly cid: string;
  readonly mediaType: string;
  readonly content: BlobRef | Buffer;
}

/** Throws GatewayError INPUT_INVALID or INPUT_HOSTILE: the delivery then goes to quarantine with all its bytes. */
export type ReadEgvp = (delivery: EgvpDelivery) => Promise<EgvpReading>;

/** `answered`: the letter that this one answers, when the gateway knows it. Throws DeliveryError permanent. */
export type WriteEgvp = (
  letter: Message,
  parties: { readonly sender: EgvpSender; readonly addressee: EgvpAddressee },
  answered: Message | undefined,
  now: Date,
) => EgvpOutgoing;

/**
 * Everything that makes the EGVP side refuse a letter, before it is accepted (facts §5.6). `answered`: the letter named
 * by `inReplyTo`; needed to check an act such as a receipt against what was asked for.
 */
export type ReviewEgvp = (
  letter: IncomingMessage,
  limits: EgvpLimits,
  answered?: Message,
) => Refusal | undefined;

export interface EgvpLimits {
  readonly files: number;
  /** Of all files of a letter together. */
  readonly bytes: number;
  /** Characters of a file name with its extension. */
  readonly fileNameLength: number;
  /** Lower case, without dot. */
  readonly fileTypes: readonly string[];
}
