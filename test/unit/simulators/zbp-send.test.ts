import { Agent, request } from "node:https";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Wrong } from "../../../fixtures/simulators/zbp/client.ts";
import { createPki } from "../../../fixtures/simulators/pki/index.ts";
import { issueToken, signerOf } from "../../../fixtures/simulators/zbp/legacy-wire.ts";
import { letter, mailboxUuid, openStage, pdf } from "./zbp-stage.ts";
import type { Stage } from "./zbp-stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const code = (json: unknown) =>
  typeof json === "object" && json !== null && "code" in json ? json.code : undefined;

describe("a letter over the wire", () => {
  it("is stored with every field and the very bytes of its files", async () => {
    const text = { filename: "hinweis.txt", mediaType: "text/plain", bytes: Buffer.from("Grüße") };
    const full = {
      ...letter,
      senderUrl: "https://beispielhausen.example/bauamt",
      reference: "mxgw:voll",
      replyAddress: "bauamt@beispielhausen.example",
      retrievalConfirmationAddress: "ack+01JABC.mac@gw.example",
      applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
      routingInfo: "mxgw1.01JABC.mac",
      attachments: [pdf, text],
    };
    const { status, json } = await stage.sender.sendLetter(full);
    expect(status).toBe(200);
    const [stored] = stage.simulator.state.lettersWith("mxgw:voll");
    expect(json).toEqual({ id: stored?.id, receivedAt: stored?.receivedAt });
    const { level, attachments: _files, ...fields } = full;
    expect(stored?.letter).toMatchObject({ ...fields, stork_qaa_level: level });
    expect(stored?.signer).toBe("Stadt Beispielhausen");
    expect(JSON.parse(stored?.signedContent ?? "")).toEqual(stored?.letter);
    const bytes = stored?.attachments.map((one) => stage.simulator.attachmentBytes(one));
    expect(bytes).toEqual([pdf.bytes, text.bytes]);
    expect(stored?.attachments.map(({ mediaType }) => mediaType)).toEqual([
      "application/pdf",
      "text/plain",
    ]);
  });

  it("is stored again when it is sent again: there is no idempotency", async () => {
    const first = await stage.sender.sendLetter({ ...letter, reference: "doppelt" });
    const second = await stage.sender.sendLetter({ ...letter, reference: "doppelt" });
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(stage.simulator.countByReference("doppelt")).toBe(2);
    expect(stage.simulator.state.doubledReferences).toContainEqual({
      reference: "doppelt",
      count: 2,
    });
  });

  it("keeps the order of arrival", async () => {
    const references = ["a", "b", "c", "d"].map((name) => `folge-${name}`);
    for (const reference of references) await stage.sender.sendLetter({ ...letter, reference });
    const arrived = stage.simulator.letters().flatMap(({ letter: one }) => one.reference ?? []);
    expect(arrived.filter((reference) => reference.startsWith("folge-"))).toEqual(references);
  });

  const wrongs: readonly (readonly [Wrong, number, string])[] = [
    ["badSignature", 403, "SIGNATURE"],
    ["expiredToken", 401, "TOKEN_EXPIRED"],
    ["wrongCn", 401, "SIGNER_UNKNOWN"],
    ["digestMismatch", 400, "ATTACHMENT_DIGEST"],
    ["missingFile", 400, "ATTACHMENT_MISSING"],
    ["extraFile", 400, "ATTACHMENT_UNDECLARED"],
    ["oversize", 413, "ATTACHMENT_TOO_LARGE"],
  ];
  it.each(wrongs)("with %s is refused with %i %s and not stored", async (wrong, status, reason) => {
    const before = stage.simulator.letters().length;
    const reaction = await stage.sender.sendLetter({ ...letter, attachments: [pdf] }, { wrong });
    expect([reaction.status, code(reaction.json)]).toEqual([status, reason]);
    expect(reaction.json).toMatchObject({ retryable: false, message: expect.any(String) });
    expect(stage.simulator.letters().length).toBe(before);
    expect(stage.simulator.observations.refusals.at(-1)).toMatchObject({ status, code: reason });
  });

  it("without a client certificate does not get past the handshake", async () => {
    await expect(stage.sender.sendLetter(letter, { wrong: "noClientCert" })).rejects.toThrow();
    await expect
      .poll(() => stage.simulator.observations.refusals.at(-1)?.code)
      .toBe("TLS_HANDSHAKE");
  });

  it("to a mailbox that never was is 404, to a deleted one 410", async () => {
    const unknown = "99999999-2222-4333-8444-555555555555";
    const missing = await stage.sender.sendLetter({ ...letter, mailboxUuid: unknown });
    expect([missing.status, code(missing.json)]).toEqual([404, "MAILBOX_UNKNOWN"]);
    const { uuid } = stage.simulator.createMailbox();
    stage.simulator.deleteMailbox(uuid);
    const deleted = await stage.sender.sendLetter({ ...letter, mailboxUuid: uuid });
    expect([deleted.status, code(deleted.json)]).toEqual([410, "MAILBOX_DELETED"]);
  });

  it("of more than any letter can have is refused, and the sender reads why", async () => {
    const bytes = Buffer.alloc(17_000_000, 0x61);
    const reaction = await stage.sender.sendLetter({
      ...letter,
      attachments: [{ filename: "a.txt", mediaType: "text/plain", bytes }],
    });
    expect([reaction.status, code(reaction.json)]).toEqual([413, "REQUEST_TOO_LARGE"]);
  });

  it("with a media type off table 9005, or a file ending that does not fit, is 415", async () => {
    const docx = { ...pdf, filename: "a.docx", mediaType: "application/msword" };
    const office = await stage.sender.sendLetter({ ...letter, attachments: [docx] });
    expect([office.status, code(office.json)]).toEqual([415, "MEDIA_TYPE"]);
    const renamed = { ...pdf, filename: "bild.png" };
    const ending = await stage.sender.sendLetter({ ...letter, attachments: [renamed] });
    expect([ending.status, code(ending.json)]).toEqual([415, "FILE_ENDING"]);
  });

  it("takes exactly 2,000,000 bytes per file and 1,000,000 bytes of text", async () => {
    const bytes = Buffer.alloc(2_000_000, 0x61);
    const content = `${"ä".repeat(499_999)}ok`;
    const attachments = [{ filename: "a.txt", mediaType: "text/plain", bytes }];
    expect((await stage.sender.sendLetter({ ...letter, content, attachments })).status).toBe(200);
    const more = await stage.sender.sendLetter({ ...letter, content: `${content}x` });
    expect([more.status, code(more.json)]).toEqual([413, "CONTENT_TOO_LARGE"]);
  });

  it("with six files is 413, with five it passes", async () => {
    const attachments = [1, 2, 3, 4, 5, 6].map((n) => ({ ...pdf, filename: `${n}.pdf` }));
    const six = await stage.sender.sendLetter({ ...letter, attachments });
    expect([six.status, code(six.json)]).toEqual([413, "TOO_MANY_ATTACHMENTS"]);
    const five = await stage.sender.sendLetter({ ...letter, attachments: attachments.slice(1) });
    expect(five.status).toBe(200);
  });

  it("with forbidden HTML is 422", async () => {
    const content = "<p>Hallo <script>alert(1)</script></p>";
    const reaction = await stage.sender.sendLetter({ ...letter, content });
    expect([reaction.status, code(reaction.json)]).toEqual([422, "HTML_TAG"]);
  });
});

describe("the order of the checks", () => {
  const { level, ...fields } = letter;
  const members = { ...fields, stork_qaa_level: level };
  const unknown = "99999999-2222-4333-8444-555555555555";

  it("is: fields, files, HTML, mailbox", async () => {
    const html = { ...members, mailboxUuid: unknown, content: "<script>" };
    expect(code((await stage.sender.sendRaw({ ...html, more: 1 }, [pdf])).json)).toBe("SCHEMA");
    expect(code((await stage.sender.sendRaw(html, [pdf])).json)).toBe("ATTACHMENT_UNDECLARED");
    expect(code((await stage.sender.sendRaw(html)).json)).toBe("HTML_TAG");
    const text = { ...html, content: "Text" };
    expect(code((await stage.sender.sendRaw(text)).json)).toBe("MAILBOX_UNKNOWN");
  });

  it("begins with the token: without one the body is not looked at", async () => {
    const agent = new Agent({
      ...{ ca: stage.pki.ca.certPem, cert: stage.city.certPem, key: stage.city.keyPem },
    });
    const url = `${stage.simulator.url}/v6/mailbox/messages`;
    const status = await new Promise((resolve, reject) => {
      request(url, { agent, method: "PUT" }, (incoming) => {
        incoming.resume().on("end", () => resolve(incoming.statusCode));
      })
        .on("error", reject)
        .end("kein multipart");
    });
    expect(status).toBe(401);
    expect(stage.simulator.observations.refusals.at(-1)?.code).toBe("TOKEN_MISSING");
    agent.destroy();
  });

  it("ends before it begins, when the sender goes away in the middle of a letter", async () => {
    const before = stage.simulator.letters().length;
    const outgoing = request(`${stage.simulator.url}/v6/mailbox/messages`, {
      ...{ ca: stage.pki.ca.certPem, cert: stage.city.certPem, key: stage.city.keyPem },
      method: "PUT",
      headers: { "Content-Length": "1000" },
    });
    outgoing.on("error", () => undefined);
    outgoing.write("--grenze", () => outgoing.destroy());
    await expect.poll(() => stage.simulator.observations.refusals.at(-1)?.code).toBe("ABORTED");
    expect(stage.simulator.letters().length).toBe(before);
  });
});

describe("who may send", () => {
  it("a relay hands in what the authority signed; an unregistered certificate does not", async () => {
    const relay = await stage.pki.issue({ cn: "FIT-Connect Adapter" });
    const viaRelay = stage.senderOf(stage.city, { relay });
    const stranger = await viaRelay.sendLetter(letter);
    expect([stranger.status, code(stranger.json)]).toEqual([403, "CLIENT_CERTIFICATE_UNKNOWN"]);
    stage.simulator.register(relay.certPem, "relay");
    const carried = await viaRelay.sendLetter({ ...letter, reference: "getragen" });
    expect(carried.status).toBe(200);
    expect(stage.simulator.state.lettersWith("getragen")[0]).toMatchObject({
      signer: "Stadt Beispielhausen",
      relay: "FIT-Connect Adapter",
    });
  });

  it("a sender does not carry another one's letters", async () => {
    const county = await stage.pki.issue({ cn: "Kreis Musterland" });
    stage.simulator.register(county.certPem);
    const reaction = await stage.senderOf(stage.city, { relay: county }).sendLetter(letter);
    expect([reaction.status, code(reaction.json)]).toEqual([403, "SIGNER_MISMATCH"]);
  });

  it("a certificate with the right name, but not the registered one, is unknown", async () => {
    const twin = await stage.pki.issue({ cn: "Stadt Beispielhausen" });
    const reaction = await stage.senderOf(twin).sendLetter(letter);
    expect([reaction.status, code(reaction.json)]).toEqual([403, "CLIENT_CERTIFICATE_UNKNOWN"]);
    const signedByTwin = stage.senderOf(twin, { relay: stage.city });
    const forged = await signedByTwin.sendLetter(letter);
    expect([forged.status, code(forged.json)]).toEqual([401, "TOKEN_SIGNATURE"]);
  });

  it("a certificate of another CA does not get past the handshake", async () => {
    const foreign = await (await createPki({ name: "Fremde CA" })).issue({ cn: "Stadt Anderswo" });
    stage.simulator.register(foreign.certPem);
    await expect(stage.senderOf(foreign).sendLetter(letter)).rejects.toThrow();
  });

  it("an expired certificate neither connects nor signs", async () => {
    const old = await stage.pki.issueExpired({ cn: "Amt von gestern" });
    stage.simulator.register(old.certPem);
    await expect(stage.senderOf(old).sendLetter(letter)).rejects.toThrow();
    const relay = await stage.pki.issue({ cn: "Relay 2" });
    stage.simulator.register(relay.certPem, "relay");
    const reaction = await stage.senderOf(old, { relay }).sendLetter(letter);
    expect([reaction.status, code(reaction.json)]).toEqual([401, "TOKEN_SIGNATURE"]);
  });

  it("answers 401 and 403 instead, when the handshake lets everybody in", async () => {
    const open = await openStage({ clientAuth: "http" });
    const missing = await open.sender.sendLetter(letter, { wrong: "noClientCert" });
    expect([missing.status, code(missing.json)]).toEqual([401, "CLIENT_CERTIFICATE_MISSING"]);
    const foreign = await (await createPki({ name: "Fremde CA" })).issue({ cn: "Stadt Anderswo" });
    open.simulator.register(foreign.certPem);
    const unknown = await open.senderOf(foreign).sendLetter(letter);
    expect([unknown.status, code(unknown.json)]).toEqual([403, "CLIENT_CERTIFICATE_UNKNOWN"]);
    expect((await open.sender.sendLetter(letter)).status).toBe(200);
    await open.close();
  });

  it("knows the caller on a resumed TLS session too", async () => {
    const agent = new Agent({
      ca: stage.pki.ca.certPem,
      cert: stage.city.certPem,
      key: stage.city.keyPem,
    });
    const url = `${stage.simulator.url}/v6/mailbox/replies`;
    const visit = () =>
      new Promise<{ status: number | undefined; reused: boolean }>((resolve, reject) => {
        const headers = { Authorization: `Bearer ${issueToken(signerOf(stage.city), new Date())}` };
        const outgoing = request(url, { agent, headers }, (incoming) => {
          const reused = (incoming.socket as TLSSocket).isSessionReused();
          incoming.resume().on("end", () => resolve({ status: incoming.statusCode, reused }));
        });
        outgoing.on("error", reject).end();
      });
    expect(await visit()).toEqual({ status: 200, reused: false });
    expect(await visit()).toEqual({ status: 200, reused: true });
    agent.destroy();
  });
});

describe("the other calls of a sender", () => {
  it("probe says whether a mailbox is there", async () => {
    expect((await stage.sender.probe(mailboxUuid)).json).toEqual({
      acceptsMessages: true,
      replySupported: true,
    });
    const missing = await stage.sender.probe("99999999-2222-4333-8444-555555555555");
    expect([missing.status, code(missing.json)]).toEqual([404, "MAILBOX_UNKNOWN"]);
  });

  it("find shows own letters only, and can be missing", async () => {
    const county = await stage.pki.issue({ cn: "Kreis Nebenan" });
    stage.simulator.register(county.certPem);
    const sent = await stage.sender.sendLetter({ ...letter, reference: "such & find" });
    const found = await stage.sender.findLetters("such & find");
    expect(found.json).toEqual({
      messages: [{ ...(sent.json as object), reference: "such & find" }],
    });
    const other = await stage.senderOf(county).findLetters("such & find");
    expect(other.json).toEqual({ messages: [] });
    stage.simulator.setFeatures({ find: false, probe: false });
    const off = await stage.sender.findLetters("such & find");
    expect([off.status, code(off.json)]).toEqual([404, "ROUTE_UNKNOWN"]);
    expect(code((await stage.sender.probe(mailboxUuid)).json)).toBe("ROUTE_UNKNOWN");
    stage.simulator.setFeatures({ find: true, probe: true });
  });

  it("an application state is signed like a letter", async () => {
    const state = {
      applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
      status: "PROCESSING",
      publicServiceName: { de: "Bauvoranfrage", en: "Building enquiry" },
      senderName: "Bauamt",
      statusDetails: { de: "Prüfung läuft" },
      createdDate: "2026-02-28T12:00:00.000Z",
    } as const;
    const { status, json } = await stage.sender.sendState(state);
    expect([status, json]).toEqual([200, {}]);
    expect(stage.simulator.state.states.at(-1)?.state).toEqual(state);
    const wrong = { ...state, createdDate: "2026-02-30T12:00:00.000Z" };
    expect(code((await stage.sender.sendState(wrong)).json)).toBe("SCHEMA");
  });

  it("an unknown path is 404, a wrong method 405", async () => {
    const unknown = await stage.sender.call("GET", "/v5/mailbox/messages");
    expect([unknown.status, code(unknown.json)]).toEqual([404, "ROUTE_UNKNOWN"]);
    const method = await stage.sender.call("DELETE", "/v6/mailbox/messages");
    expect([method.status, code(method.json)]).toEqual([405, "METHOD"]);
  });
});
