import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { cardsIn } from "../../../fixtures/simulators/osci-intermediary/answers.ts";
import { bufferSource, collect } from "../../../fixtures/simulators/osci-intermediary/bytes.ts";
import { X509Certificate } from "../../../fixtures/simulators/osci-intermediary/certificates.ts";
import { messageIdRule, useIntermediary } from "./intermediary-support.ts";

const bed = useIntermediary();
const content =
  '<osci:ContentPackage><osci:ContentContainer  Id="c"><!-- as it came --><osci:Content>' +
  '<osci:Base64Content Id="d">aGFsbG8=\n</osci:Base64Content></osci:Content>' +
  '<osci:Content Id="Ü b.bin" href="cid:Ü b.bin"/></osci:ContentContainer></osci:ContentPackage>';
const custom = '<a:meta xmlns:a="urn:example:a"  Id="meta" b=\'1\'><a:v>&lt;x></a:v></a:meta>';
const bytes = Buffer.from("\r\n--MIME_boundary_\r\n\0\u00ff--\r\n", "latin1");
const file = {
  ...{ contentId: "Ü b.bin", contentType: "application/pdf" },
  ...{ transferEncoding: "8-bit", body: bufferSource(bytes) },
};

describe("StoreDelivery", () => {
  it("keeps everything and hands it out byte for byte", async () => {
    const intermediary = await bed.start();
    const messageId = await bed.deposit(bed.client("sender"), {
      ...{ content, customHeaders: [custom], parts: [file], subject: "A & B <ä>" },
    });
    const [stored] = intermediary.deliveries(bed.keys.recipient.cipher.certPem);
    expect(stored).toMatchObject({ messageId, subject: "A & B <ä>", mailboxName: "Recipient" });
    const client = bed.client("recipient");
    await client.initDialog();
    const { message, problems, codes } = await client.fetchDelivery();
    expect([codes, problems]).toEqual([["0801"], []]);
    expect(message?.parsed.xml).toContain(content);
    expect(message?.parsed.xml).toContain(custom);
    const deposited = readFileSync(intermediary.fileOf(stored ?? expect.fail()), "utf8");
    const [certificates = "none"] = /<osci:NonInter.*<\/osci:NonInter\w+>/s.exec(deposited) ?? [];
    expect(message?.parsed.xml).toContain(certificates);
    const part = message?.attachments.get("Ü b.bin");
    expect(part?.contentType).toBe("application/pdf");
    expect(await collect(part?.raw() ?? expect.fail(), 1_000)).toEqual(bytes);
  });

  it("answers with the process card: Creation and three inspections", async () => {
    const at = new Date("2026-07-01T10:00:00.123Z");
    await bed.start({ now: () => at, trustedSigners: [bed.keys.authority.ca.certPem] });
    const client = bed.client("sender");
    const { messageId = "" } = await client.getMessageId();
    const answer = await bed.store(client, { messageId });
    const creation = "2026-07-01T12:00:00.123+02:00";
    const stamps = { creation, forwarding: undefined, reception: undefined };
    expect(cardsIn(answer)).toEqual([
      { messageId, ...stamps, subject: "Testnachricht", inspections: 3 },
    ]);
    expect(answer.message?.parsed.xml).toContain("CN=beBPo VHN CA,C=DE");
    expect(answer.message?.parsed.xml).toContain('OnlineResult Result="ok"');
  });

  it("demands an id that was issued, to this sender, and not used: 9800, 9801", async () => {
    const intermediary = await bed.start();
    const client = bed.client("sender");
    expect((await bed.store(client)).codes).toEqual(["9800"]);
    expect((await bed.store(client, { messageId: "govapp_1" })).codes).toEqual(["9801"]);
    const messageId = await bed.deposit(client);
    const again = await bed.store(client, { messageId });
    expect([again.codes, cardsIn(again)]).toEqual([["9801"], []]);
    const { messageId: ofOther = "" } = await bed.client("recipient").getMessageId();
    expect((await bed.store(client, { messageId: ofOther })).codes).toEqual(["9801"]);
    expect(intermediary.countByMessageId(messageId)).toBe(1);
    expect(intermediary.deliveries()).toHaveLength(1);
  });

  it("into a mailbox that there is not is refused where mailboxes are fixed", async () => {
    await bed.start({ mailboxes: [bed.keys.recipient.cipher.certPem] });
    const client = bed.client("sender");
    await bed.deposit(client);
    const { messageId = "" } = await client.getMessageId();
    const addressee = new X509Certificate(bed.keys.sender.cipher.certPem);
    expect((await bed.store(client, { messageId, addressee })).codes).toEqual(["9811"]);
  });

  it("needs a content package", async () => {
    await bed.start();
    const client = bed.client("sender");
    const { messageId = "" } = await client.getMessageId();
    expect((await bed.store(client, { messageId, content: "" })).fault).toBe("9300");
    expect((await bed.store(client, { messageId })).codes).toEqual(["0800"]);
  });
});

describe("FetchDelivery", () => {
  it("hands out the oldest first, says 3800 while there is more, then 9803", async () => {
    await bed.start();
    const sender = bed.client("sender");
    const ids = [await bed.deposit(sender), await bed.deposit(sender), await bed.deposit(sender)];
    const client = bed.client("recipient");
    await client.initDialog();
    const seen: unknown[] = [];
    for (let index = 0; index < 4; index += 1) {
      const answer = await client.fetchDelivery();
      seen.push([cardsIn(answer)[0]?.messageId, answer.codes]);
    }
    expect(seen).toEqual([
      [ids[0], ["0801", "3800"]],
      [ids[1], ["0801", "3800"]],
      [ids[2], ["0801"]],
      [undefined, ["9803"]],
    ]);
  });

  it("sets Forwarding at once and Reception with the next request of the dialog", async () => {
    const intermediary = await bed.start();
    const messageId = await bed.deposit(bed.client("sender"));
    const client = bed.client("recipient");
    await client.initDialog();
    expect(intermediary.card(messageId)?.forwarding).toBeUndefined();
    const [card] = cardsIn(await client.fetchDelivery());
    expect([card?.forwarding === undefined, card?.reception]).toEqual([false, undefined]);
    expect(intermediary.card(messageId)?.reception).toBeUndefined();
    await client.exitDialog();
    expect(intermediary.card(messageId)?.reception).toBeInstanceOf(Date);
    expect(intermediary.waiting()).toEqual([]);
  });

  it("hands out again, in a new dialog, what nobody confirmed", async () => {
    const intermediary = await bed.start();
    const messageId = await bed.deposit(bed.client("sender"));
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const client = bed.client("recipient");
      await client.initDialog();
      expect(cardsIn(await client.fetchDelivery())[0]?.messageId).toBe(messageId);
    }
    expect(intermediary.waiting()).toHaveLength(1);
  });

  it("is not confirmed by a request that is not signed, or not of this dialog", async () => {
    const intermediary = await bed.start();
    const messageId = await bed.deposit(bed.client("sender"));
    const client = bed.client("recipient");
    await client.initDialog();
    await client.fetchDelivery();
    const control = { challenge: "AAAA", response: "BBBB", sequence: 1, conversation: "1" };
    await client.fetchDelivery(undefined, { control });
    await client.exitDialog({ spoil: ({ signer: _signer, ...draft }) => draft });
    expect(intermediary.card(messageId)?.reception).toBeUndefined();
  });

  it("selects by id and by date", async () => {
    let now = new Date("2026-03-01T10:00:00Z");
    await bed.start({ now: () => now });
    const sender = bed.client("sender");
    const early = await bed.deposit(sender);
    now = new Date("2026-03-02T10:00:00Z");
    const late = await bed.deposit(sender);
    const client = bed.client("recipient");
    await client.initDialog();
    const date = "<osci:ReceptionOfDelivery>2026-03-02T11:00:00+01:00</osci:ReceptionOfDelivery>";
    const byDate = await client.fetchDelivery(date);
    expect([cardsIn(byDate)[0]?.messageId, byDate.codes]).toEqual([late, ["0801"]]);
    expect(byDate.message?.parsed.xml).toContain(date);
    expect(cardsIn(await client.fetchDelivery(messageIdRule(early)))[0]?.messageId).toBe(early);
    expect((await client.fetchDelivery(messageIdRule("govapp_0"))).codes).toEqual(["9803"]);
    expect((await client.fetchDelivery()).codes).toEqual(["9803"]);
  });

  it("hands out what was confirmed by its id only, and only where that is kept", async () => {
    for (const refetch of [true, false]) {
      await bed.start({ refetch });
      const messageId = await bed.deposit(bed.client("sender"));
      const client = bed.client("recipient");
      await client.initDialog();
      await client.fetchDelivery();
      expect((await client.fetchDelivery()).codes).toEqual(["9803"]);
      const again = await client.fetchDelivery(messageIdRule(messageId));
      expect(again.codes).toEqual([refetch ? "0801" : "9803"]);
    }
  });

  it("shows nobody the mailbox of another", async () => {
    await bed.start();
    const messageId = await bed.deposit(bed.client("sender"));
    const client = bed.client("sender");
    await client.initDialog();
    expect((await client.fetchDelivery()).codes).toEqual(["9803"]);
    expect((await client.fetchDelivery(messageIdRule(messageId))).codes).toEqual(["9803"]);
  });

  it("with a selection that cannot be read is no order", async () => {
    await bed.start();
    const client = bed.client("recipient");
    await client.initDialog();
    expect((await client.fetchDelivery("<osci:Whatever>1</osci:Whatever>")).fault).toBe("9300");
  });
});

describe("a restart", () => {
  it("keeps ids, deliveries, stamps and single use, but no dialog", async () => {
    const stateDir = mkdtempSync(path.join(tmpdir(), "intermediary-state-"));
    try {
      const first = await bed.start({ stateDir });
      const sender = bed.client("sender");
      const done = await bed.deposit(sender, { content, customHeaders: [custom], parts: [file] });
      const client = bed.client("recipient");
      await client.initDialog();
      await client.fetchDelivery();
      await client.exitDialog();
      const open = await bed.deposit(sender, { content, customHeaders: [custom], parts: [file] });
      const { messageId: issued = "" } = await sender.getMessageId();
      const cards = first.state.cards;
      await client.initDialog();
      const { dialog } = client;
      await first.close();
      const second = await bed.start({ stateDir });
      expect(second.state.cards).toEqual(cards);
      expect(second.waiting().map(({ messageId }) => messageId)).toEqual([open]);
      const later = bed.client("recipient");
      later.dialog = dialog;
      expect((await later.fetchDelivery()).fault).toBe("9400");
      await later.initDialog();
      const fetched = await later.fetchDelivery();
      expect(fetched.message?.parsed.xml).toContain(content);
      const part = fetched.message?.attachments.get("Ü b.bin");
      expect(await collect(part?.raw() ?? expect.fail(), 1_000)).toEqual(bytes);
      const again = bed.client("sender");
      expect((await bed.store(again, { messageId: done })).codes).toEqual(["9801"]);
      expect((await bed.store(again, { messageId: issued })).codes).toEqual(["0800"]);
      expect(readdirSync(path.join(stateDir, "work"))).toEqual([]);
    } finally {
      rmSync(stateDir, { recursive: true, force: true });
    }
  });
});
