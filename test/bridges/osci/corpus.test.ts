import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import {
  INTERMEDIARY_ROLES,
  NON_INTERMEDIARY_ROLES,
  type RoleCertificate,
} from "../../../bridges/osci/wire/certificates.ts";
import { composeMessage } from "../../../bridges/osci/wire/compose.ts";
import { contentBytes } from "../../../bridges/osci/wire/content.ts";
import { openPackage, type OpenPackage } from "../../../bridges/osci/wire/content-open.ts";
import { examineContents } from "../../../bridges/osci/wire/content-verify.ts";
import { controlFaults } from "../../../bridges/osci/wire/dialog.ts";
import { KeyRing } from "../../../bridges/osci/wire/keys.ts";
import { readMessage, type Message } from "../../../bridges/osci/wire/message-read.ts";
import { writeMessage, type OutgoingOrder } from "../../../bridges/osci/wire/message-write.ts";
import { writeMime } from "../../../bridges/osci/wire/mime-write.ts";
import { isResponse } from "../../../bridges/osci/wire/names.ts";
import {
  readRaw,
  receiveMessage,
  takeAttachments,
  type Received,
} from "../../../bridges/osci/wire/receive.ts";
import { signingRole, type VerifiedEnvelope } from "../../../bridges/osci/wire/signature-verify.ts";
import { sourceOf } from "../../../bridges/osci/wire/stream.ts";
import { canonicalize } from "../../../src/guard/c14n.ts";
import { childElements, parseXml, sourceOf as rawOf } from "../../../src/guard/xml.ts";
import {
  ALL_LEGACY,
  bytesOf,
  FIXTURES,
  HAS_RECORDINGS,
  loadKeys,
  RECORDINGS,
  verdict,
  wireFiles,
  type Keys,
} from "./support.ts";

interface Corpus {
  readonly name: string;
  readonly folder: string;
  /** Folders whose messages carry no signature. */
  readonly unsigned: string;
}
const corpora: readonly Corpus[] = [
  { name: "own fixtures", folder: FIXTURES, unsigned: "plain-unsigned" },
  ...(HAS_RECORDINGS
    ? [{ name: "recordings", folder: RECORDINGS, unsigned: "f-plain-unsigned" }]
    : []),
];

describe.skipIf(HAS_RECORDINGS)(
  "the recordings of the reference implementation are NOT here",
  () => {
    it.skip(`expected in ${path.basename(RECORDINGS)} beside the project: those tests were left out`, () => {
      expect(HAS_RECORDINGS).toBe(true);
    });
  },
);

describe.each(corpora)("$name", ({ folder, unsigned }) => {
  const keys = loadKeys(path.join(folder, "keys"));
  const files = wireFiles(folder);
  const messages = files.filter((file) => !file.includes("SOAPFault"));

  it("are there", () => {
    expect(messages.length).toBeGreaterThan(20);
  });

  it.each(messages.filter((file) => existsSync(innerOf(folder, file))))(
    "%s decrypts byte for byte",
    async (file) => {
      const seen: Buffer[] = [];
      await readRaw(sourceOf(readFileSync(path.join(folder, file))), {
        ring: keys.ring,
        legacy: ALL_LEGACY,
        async *tap(inner) {
          for await (const chunk of inner) {
            seen.push(Buffer.from(chunk));
            yield chunk;
          }
        },
      });
      const expected = readFileSync(innerOf(folder, file));
      expect(Buffer.concat(seen).equals(expected)).toBe(true);
    },
  );

  it.each(messages)("%s verifies, opens and can be read", async (file) => {
    const { message, envelope, received } = await open(folder, file, keys);
    const signed = !file.startsWith(unsigned);
    expect(envelope.transportSignature !== undefined).toBe(signed);
    expect(received.encryption !== undefined).toBe(signed);
    if (signed) {
      expect(envelope.transportSignature?.signer?.role).toBe(signingRole(message.type));
      const names = envelope.transportSignature?.references.map(({ uri }) => uri) ?? [];
      expect(names.length).toBe(envelope.blocks.length + 1 + received.attachments.size);
    }
    expect(path.basename(file)).toContain(`-${message.type}.`);
    expect(controlFaults(message.type, message.control)).toEqual([]);
    expect(message.feedback !== undefined).toBe(isResponse(message.type));
  });

  it.each(messages.filter((file) => /(?:02-Store|04-Response)/.test(file)))(
    "%s yields every content and attachment, and its content signatures hold",
    async (file) => {
      const { message, received } = await open(folder, file, keys);
      const bytes = readFileSync(path.join(folder, file));
      const transport = { ring: keys.ring, legacy: ALL_LEGACY };
      const contents = await openPackage(message.content, {
        ...transport,
        certificates: message.certificates,
      });
      expect(contents.closed).toEqual([]);
      const plain = new Map<string, Buffer>();
      const taken = await takeAttachments(
        sourceOf(bytes),
        {
          transport,
          attachments: received.attachments,
          contents,
          digestMethods: digestMethods(contents),
        },
        async ({ cid }, body) => {
          plain.set(cid, await bytesOf(body));
        },
      );
      expect([...plain.keys()].sort()).toEqual([...received.attachments.keys()].sort());
      const attachments = new Map([...taken].map(([cid, { digests }]) => [cid, digests]));
      for (const { container } of contents.containers) {
        const reports = await examineContents(container, {
          certificates: message.certificates,
          attachments,
          trusts: (certificate) => keys.trusts(certificate),
        });
        expect(reports.flatMap(({ errors }) => errors)).toEqual([]);
        expect(reports.length).toBe(container.id?.startsWith("contentcontainer") ? 1 : 0);
        compareWithRecorded(folder, file, contents);
      }
    },
  );

  it.each(messages)("%s is written again as it was, but for the signature", async (file) => {
    const { message, envelope } = await open(folder, file, keys);
    const { document, body, signature } = envelope;
    const written = writeMessage(
      {
        control: message.control,
        languages: message.languages,
        features: message.features.length > 0 ? message.features : undefined,
        intermediary: certificatesIn(message, INTERMEDIARY_ROLES),
        others: certificatesIn(message, NON_INTERMEDIARY_ROLES),
        custom: message.custom.map((block) => ({ id: "", xml: rawOf(document, block) })),
      } as Parameters<typeof writeMessage>[0],
      orderOf(
        message,
        childElements(body)
          .map((child) => rawOf(document, child))
          .join(""),
      ),
    );
    const again = await composeMessage(written, [], { boundary: "B" });
    const unsignedXml =
      signature === undefined
        ? document.source
        : document.source.replace(rawOf(document, signature), "");
    const xml = Buffer.from(unsignedXml);
    const expected = await bytesOf(
      writeMime({ boundary: "B", xml, announceXmlLength: false, parts: [] }).open(),
    );
    expect((await bytesOf(again.open())).toString()).toBe(expected.toString());
  });

  it.each(messages)("%s has header blocks that are their own canonical form", async (file) => {
    const { envelope } = await open(folder, file, keys);
    for (const block of envelope.blocks)
      expect(canonicalize(block)).toBe(rawOf(envelope.document, block));
  });

  it.each(files.filter((file) => file.includes("SOAPFault")))("%s is a fault", async (file) => {
    const received = await receiveMessage(sourceOf(readFileSync(path.join(folder, file))), {
      ring: keys.ring,
      legacy: ALL_LEGACY,
      encryptionRequired: true,
      signature: { required: true, trusts: () => false },
    });
    const code = /SOAPFault-(\d+)/.exec(file)?.[1];
    expect(received).toMatchObject({ kind: "fault", fault: { code } });
  });

  it("refuses a message of which the key is missing", async () => {
    const [file = ""] = messages.filter((name) => name.includes("01-GetMessageId.outer"));
    const without: Keys = { ...keys, ring: new KeyRing([]) };
    expect(await verdict(() => open(folder, file, without))).toBe("CERTIFICATE_INVALID 9200");
  });
});

async function open(
  folder: string,
  file: string,
  keys: Keys,
): Promise<{
  message: Message;
  envelope: VerifiedEnvelope;
  received: Extract<Received, { kind: "message" }>;
}> {
  const received = await receiveMessage(sourceOf(readFileSync(path.join(folder, file))), {
    ring: keys.ring,
    legacy: ALL_LEGACY,
    encryptionRequired: false,
    signature: {
      required: !file.includes("unsigned"),
      trusts: (certificate) => keys.trusts(certificate),
    },
  });
  if (received.kind === "fault") throw new Error("a fault");
  return { message: readMessage(received.envelope), envelope: received.envelope, received };
}

function innerOf(folder: string, file: string): string {
  return path.join(folder, file.replace(".outer.", ".inner."));
}

function digestMethods(contents: OpenPackage): string[] {
  const text = contents.containers.map(({ container }) => container.document.source).join("");
  return text.includes("#sha512") ? ["http://www.w3.org/2001/04/xmlenc#sha512"] : [];
}

function certificatesIn<R extends RoleCertificate["role"]>(
  { certificates }: Message,
  roles: readonly R[],
): readonly RoleCertificate[] {
  return certificates.filter(({ role }) => (roles as readonly string[]).includes(role));
}

/** The order that a message carries; `content` is what stood in its Body. */
function orderOf(message: Message, content: string): OutgoingOrder {
  const { type, feedback, messageId, subject, selection, limit, cards } = message;
  const all = {
    type,
    feedback: feedback?.entries ?? [],
    ...(messageId === undefined ? {} : { messageId }),
    ...(subject === undefined ? {} : { subject }),
    ...(selection === undefined ? {} : { selection }),
    ...(limit === undefined ? {} : { limit }),
    ...(cards[0] === undefined ? {} : { card: cards[0] }),
    cards,
    content,
  };
  return all as OutgoingOrder;
}

/** `decrypted-<id>.xml` beside the recordings holds the containers as the library wrote them after decryption. */
function compareWithRecorded(folder: string, file: string, { containers }: OpenPackage): void {
  for (const { container } of containers) {
    const recorded = path.join(folder, path.dirname(file), `decrypted-${container.id ?? ""}.xml`);
    if (!existsSync(recorded) || file.includes("04-")) continue;
    const wrapped = `<x xmlns:osci="http://www.osci.de/2002/04/osci" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">${readFileSync(recorded, "utf8")}</x>`;
    const text = canonicalize(parseXml(Buffer.from(wrapped)).root);
    for (const content of container.contents)
      if (content.kind === "data")
        expect(text.replaceAll("\n", "")).toContain(contentBytes(content).toString("base64"));
  }
}
