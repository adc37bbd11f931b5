/** An open inlet with legacy systems in front of it. */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll } from "vitest";
import { createLegacySender } from "../../../fixtures/simulators/zbp/client.ts";
import type { LegacyLetter, LegacySender } from "../../../fixtures/simulators/zbp/client.ts";
import { signContent, signerOf } from "../../../fixtures/simulators/zbp/legacy-wire.ts";
import type { StoredIdentity } from "../../../fixtures/simulators/pki/index.ts";
import { newId } from "../../../src/model/id.ts";
import type { Message } from "../../../src/model/message.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import { deadPort } from "../../support/dead-port.ts";
import { MemoryState } from "../../support/bridge-context.ts";
import type { KeptMessage, TestContextOptions } from "../../support/bridge-context.ts";
import type { Settings } from "../../../bridges/bundid/settings.ts";
import { inletSettings, MAILBOX, makeBridge, makeKeys, never, PDF } from "./bench.ts";
import type { Bench, Keys, Raw } from "./bench.ts";

export interface InletBench extends Bench {
  readonly url: string;
  readonly port: number;
  readonly legacy: LegacySender;
  as(identity: StoredIdentity): LegacySender;
  close(): Promise<void>;
}

export interface InletWish {
  readonly sender?: Raw;
  readonly inlet?: Raw;
  /** Settings beside `inlet`. */
  readonly more?: Raw;
  readonly state?: MemoryState;
  readonly options?: Partial<TestContextOptions<Settings>>;
}

export async function openInletBench(keys: Keys, wish: InletWish = {}): Promise<InletBench> {
  const port = await deadPort();
  const inlet = inletSettings(keys, wish.sender, { listen: `127.0.0.1:${port}`, ...wish.inlet });
  const state = wish.state ?? new MemoryState();
  const bench = makeBridge(keys, { ...wish.more, inlet }, { state, ...wish.options });
  await bench.bridge.start();
  const url = `https://127.0.0.1:${port}`;
  const open: LegacySender[] = [];
  const as = (identity: StoredIdentity) => {
    const made = createLegacySender({ baseUrl: url, caPem: keys.pki.ca.certPem, identity });
    open.push(made);
    return made;
  };
  const close = async () => {
    for (const sender of open) sender.close();
    await bench.stop();
  };
  return { ...bench, url, port, legacy: as(keys.legacy), as, close };
}

export const LETTER: LegacyLetter = {
  mailboxUuid: MAILBOX,
  title: "Nachforderung äöü 🏛️",
  content: "<p>Guten Tag,<br>bitte reichen Sie Unterlagen nach.</p>",
  service: "Bauvoranfrage",
  sender: "Stadt Beispielhausen, Bauamt",
  level: 3,
  senderUrl: "https://stadt.example/bauamt",
  reference: "AZ 12/34",
  routingInfo: "undurchsichtig-42",
  applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
  attachments: [
    { filename: "Bescheid über Gebühren.pdf", mediaType: "application/pdf", bytes: PDF },
  ],
};

export function letters(state: MemoryState): readonly KeptMessage[] {
  return state.accepted.filter(({ origin }) => origin === "legacy");
}

/** Plays the lanes: hands every pending letter to the bridge that is meant for the legacy side, one after another. */
export function runLanes(bench: Bench): () => Promise<void> {
  let stopped = false;
  const round = async () => {
    for (const kept of bench.state.accepted) {
      if (stopped || kept.destination !== "legacy" || kept.state !== "pending") continue;
      kept.state = "sending";
      const { id } = kept.message;
      try {
        const { remoteId } = await bench.bridge.deliver(kept.message, id, never);
        bench.state.settle(id, "delivered", { remoteId });
      } catch (error) {
        if (!(error instanceof DeliveryError)) throw error;
        const states = { transient: "pending", permanent: "failed", unknown: "unknown" } as const;
        bench.state.settle(id, states[error.fault], { code: error.code });
        if (error.fault === "transient") return;
      }
    }
  };
  let running = Promise.resolve();
  const onChange = () => void (running = running.then(round));
  bench.state.changed.on("change", onChange);
  onChange();
  return async () => {
    stopped = true;
    bench.state.changed.off("change", onChange);
    await running;
  };
}

/** The part `json` of a letter, signed by the legacy system. */
export function signedJson(
  keys: Keys,
  more: { files?: Buffer[]; content?: Record<string, unknown> } = {},
): Buffer {
  const attachments = (more.files ?? []).map((bytes) => ({
    filename: "a.pdf",
    sha512sum: createHash("sha512").update(bytes).digest("hex"),
    contentLength: bytes.length,
  }));
  const { level, attachments: _, ...rest } = LETTER;
  const content = JSON.stringify({ ...rest, stork_qaa_level: level, attachments, ...more.content });
  return Buffer.from(signContent(content, signerOf(keys.legacy)));
}
/** A multipart body of the test's own making. */
export function raw(parts: readonly [string, string | undefined, Buffer][]): {
  contentType: string;
  body: Buffer;
} {
  const chunks = parts.flatMap(([name, fileName, bytes]) => [
    Buffer.from(`--grenze\r\nContent-Disposition: form-data; name="${name}"`),
    Buffer.from(
      fileName === undefined
        ? "\r\n\r\n"
        : `; filename="${fileName}"\r\nContent-Type: application/pdf\r\n\r\n`,
    ),
    bytes,
    Buffer.from("\r\n"),
  ]);
  return {
    contentType: "multipart/form-data; boundary=grenze",
    body: Buffer.concat([...chunks, Buffer.from("--grenze--\r\n")]),
  };
}

export interface InletBed {
  keys: Keys;
  bench: InletBench;
  /** Opens the inlet of a test; MAILBOX is read in Matrix. */
  open(wish?: InletWish): Promise<InletBench>;
}

/** Registers the hooks of a file; every test opens its own inlet. */
export function useInlet(): InletBed {
  const bed: Partial<InletBed> & Pick<InletBed, "open"> = {
    async open(wish = {}) {
      bed.bench = await openInletBench((bed as InletBed).keys, wish);
      bed.bench.state.links.add(MAILBOX);
      return bed.bench;
    },
  };
  beforeAll(async () => void (bed.keys = await makeKeys()));
  afterAll(() => bed.keys?.remove());
  afterEach(() => bed.bench?.close());
  return bed as InletBed;
}

/** A letter that came in, and an answer a citizen wrote in its room. */
export async function answer(
  bench: InletBench,
  more: Partial<Message> = {},
  letter = LETTER,
): Promise<Message> {
  await bench.legacy.sendLetter(letter);
  const received = letters(bench.state).at(-1)?.message;
  if (received === undefined) throw new Error("nothing came");
  const id = newId();
  return bench.state.add(
    {
      id,
      account: "konto",
      sourceId: `$${id}`,
      conversation: received.conversation,
      sentAt: new Date(),
      from: { address: MAILBOX, role: "citizen" },
      to: [received.from],
      text: "Anbei die Unterlagen,\nmit Grüßen 🏛️ & <mehr>",
      attachments: [],
      level: 3,
      replyPolicy: "possible",
      ...more,
    },
    "pending",
  );
}
