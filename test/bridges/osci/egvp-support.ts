import { createHash, X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { EgvpContainer, EgvpDelivery } from "../../../bridges/osci/egvp/contract.ts";
import type { BlobRef } from "../../../src/model/message.ts";

export const FOLDER = fileURLToPath(new URL("../../../fixtures/osci-egvp/", import.meta.url));

export const COURT = "DE.Justiz.99999999-8888-4777-8666-555555555555.cd34";
export const US = "DE.Justiz.11111111-2222-4333-8444-555555555555.ab12";
export const DEPOSITED = new Date("2026-12-01T08:00:05Z");

export function certificate(name: string): X509Certificate {
  return new X509Certificate(readFileSync(`${FOLDER}certificates/${name}.pem`));
}

/** A blob store that keeps everything in memory. */
export class Blobs {
  readonly #bytes = new Map<string, Buffer>();
  /** Streams that were opened and not yet closed. */
  readonly opened: Readable[] = [];
  put(bytes: Buffer | string): BlobRef {
    const body = Buffer.from(bytes);
    const digest = `sha256:${createHash("sha256").update(body).digest("hex")}` as const;
    this.#bytes.set(digest, body);
    return { digest, size: body.length };
  }
  read({ digest }: BlobRef): Buffer {
    const found = this.#bytes.get(digest);
    if (found === undefined) throw new Error(`no blob ${digest}`);
    return found;
  }
  open(blob: BlobRef): Promise<Readable> {
    const stream = Readable.from([this.read(blob)]);
    this.opened.push(stream);
    return Promise.resolve(stream);
  }
}

export interface DeliveryParts {
  readonly documents?: Readonly<Record<string, string | Buffer>>;
  readonly files?: readonly (readonly [cid: string, content: string | Buffer])[];
  readonly more?: Partial<EgvpDelivery>;
  readonly contentId?: (name: string, index: number) => string;
}

/** As the transport hands it over: `additional_infos` in its own container. */
export function deliveryOf(
  { documents = {}, files = [], more = {}, contentId = (name) => name }: DeliveryParts,
  blobs: Blobs = new Blobs(),
): EgvpDelivery {
  const listed = Object.entries(documents).map(([id, bytes]) => ({
    id,
    bytes: Buffer.from(bytes),
  }));
  const isInfos = ({ id }: { id: string }) => id === "additional_infos";
  const containers: EgvpContainer[] = [
    {
      id: "project_coco",
      documents: listed.filter((document) => !isInfos(document)),
      files: files.map(([cid], index) => ({ cid, contentId: contentId(cid, index) })),
      signers: [],
    },
    { id: "govello_coco", documents: listed.filter(isInfos), files: [], signers: [] },
  ];
  return {
    messageId: "govapp_1",
    kind: "Allgemeine Nachricht",
    depositedAt: DEPOSITED,
    containers,
    files: new Map(files.map(([cid, content]) => [cid, { cid, blob: blobs.put(content) }])),
    closed: 0,
    customHeaders: [],
    open: (blob) => blobs.open(blob),
    ...more,
  };
}

interface Description {
  readonly messageId: string;
  readonly kind: string;
  readonly depositedAt: string;
  readonly signer: string | null;
  readonly authorities: readonly string[];
  readonly originator: string;
  readonly closed: number;
  readonly contentIds: "names" | "numbers";
  readonly requestSignature: boolean;
}

export const CASES = readdirSync(FOLDER).filter((name) =>
  existsSync(`${FOLDER}${name}/delivery.json`),
);

/** A delivery on file. */
export function deliveryOnFile(name: string, blobs: Blobs = new Blobs()): EgvpDelivery {
  const at = `${FOLDER}${name}/`;
  const described = JSON.parse(readFileSync(`${at}delivery.json`, "utf8")) as Description;
  const list = (folder: string) =>
    readdirSync(at + folder)
      .sort()
      .map((file) => [file, readFileSync(`${at}${folder}/${file}`)] as const);
  return deliveryOf(
    {
      documents: Object.fromEntries(list("documents")),
      files: list("files"),
      contentId: (file, index) =>
        described.contentIds === "names" ? file : `content${index + 100_851}`,
      more: {
        messageId: described.messageId,
        kind: described.kind,
        depositedAt: new Date(described.depositedAt),
        closed: described.closed,
        ...(described.signer === null ? {} : { signer: certificate(described.signer) }),
        originator: certificate(described.originator),
        vhnAuthorities: described.authorities.map(certificate),
        customHeaders: described.requestSignature
          ? ["{http://gov.bos-bremen.de/osci/customHeader}RequestSignatureMandatory"]
          : [],
      },
    },
    blobs,
  );
}

export const LETTER_XML = `<Nachricht><Betreff>Probe</Betreff><Freitext>Text</Freitext></Nachricht>`;
