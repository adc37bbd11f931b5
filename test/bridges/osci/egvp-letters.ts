import { readEgvp } from "../../../bridges/osci/egvp/index.ts";
import type { EgvpLimits, EgvpOutgoing } from "../../../bridges/osci/egvp/contract.ts";
import { parseXml } from "../../../src/guard/xml.ts";
import type { Message } from "../../../src/model/message.ts";
import { Blobs, COURT, deliveryOnFile, US } from "./egvp-support.ts";

export const SENT = new Date("2026-12-04T10:00:00Z");
export const PARTIES = {
  sender: {
    safeId: US,
    organisation: "Stadt Größe",
    card: { Name: "Rechtsamt", ort: "Größe", "E-Mail": "post@groesse.example" },
    role: "egvp_bebpo",
  },
  addressee: { safeId: COURT, name: "Amtsgericht Musterstadt" },
};
export const LIMITS: EgvpLimits = {
  files: 1_000,
  bytes: 200_000_000,
  fileNameLength: 90,
  fileTypes: ["pdf", "tif", "tiff"],
};
export const DIGEST = `sha256:${"a".repeat(64)}` as const;

/** A letter of ours to the court. */
export function letterOf(more: Partial<Message> = {}): Message {
  return {
    id: "01a1fbbf-1efe-77b2-a8bb-8ee4ffad44d9",
    account: "konto",
    sourceId: "$ereignis",
    conversation: "fall-1",
    sentAt: SENT,
    from: { address: US, name: "Stadt Größe", role: "authority" },
    to: [{ address: COURT }],
    subject: "Antwort <&> 🏛️",
    text: "Guten Tag,\n\nanbei.",
    attachments: [],
    level: 1,
    replyPolicy: "possible",
    ...more,
  };
}
export function fileOf(name: string, mediaType = "application/pdf", size = 10) {
  return { name, mediaType, blob: { digest: DIGEST, size } };
}

/** A delivery on file, as the gateway keeps it. */
export async function courtLetter(name: string): Promise<Message> {
  const { letter } = await readEgvp(deliveryOnFile(name, new Blobs()));
  const ids = { id: "01a1fbbf-0000-7000-8000-000000000000", account: "konto", sourceId: "s" };
  return { ...letter, ...ids, conversation: "fall-1", to: [{ address: US }] };
}

export function actOf(choice: string, argument?: string, more: Partial<Message> = {}): Message {
  return letterOf({
    action: { name: "eeb", choice, ...(argument === undefined ? {} : { argument }) },
    inReplyTo: "01a1fbbf-0000-7000-8000-000000000000",
    text: `!eeb ${choice} ${argument ?? ""}`,
    ...more,
  });
}

export function documentOf({ containers }: EgvpOutgoing, id: string): Buffer {
  const found = containers.flatMap(({ documents }) => documents).find((one) => one.id === id);
  if (found === undefined) throw new Error(`no document ${id}`);
  return found.bytes;
}
export function datasetOf({ containers }: EgvpOutgoing): Buffer {
  const files = containers.flatMap(({ files: list }) => list);
  const found = files.find(({ cid }) => cid === "xjustiz_nachricht.xml")?.content;
  if (!Buffer.isBuffer(found)) throw new Error("no dataset");
  return found;
}
/** Every text of a document by the path of its elements, in order: independent of the reader of the bridge. */
export function pathsOf(bytes: Buffer): readonly string[] {
  const rows: string[] = [];
  const walk = (element: ReturnType<typeof parseXml>["root"], path: string) => {
    const here = `${path}/${element.local}`;
    const attributes = element.attributes.map(({ local, value }) => `${here}@${local}=${value}`);
    rows.push(...attributes);
    for (const node of element.children) {
      if (node.kind === "element") walk(node, here);
      else if (node.kind === "text" && node.value.trim() !== "") rows.push(`${here}=${node.value}`);
    }
  };
  walk(parseXml(bytes).root, "");
  return rows;
}
