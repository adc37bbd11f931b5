/** The simulator against recordings of the reference implementation: what that wrote must be read, checked and answered. */
import { createPrivateKey } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  bufferSource,
  collect,
  fileSource,
} from "../../../fixtures/simulators/osci-intermediary/bytes.ts";
import { X509Certificate } from "../../../fixtures/simulators/osci-intermediary/certificates.ts";
import { feedbackText } from "../../../fixtures/simulators/osci-intermediary/codes.ts";
import { composeFault } from "../../../fixtures/simulators/osci-intermediary/compose.ts";
import { openContent } from "../../../fixtures/simulators/osci-intermediary/content.ts";
import { readMessage, readRaw } from "../../../fixtures/simulators/osci-intermediary/envelope.ts";
import { verifyTransport } from "../../../fixtures/simulators/osci-intermediary/signature.ts";
import {
  encryptedBodyOf,
  openTransport,
} from "../../../fixtures/simulators/osci-intermediary/transport-encryption.ts";
import { HAS_RECORDINGS, RECORDINGS } from "./support.ts";
import { useIntermediary } from "./intermediary-support.ts";

const bed = useIntermediary();
const keyFile = (name: string) => readFileSync(path.join(RECORDINGS, "keys", name), "utf8");
const keyOf = (name: string) => ({
  certPem: keyFile(`${name}.cert.pem`),
  keyPem: keyFile(`${name}.key.pem`),
});
const cipherKey = (name: string) => ({
  certificate: new X509Certificate(keyFile(`${name}.cert.pem`)),
  key: createPrivateKey(keyFile(`${name}.key.pem`)),
});
const folders = HAS_RECORDINGS
  ? readdirSync(RECORDINGS).filter((name) => /^[a-z]-/.test(name))
  : [];
const files = (ending: RegExp) =>
  folders.flatMap((folder) =>
    readdirSync(path.join(RECORDINGS, folder))
      .filter((name) => ending.test(name))
      .map((name) => path.join(folder, name)),
  );

describe.skipIf(!HAS_RECORDINGS)("recordings of the reference implementation", () => {
  const work = mkdtempSync(path.join(tmpdir(), "intermediary-recordings-"));
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  it("are there in number", () => {
    expect(files(/\.inner\.mime$/).length).toBeGreaterThan(40);
  });

  it.each(files(/\.inner\.mime$/))("%s verifies", async (name) => {
    const message = await readMessage(path.join(RECORDINGS, name));
    const role = message.type.startsWith("ResponseTo") ? "Intermediary" : "Originator";
    const verified = await verifyTransport(message, `SignatureCertificate${role}`);
    expect(verified?.algorithm).toBe("rsa-sha256");
    expect(message.type).toBe(/\d+-(\w+)\./.exec(name)?.[1]);
  });

  it.each(
    files(/\.outer\.mime$/).filter((name) =>
      existsSync(path.join(RECORDINGS, name.replace("outer", "inner"))),
    ),
  )("%s opens to its inner message", async (name) => {
    const file = path.join(RECORDINGS, name);
    const { mime, parsed } = await readRaw(file);
    const body = encryptedBodyOf(parsed.root) ?? expect.fail();
    const opened = path.join(work, "inner");
    const owner = parsed.xml.includes(base64Start("manager_enc"))
      ? "manager_enc"
      : ["originator_enc", "recipient_enc"].find((one) => parsed.xml.includes(base64Start(one)));
    await openTransport(body, mime, cipherKey(owner ?? ""), opened, false);
    expect(readFileSync(opened)).toEqual(
      readFileSync(path.join(RECORDINGS, name.replace("outer", "inner"))),
    );
  });

  it("of an EGVP delivery open for their reader, attachment included", async () => {
    const name = path.join(RECORDINGS, "i-egvp-shape", "04-ResponseToFetchDelivery.inner.mime");
    const { containers, closed } = await openContent(
      await readMessage(name),
      cipherKey("recipient_enc"),
    );
    expect(containers.map(({ id }) => id).sort()).toEqual(["govello_coco", "project_coco"]);
    expect(closed).toBe(0);
    const documents = containers.flatMap((container) => container.documents.map(({ id }) => id));
    expect(documents).toContain("additional_infos");
    const [file] = containers.flatMap((container) => container.files);
    expect(file?.cid).toBe("Übersicht ä.pdf");
    expect(await file?.bytes()).toHaveLength(41 - 12 - 16);
    const other = await openContent(await readMessage(name), cipherKey("reader_enc"));
    expect([other.containers, other.closed]).toEqual([[], 2]);
  });

  it.each(["9100", "9400", "9503"])("of a fault are what we write: %s", async (code) => {
    const recorded = readFileSync(path.join(RECORDINGS, "j-faults", `01-SOAPFault-${code}.mime`));
    const [, text = ""] = /<faultstring>(.*)<\/faultstring>/.exec(recorded.toString()) ?? [];
    expect(await collect(composeFault(code, text, code === "9503"), 10_000)).toEqual(recorded);
    expect(feedbackText(code)).not.toContain("Rückmeldung");
  });

  it("of requests are answered: ids and dialogs yes, replays no", async () => {
    const options = { cipher: keyOf("manager_enc"), signature: keyOf("manager_sig") };
    const intermediary = await bed.start(options);
    const signature = keyOf("originator_sig");
    const sender = bed.client("sender", { cipher: keyOf("originator_enc"), signature });
    const recipient = bed.client("sender", { cipher: keyOf("recipient_enc"), signature });
    const send = (client: typeof sender, folder: string, name: string) =>
      client.post(bufferSource(readFileSync(path.join(RECORDINGS, folder, `${name}.outer.mime`))));
    for (const folder of ["a-default", "c-iv16", "i-egvp-shape"]) {
      expect((await send(sender, folder, "01-GetMessageId")).codes).toEqual(["0800"]);
      expect((await send(sender, folder, "02-StoreDelivery")).codes).toEqual(["9801"]);
      expect((await send(recipient, folder, "03-InitDialog")).codes).toEqual(["0801"]);
      for (const later of ["04-FetchDelivery", "05-FetchProcessCard", "06-ExitDialog"])
        expect((await send(recipient, folder, later)).fault).toBe("9400");
    }
    expect(intermediary.deliveries()).toEqual([]);
    const plain = await send(sender, "f-plain-unsigned", "01-GetMessageId");
    expect(plain.fault).toBe("9100");
    const open = await bed.start({ ...options, allow: { plain: true, unsigned: true } });
    const bare = bed.client("sender", { plain: true, unsigned: true });
    expect((await send(bare, "f-plain-unsigned", "01-GetMessageId")).codes).toEqual(["0800"]);
    expect(open.state.issuedCount).toBe(1);
  });

  it("of a delivery keep its parts where they are in the file", async () => {
    const file = path.join(RECORDINGS, "a-default", "02-StoreDelivery.inner.mime");
    const message = await readMessage(file);
    const part = message.attachments.get("test.txt") ?? expect.fail();
    const bytes = await collect(fileSource(file, part.start, part.length), 1_000);
    expect(bytes.toString()).toBe("plain attachment bytes\r\n--not a boundary\r\n");
  });
});

/** The certificate as it stands in a message, as far as its first line. */
function base64Start(name: string): string {
  const lines = keyFile(`${name}.cert.pem`).split("\n").slice(1, -2).join("");
  return lines.slice(76 * 4, 76 * 5);
}
