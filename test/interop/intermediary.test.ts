import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import { describeWith } from "../support/services/index.ts";
import { openScene, writeContents, type Scene } from "./people.ts";
import { useReference, VARIANTS } from "./reference.ts";

const reference = await useReference();

/** The simulator is the judge of the gateway: here it is judged itself, by a client that is not ours. */
describeWith("the reference library against the simulated intermediary", reference, ({ peer }) => {
  const dir = makeTemporaryFolder("interop");
  let scene: Scene;

  beforeAll(async () => {
    scene = await openScene(join(dir, "scene"));
  });
  afterAll(async () => {
    await scene.intermediary.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test.each(VARIANTS)("%s: deposit, collect, process card", async (variant) => {
    const kind = variant === "ecdsa" ? "p256" : "rsa3072";
    const sender = await scene.join(`${variant}-sender`, kind);
    const recipient = await scene.join(`${variant}-recipient`, kind);
    const contents = writeContents(
      join(dir, variant),
      {
        project_coco: { "nachricht.xml": "<Nachricht><Betreff>Grüße</Betreff></Nachricht>" },
        govello_coco: { additional_infos: "subject=Gr\\u00fc\\u00dfe\r\n" },
      },
      { "Anlage 1 – Übersicht.pdf": randomBytes(70_000), "leer.pdf": Buffer.alloc(0) },
    );
    const deposit = await peer.deposit({
      ...scene.job(sender, variant),
      ...contents,
      addressee: recipient.cipherFile,
      subject: "Allgemeine Nachricht",
      sign: "true",
    });
    expect(deposit.issued).toEqual(["0800"]);
    expect(deposit.feedback).toContain("0800");
    expect(deposit.creation).not.toBeNull();

    const collection = await peer.collect(scene.job(recipient, variant));
    expect(collection.opened).toEqual(["0801"]);
    expect(collection.closed).toEqual(["0800"]);
    expect(collection.deliveries).toHaveLength(1);
    const [delivery] = collection.deliveries;
    expect(delivery?.messageId).toBe(deposit.messageId);
    expect(delivery?.read).toEqual(deposit.sent);
    expect(delivery?.contentSignatures).toEqual({ project_coco: true, govello_coco: true });

    const { cards } = await peer.cards({
      ...scene.job(sender, variant),
      message: deposit.messageId,
    });
    expect(cards).toHaveLength(1);
    expect(cards[0]?.creation).toBe(deposit.creation);
    expect(cards[0]?.reception).not.toBeNull();
    expect(scene.intermediary.observations.refusals).toEqual([]);
  });
});
