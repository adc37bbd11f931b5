import { createHash, randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { letterBlock, statusBlock, until } from "../../deploy/demo/reader.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import { describeWith } from "../support/services/index.ts";
import { openScene, PIN, writeContents, type Participant, type Scene } from "./people.ts";
import { useReference, VARIANTS, type Variant } from "./reference.ts";

const reference = await useReference();
const PDF = (size: number) => Buffer.concat([Buffer.from("%PDF-1.7\n"), randomBytes(size)]);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The running gateway and the reference library write to each other; each checks what it gets with its own code. */
describeWith("the gateway against the reference library", reference, ({ peer }) => {
  const dir = makeTemporaryFolder("interop-gateway");
  let scene: Scene;
  let stack: Stack;
  let gateway: GatewayProcess;
  const pairs = new Map<Variant, { court: Participant; office: Participant }>();

  beforeAll(async () => {
    scene = await openScene(join(dir, "scene"));
    for (const variant of VARIANTS) {
      const kind = variant === "ecdsa" ? "p256" : "rsa3072";
      const court = await scene.join(`court-${variant}`, kind);
      pairs.set(variant, { court, office: await scene.join(`office-${variant}`, kind) });
    }
    stack = await startStack({
      dir: join(dir, "stack"),
      homeserver: "simulated",
      others: [(place) => Promise.resolve(worldOf(scene, pairs, place.serverName))],
    });
    gateway = await stack.startGateway();
  });
  afterAll(async () => {
    await stack.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test.each(VARIANTS)("%s: the library sends, the gateway fetches", async (variant) => {
    const { court, office } = pairOf(variant);
    const clerk = await stack.person(`clerk-${variant}`);
    const file = PDF(70_000);
    const subject = `Von der Bibliothek ${variant} äöü`;
    const contents = writeContents(
      join(dir, `to-${variant}`),
      {
        project_coco: {
          "nachricht.xml": `<?xml version="1.0" encoding="UTF-8"?><Nachricht><Nachrichtentyp>Allgemeine Nachricht</Nachrichtentyp><Betreff>${subject}</Betreff><Aktenzeichen_Absender>1 K ${variant}</Aktenzeichen_Absender><Freitext>Guten Tag</Freitext></Nachricht>`,
          "visitenkarte.xml": `<Visitenkarte><Organisation>Gericht</Organisation><Nutzer_ID>${court.safeId}</Nutzer_ID></Visitenkarte>`,
        },
        govello_coco: { additional_infos: `user_id=${court.safeId}\r\nsignature_level=no\r\n` },
      },
      { "99 - Klage.pdf": file },
    );
    const deposit = await peer.deposit({
      ...scene.job(court, variant),
      ...contents,
      addressee: office.cipherFile,
      subject: "Allgemeine Nachricht",
      sign: "true",
    });
    expect(deposit.feedback).toContain("0800");
    const { roomId, event } = await clerk.waitFor("the letter", (it) =>
      String(it.content.body).startsWith(subject),
    );
    const details = letterBlock(event)?.["details"] as { label: string; value: string }[];
    expect(details.map(({ value }) => value)).toContain("Absender: Justiz (VHN)");
    const attachment = await clerk.waitFor(
      "the file",
      (it, room) => room === roomId && it.content["filename"] === "99 - Klage.pdf",
    );
    const answer = await clerk.client.download(String(attachment.event.content.url));
    expect(sha256(new Uint8Array(await answer.arrayBuffer()))).toBe(sha256(file));
    await until("the confirmation of the fetch", async () => {
      const { cards } = await peer.cards({
        ...scene.job(court, variant),
        message: deposit.messageId,
      });
      return cards[0]?.reception ?? undefined;
    });
  });

  test.each(VARIANTS)("%s: the gateway sends, the library fetches", async (variant) => {
    const { court } = pairOf(variant);
    const clerk = await stack.person(`clerk-${variant}`);
    const { roomId } = (await gateway.admin("/api/v1/conversations", {
      account: `office-${variant}`,
      to: { address: court.safeId, name: "Gericht", role: "authority" },
      subject: `An die Bibliothek ${variant}`,
      reference: `2 K ${variant}`,
    })) as { roomId: string };
    await clerk.waitFor("the case room", (_event, room) => room === roomId);
    const bytes = PDF(90_000);
    const sent = String(
      await clerk.client.sendFile(roomId, "Stellungnahme.pdf", "application/pdf", bytes),
    );
    await clerk.waitFor("its delivery", (it) => {
      const block = statusBlock(it);
      return block?.["event_id"] === sent && block["state"] === "delivered";
    });
    const { deliveries, closed } = await peer.collect(scene.job(court, variant));
    expect(closed).toEqual(["0800"]);
    expect(deliveries).toHaveLength(1);
    const [delivery] = deliveries;
    expect(delivery?.subject).toBe("Allgemeine Nachricht");
    expect(delivery?.read["cid:Stellungnahme.pdf"]).toBe(sha256(bytes));
    expect(Object.keys(delivery?.read ?? {})).toEqual(
      expect.arrayContaining(["project_coco/nachricht.xml", "govello_coco/additional_infos"]),
    );
    expect(delivery?.contentSignatures).toMatchObject({ project_coco: true });
    await clerk.waitFor("its collection", (it) => {
      const block = statusBlock(it);
      return block?.["event_id"] === sent && block["state"] === "retrieved";
    });
    expect(scene.intermediary.observations.refusals).toEqual([]);
  });

  function pairOf(variant: Variant) {
    const pair = pairs.get(variant);
    if (pair === undefined) throw new Error(`nobody for ${variant}`);
    return pair;
  }
});

/** One account for each variant, with a clerk of its own. */
function worldOf(
  scene: Scene,
  pairs: ReadonlyMap<Variant, { court: Participant; office: Participant }>,
  serverName: string,
) {
  const keep = (name: string, content: string) => {
    writeFileSync(join(scene.dir, name), content, { mode: 0o600 });
    return `file:${join(scene.dir, name)}`;
  };
  const pem = ({ certPem }: { certPem: string }) => ({ pem: certPem });
  const book = stringify({
    version: 1,
    intermediaries: {
      manager: {
        url: scene.intermediary.url,
        cipher: { pem: scene.intermediary.cipherCertificate },
        signature: { pem: scene.intermediary.signatureCertificate },
      },
    },
    entries: [...pairs.values()].map(({ court }) => ({
      safeId: court.safeId,
      name: `Gericht ${court.safeId}`,
      cipher: pem(court.cipher),
      signature: [pem(court.signature)],
      intermediary: "manager",
    })),
  });
  const bookFile = keep("book.yaml", book);
  const pin = keep("pin", PIN);
  const authority = keep("vhn-ca.pem", scene.authority.ca.certPem);
  const accounts = [...pairs].map(([variant, { office }]) => ({
    name: `office-${variant}`,
    bridge: "osci",
    title: `Behörde ${variant}`,
    clerks: [`@clerk-${variant}:${serverName}`],
    privateNetworks: ["127.0.0.0/8"],
    settings: {
      mailbox: { safeId: office.safeId, organisation: `Behörde ${variant}` },
      keys: {
        cipher: { pkcs12: `file:${office.properties.cipher}`, pin },
        signature: { pkcs12: `file:${office.properties.signature}`, pin },
      },
      intermediary: {
        url: scene.intermediary.url,
        cipher: `file:${scene.cipherFile}`,
        signatures: [`file:${scene.signatureFile}`],
        demandsSignatures: true,
      },
      addressBook: { file: bookFile, sha256: [sha256(Buffer.from(book))] },
      pollEvery: "1s",
      cardsEvery: "1s",
      crypto: CRYPTO[variant],
      policy: { vhnAuthorities: [authority], signContent: true },
    },
  }));
  return { accounts, close: () => scene.intermediary.close() };
}

const CRYPTO: Readonly<Record<Variant, object>> = {
  default: {},
  pss: { signature: "rsa-pss-sha256" },
  sha512: { signature: "rsa-sha512", digest: "sha512", oaepHash: "sha512" },
  ecdsa: {},
  iv16: { ivLength: 16 },
};
