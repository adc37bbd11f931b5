import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { createPki } from "../../../fixtures/simulators/pki/index.ts";
import type { Identity, Pki } from "../../../fixtures/simulators/pki/index.ts";
import { openMailListener } from "../../../src/guard/mail.ts";
import type { MailListener, MailListenerOptions, ReceivedMail } from "../../../src/guard/mail.ts";
import { MailError, sendMail } from "../../../src/guard/mail-send.ts";
import type { OutgoingMail } from "../../../src/guard/mail-send.ts";
import { readMailText } from "../../../src/guard/mail-text.ts";

let pki: Pki;
let server: Identity;
beforeAll(async () => {
  pki = await createPki();
  server = await pki.issue({ cn: "127.0.0.1", kind: "server" });
});

let listener: MailListener | undefined;
afterEach(async () => {
  await listener?.close(10);
  listener = undefined;
});
async function listen(more: Partial<MailListenerOptions> = {}): Promise<ReceivedMail[]> {
  const got: ReceivedMail[] = [];
  listener = await openMailListener({
    host: "127.0.0.1",
    port: 0,
    domain: "gw.example",
    knows: (local) => local.startsWith("ack+"),
    receive: async (mail) => void got.push(mail),
    onError: () => undefined,
    ...more,
  });
  return got;
}
function target() {
  return { host: "127.0.0.1", port: listener?.port ?? 0, tls: "none", timeoutMs: 5_000 } as const;
}
const never = new AbortController().signal;
const mail: OutgoingMail = {
  from: "nicht-antworten@amt.example",
  to: "ack+eins@gw.example",
  subject: "Lesebestätigung für Ünal 🏛️",
  text: "Ihre Nachricht wurde geöffnet.",
  messageId: "id-1@amt.example",
  date: new Date("2026-11-20T08:00:00Z"),
};

describe("mail listener and sender", () => {
  it("brings a mail across with everything that counts", async () => {
    const got = await listen();
    await sendMail(target(), mail, never);
    const [received] = got;
    expect(received?.to).toEqual(["ack+eins@gw.example"]);
    expect(received?.from).toBe("nicht-antworten@amt.example");
    expect(readMailText(received?.bytes ?? Buffer.alloc(0))).toMatchObject({
      subject: mail.subject,
      messageId: "id-1@amt.example",
      date: mail.date,
      text: expect.stringContaining("geöffnet"),
    });
  });

  it("streams attachments", async () => {
    const got = await listen();
    const body = Readable.from([Buffer.from("%PDF-1.7 Inhalt")]);
    await sendMail(
      target(),
      { ...mail, attachments: [{ name: "Bescheid ü.pdf", mediaType: "application/pdf", body }] },
      never,
    );
    const text = got[0]?.bytes.toString() ?? "";
    expect(text).toContain(Buffer.from("%PDF-1.7 Inhalt").toString("base64"));
  });

  it("is no relay", async () => {
    const got = await listen();
    await expect(
      sendMail(target(), { ...mail, to: "x@anderswo.example" }, never),
    ).rejects.toMatchObject({ fault: "permanent" });
    await expect(
      sendMail(target(), { ...mail, to: "info@gw.example" }, never),
    ).rejects.toMatchObject({
      fault: "permanent",
    });
    expect(got).toEqual([]);
  });

  it("offers neither log-in nor, without a certificate, STARTTLS", async () => {
    await listen();
    const socket = connect(target().port, "127.0.0.1");
    let said = "";
    socket.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await once(socket, "data");
    socket.write("EHLO test\r\nAUTH PLAIN AGEAYg==\r\nSTARTTLS\r\nQUIT\r\n");
    await once(socket, "close");
    expect(said).not.toMatch(/^250.(AUTH|STARTTLS)/m);
    expect(said.match(/^50\d /gm)).toHaveLength(2);
    await expect(sendMail({ ...target(), tls: "required" }, mail, never)).rejects.toBeInstanceOf(
      MailError,
    );
  });

  it("speaks TLS when it has a certificate", async () => {
    const got = await listen({ tls: { cert: server.certPem, key: server.keyPem } });
    await sendMail({ ...target(), tls: "required", ca: pki.ca.certPem }, mail, never);
    expect(got).toHaveLength(1);
    await expect(sendMail({ ...target(), tls: "required" }, mail, never)).rejects.toBeInstanceOf(
      MailError,
    );
  });

  it("refuses what is too large", async () => {
    const got = await listen({ limits: { maxBytes: 2_000 } });
    await expect(
      sendMail(target(), { ...mail, text: "x".repeat(10_000) }, never),
    ).rejects.toMatchObject({ fault: "permanent" });
    expect(got).toEqual([]);
  });

  it("does not take a mail that could not be kept", async () => {
    const errors: unknown[] = [];
    await listen({
      receive: async () => {
        throw new Error("disk full");
      },
      onError: (error) => void errors.push(error),
    });
    await expect(sendMail(target(), mail, never)).rejects.toMatchObject({ fault: "transient" });
    expect(errors).toHaveLength(1);
  });

  it("calls an unreachable server transient", async () => {
    await listen();
    const there = target();
    await listener?.close(0);
    await expect(sendMail(there, mail, never)).rejects.toMatchObject({ fault: "transient" });
  });

  it("does not send after an abort", async () => {
    const got = await listen();
    await expect(sendMail(target(), mail, AbortSignal.abort())).rejects.toThrow();
    expect(got).toEqual([]);
  });

  it("closes twice", async () => {
    await listen();
    await Promise.all([listener?.close(), listener?.close()]);
  });
});

describe("reading a mail", () => {
  it.each([
    [
      "quoted-printable",
      "Subject: =?utf-8?Q?Postfach_gel=C3=B6scht?=\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nge=C3=B6ff=\r\nnet",
      "Postfach gelöscht",
      "geöffnet",
    ],
    [
      "base64 and latin1",
      `Subject: =?ISO-8859-1?B?${Buffer.from("gelöscht", "latin1").toString("base64")}?=\r\nContent-Type: text/plain; charset="iso-8859-1"\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from("geöffnet", "latin1").toString("base64")}`,
      "gelöscht",
      "geöffnet",
    ],
    ["a folded subject", "Subject: eins\r\n zwei\r\n\r\ntext", "eins zwei", "text"],
    ["words side by side", "Subject: =?utf-8?B?w6Q=?= =?utf-8?B?w7Y=?=\r\n\r\n", "äö", ""],
    [
      "parts",
      'Subject: s\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\nvor\r\n--b\r\nContent-Type: text/plain\r\n\r\neins\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>zwei</p>\r\n--b\r\nContent-Type: application/pdf\r\n\r\ndrei\r\n--b--\r\n',
      "s",
      "eins\r\n\n <p>",
    ],
    ["nothing", "", "", ""],
    [
      "an unknown charset",
      "Subject: s\r\nContent-Type: text/plain; charset=martian\r\n\r\nwort",
      "s",
      "wort",
    ],
  ])("%s", (_what, source, subject, text) => {
    const mailText = readMailText(Buffer.from(source, "utf8"));
    expect(mailText.subject).toBe(subject);
    expect(mailText.text).toContain(text.replace("<p>", ""));
  });
  it("survives nesting and noise", () => {
    const nested = 'Content-Type: multipart/mixed; boundary="a"\r\n\r\n--a\r\n'.repeat(1_000);
    expect(readMailText(Buffer.from(nested)).text.length).toBeLessThan(200_001);
    const noise = Buffer.from(Array.from({ length: 50_000 }, (_, n) => (n * 7) % 256));
    expect(() => readMailText(noise)).not.toThrow();
  });
});
