import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { renderNachricht } from "../../../fixtures/simulators/postkorb/index.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import { newId } from "../../../src/model/id.ts";
import {
  attach,
  AUTHORITY_MAILBOX,
  blobOf,
  ENTITY,
  letters,
  letterTo,
  MAILBOX,
  makeKeys,
  never,
  openServerBench,
  PDF,
  startNode,
} from "./bench.ts";
import type { Keys, ServerBench, Wish } from "./bench.ts";
import { useXmllint } from "../../support/services/index.ts";

const xmllint = await useXmllint();

let keys: Keys;
let bench: ServerBench;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
afterEach(() => bench.stop());
const open = async (wish: Wish = {}, options = {}) =>
  (bench = await openServerBench(keys, wish, options));

const WITH_MAILBOX = `<PostkorbId>${AUTHORITY_MAILBOX}</PostkorbId><Verfahren>OK.BAU</Verfahren><Dienst>Bauvoranfrage</Dienst><Mandant>Stadt Beispielhausen</Mandant>`;
const pdf = { name: "hinweis.pdf", type: "application/pdf", bytes: PDF };
const xsd = fileURLToPath(
  new URL("../../../bridges/fink/wsdl/bspnachrichten.xsd", import.meta.url),
);

describe("a letter of a legacy authority", () => {
  it("arrives whole, with a receipt that its schema allows", async () => {
    await open();
    const document = renderNachricht({
      mailbox: MAILBOX,
      sender: WITH_MAILBOX,
      subject: "Nachforderung &amp; Frist",
      text: "Guten Tag,\\nC:\\\\neu\nEnde &lt;3",
      case: "<ZuVorgang><VorgangsName>Antrag</VorgangsName><VorgangsId>AZ 7</VorgangsId><VorgangStatus><Tabelle>9003</Tabelle><Schluessel>ST_GELESEN</Schluessel></VorgangStatus></ZuVorgang>",
      files: [pdf, { type: "text/plain", bytes: Buffer.from("ohne Namen") }],
    });
    const answer = await bench.authority.sendNative(document);
    expect(answer).toMatchObject({ status: 200, accepted: true, code: "0" });
    const file = path.join(keys.folder, "quittung.xml");
    writeFileSync(file, answer.receipt ?? "");
    if (xmllint.available) await xmllint.run("--nonet", "--noout", "--schema", xsd, file);
    const [kept] = letters(bench.state);
    expect(kept?.state).toBe("pending");
    expect(kept?.message).toMatchObject({
      from: { address: `${ENTITY}|${AUTHORITY_MAILBOX}`, name: "Stadt Beispielhausen" },
      to: [{ address: MAILBOX, role: "citizen" }],
      subject: "Nachforderung & Frist",
      text: "Guten Tag,\nC:\\neu\nEnde <3",
      level: 3,
      replyPolicy: "possible",
      sentAt: new Date("2026-11-20T08:00:00Z"),
      case: { reference: "AZ 7" },
      details: [
        { label: "Dienst", value: "Bauvoranfrage" },
        { label: "Verfahren", value: "OK.BAU" },
        { label: "Vorgang", value: "Antrag" },
      ],
    });
    const files = kept?.message.attachments ?? [];
    expect(files.map(({ name, mediaType }) => [name, mediaType])).toEqual([
      ["hinweis.pdf", "application/pdf"],
      ["Anlage-2.txt", "text/plain"],
    ]);
    expect(blobOf(bench.state, files[0]?.blob.digest).equals(PDF)).toBe(true);
    expect(blobOf(bench.state, kept?.message.original?.digest).toString()).toContain(
      "soapenv:Envelope",
    );
    expect(answer.hints).toContain(kept?.message.id);
  });

  it.for(["1.1", "1.2", "1.3", "1.4", "1.5"])("is read in version %s", async (version) => {
    await open();
    for (const issue of ["2017-03-15", "2019-06-28"]) {
      const wish = { mailbox: MAILBOX, version, issue, subject: issue };
      expect((await bench.authority.sendNative(renderNachricht(wish))).code).toBe("0");
    }
    expect(letters(bench.state)).toHaveLength(2);
  });

  it.for([
    ["<StorkQaaLevel>STORK-QAA-Level-1</StorkQaaLevel>", 1],
    ["<StorkQaaLevel>LEVEL_2</StorkQaaLevel>", 2],
    ["<StorkQaaLevel>LEVEL_9</StorkQaaLevel>", 4],
    ["<NpaGescheutzt>true</NpaGescheutzt>", 4],
    ["", 4],
  ] as const)("%s asks for level %i", async ([level, expected]) => {
    await open();
    await bench.authority.sendNative(renderNachricht({ mailbox: MAILBOX, level }));
    expect(letters(bench.state)[0]?.message.level).toBe(expected);
  });

  it("is taken as CDATA, with a declaration of another encoding, and through OK.KOMM", async () => {
    await open();
    const declared = `<?xml version="1.0" encoding="utf-16"?>\n${renderNachricht({ mailbox: MAILBOX, subject: "ä" })}`;
    expect((await bench.authority.sendNative(declared, "cdata")).code).toBe("0");
    const okkomm = renderNachricht({ mailbox: MAILBOX, subject: "ö", files: [pdf] });
    const answer = await bench.authority.sendOkkomm(okkomm);
    expect([answer.code, answer.accepted]).toEqual(["0", true]);
    expect(letters(bench.state).map(({ message }) => message.subject)).toEqual(["ä", "ö"]);
  });

  it("is the same letter when it comes again, rendered anew or not, and another when it differs", async () => {
    await open();
    const send = (more: object) =>
      bench.authority.sendNative(renderNachricht({ mailbox: MAILBOX, files: [pdf], ...more }));
    const first = await send({});
    const again = await send({ createdAt: "2026-11-20T10:00:00+01:00", version: "1.4" });
    expect([again.code, again.hints]).toEqual(["0", first.hints]);
    expect((await send({ subject: "Anderes" })).hints).not.toBe(first.hints);
    // An id that is no UUID may be used for many letters: the time tells them apart.
    await send({ id: "1", subject: "Monatsbrief" });
    await send({ id: "1", subject: "Monatsbrief", createdAt: "2026-12-20T10:00:00+01:00" });
    expect(letters(bench.state)).toHaveLength(4);
  });

  it("shows allowed formatting and keeps a case in one conversation", async () => {
    await open();
    const reference =
      "<ZuVorgang><VorgangsName>A</VorgangsName><VorgangsId>7</VorgangsId></ZuVorgang>";
    const send = (text: string, encoding: string) =>
      bench.authority.sendNative(
        renderNachricht({ mailbox: MAILBOX, id: newId(), case: reference, encoding, text }),
      );
    await send("&lt;p>Bitte &lt;b>heute&lt;/b>&lt;/p>", "text/html");
    await send("nur Text", "text/plain");
    const [html, plain] = letters(bench.state).map(({ message }) => message);
    expect([html?.html, html?.text]).toEqual(["<p>Bitte <b>heute</b></p>", "Bitte heute"]);
    expect(plain?.html).toBeUndefined();
    expect(plain?.conversation).toBe(html?.conversation);
  });

  it("cannot be answered without a mailbox of its sender", async () => {
    await open();
    await bench.authority.sendNative(renderNachricht({ mailbox: MAILBOX }));
    const [kept] = letters(bench.state);
    expect([kept?.message.replyPolicy, kept?.message.from.address]).toEqual([
      "forbidden",
      "authority:bauamt",
    ]);
  });
});

describe("the receipt", () => {
  it.each([
    ["could not be", new Error("the database is gone")],
    ["may not be in this phase", new GatewayError("NOT_ALLOWED", "phase drain takes nothing")],
  ])("comes only after the letter is committed, and says so when it %s", async (_, fault) => {
    let broken = true;
    await open(
      {},
      {
        beforeAccept: () => {
          if (broken) throw fault;
        },
      },
    );
    const document = renderNachricht({ mailbox: MAILBOX });
    const refused = await bench.authority.sendNative(document);
    expect([refused.status, refused.faultCode, refused.accepted]).toEqual([
      500,
      "BSP1999",
      undefined,
    ]);
    expect(refused.body).not.toContain(fault.message);
    broken = false;
    expect((await bench.authority.sendNative(document)).code).toBe("0");
    expect(letters(bench.state)).toHaveLength(1);
  });
  it("is refused for now when too many letters are being taken", async () => {
    const release = Promise.withResolvers<undefined>();
    let waiting = 0;
    const full = Promise.withResolvers<undefined>();
    await open(
      {},
      {
        beforeAccept: async () => {
          if ((waiting += 1) === 4) full.resolve(undefined);
          await release.promise;
        },
      },
    );
    const send = () =>
      bench.authority.sendNative(renderNachricht({ mailbox: MAILBOX, id: newId() }));
    const taken = [send(), send(), send(), send()];
    await full.promise;
    const refused = await send();
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
    release.resolve(undefined);
    expect((await Promise.all(taken)).map(({ code }) => code)).toEqual(["0", "0", "0", "0"]);
  });
  it("is 30 for a mailbox that nobody reads", async () => {
    await open();
    const answer = await bench.authority.sendNative(
      renderNachricht({ mailbox: AUTHORITY_MAILBOX }),
    );
    expect([answer.accepted, answer.code, letters(bench.state).length]).toEqual([false, "30", 0]);
  });
  it("of a held letter is 99 until somebody reads the mailbox, then 0", async () => {
    await open({ more: { unlinked: "hold" } });
    const document = renderNachricht({ mailbox: AUTHORITY_MAILBOX });
    expect((await bench.authority.sendNative(document)).code).toBe("99");
    const [kept] = letters(bench.state);
    expect([kept?.state, kept?.hold?.code]).toEqual(["held", "RECIPIENT_UNLINKED"]);
    expect((await bench.authority.sendNative(document)).code).toBe("99");
    bench.state.settle(kept?.message.id ?? "", "pending");
    expect((await bench.authority.sendNative(document)).code).toBe("0");
    expect(letters(bench.state)).toHaveLength(1);
  });
  it.for([
    ["quittung", 200, undefined, "31"],
    ["fault", 500, "BSP1031", undefined],
    ["both", 500, "BSP1031", "31"],
  ] as const)("can say no as %s", async ([refusal, status, faultCode, code]) => {
    const profile = path.join(keys.folder, `${refusal}.yaml`);
    writeFileSync(profile, `extends: bsp-2.13\nrefusal: ${refusal}\n`);
    await open({ more: { profile: `file:${profile}` } });
    const bad = renderNachricht({ mailbox: MAILBOX, text: "http://a.example" });
    const answer = await bench.authority.sendNative(bad);
    expect([answer.status, answer.faultCode, answer.code]).toEqual([status, faultCode, code]);
  });
});

describe("an answer", () => {
  it("of a citizen goes to the mailbox of the authority", async () => {
    const node = await startNode(keys);
    await open({ node: node.url });
    await bench.authority.sendNative(renderNachricht({ mailbox: MAILBOX, sender: WITH_MAILBOX }));
    const received = letters(bench.state)[0]?.message;
    const file = await attach(bench, "foto.pdf", "application/pdf", PDF);
    const answer = letterTo(received?.from.address ?? "", {
      from: { address: MAILBOX, role: "citizen" },
      inReplyTo: received?.id ?? "",
      subject: "",
      attachments: [file],
    });
    await bench.bridge.deliver(answer, answer.id, never);
    expect(node.letters[0]).toMatchObject({
      mailbox: AUTHORITY_MAILBOX,
      answerTo: "3f0c0d5e-0000-4000-8000-000000000001",
      subject: "Re: Nachforderung",
      sender: { PostkorbId: MAILBOX, Dienst: "Bauvoranfrage", Mandant: "Stadt Beispielhausen" },
    });
    await node.close();
  });
  it("to a letter of ours joins its conversation, but only from the mailbox that had it", async () => {
    await open();
    const asked = letterTo(`${ENTITY}|${AUTHORITY_MAILBOX}`, {
      from: { address: MAILBOX, role: "citizen" },
    });
    bench.state.add(asked);
    const send = (sender: string) =>
      bench.authority.sendNative(
        renderNachricht({ mailbox: MAILBOX, id: newId(), sender, answerTo: asked.id }),
      );
    await send(WITH_MAILBOX);
    await send(WITH_MAILBOX.replace(AUTHORITY_MAILBOX, "cccccccc-2222-4333-8444-555555555555"));
    expect(
      letters(bench.state).map(({ message }) => [
        message.inReplyTo === asked.id,
        message.conversation === asked.conversation,
      ]),
    ).toEqual([
      [true, true],
      [false, false],
    ]);
  });
});
