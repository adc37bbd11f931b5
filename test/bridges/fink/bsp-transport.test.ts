import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Mischief, PostkorbSimulator } from "../../../fixtures/simulators/postkorb/index.ts";
import { parseXml, childElements, textOf } from "../../../src/guard/xml.ts";
import {
  attach,
  blobOf,
  failureOf,
  letterTo,
  makeBridge,
  makeKeys,
  never,
  PDF,
  REMOTE,
  REMOTE_ADDRESS,
  startNode,
} from "./bench.ts";
import type { Bench, Keys, Wish } from "./bench.ts";
import { useXmllint } from "../../support/services/index.ts";

const xmllint = await useXmllint();

let keys: Keys;
let node: PostkorbSimulator;
let bench: Bench;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => {
  node = await startNode(keys);
  bench = makeBridge(keys, { node: node.url });
});
afterEach(async () => {
  await bench.stop();
  await node.close();
});

async function reopen(wish: Wish): Promise<void> {
  await bench.stop();
  bench = makeBridge(keys, { node: node.url, ...wish });
}
const faultCode = (status: string) => (status === "99" ? "BSP1999" : `BSP10${status}`);
const send = (letter = letterTo(REMOTE_ADDRESS)) => bench.bridge.deliver(letter, letter.id, never);

function nachrichtIn(raw: Buffer): string {
  const body = childElements(parseXml(raw, { maxBytes: 40_000_000 }).root).at(-1);
  const child = body && childElements(body)[0] && childElements(childElements(body)[0] as never)[0];
  if (child === undefined) throw new Error("no letter");
  return textOf(child);
}

describe("what a mailbox node gets", () => {
  it("is a letter with every field in its place", async () => {
    const file = await attach(bench, "Bescheid: über/Gebühren?.pdf", "application/pdf", PDF);
    const letter = letterTo(REMOTE_ADDRESS, {
      subject: 'Betreff mit "Anführung" & < Klammer 🏛️',
      text: "Zeile 1\nC:\\neu\\pfad\n]]> & <3 äöü €",
      attachments: [file],
      case: { reference: "AZ 12/34-ä" },
      level: 4,
    });
    const { remoteId, receipt } = await send(letter);
    const [stored] = node.letters;
    expect(stored).toMatchObject({
      operation: "native",
      version: "1.5",
      id: letter.id,
      mailbox: REMOTE,
      subject: letter.subject,
      level: "STORK-QAA-Level-4",
      encoding: "text/plain",
      text: "Zeile 1\\nC:\\\\neu\\\\pfad\\n]]> & <3 äöü €",
      sender: { Dienst: "Bauvoranfrage", Mandant: "Stadt Größe & Söhne" },
      case: { VorgangsName: "Bauvoranfrage", VorgangsId: "AZ 12/34-ä" },
    });
    expect(stored?.files).toEqual([
      { name: "Bescheid_ über_Gebühren_.pdf", type: "application/pdf", bytes: PDF },
    ]);
    expect([remoteId, receipt?.kind]).toEqual([letter.id, "delivered"]);
  });

  it("keeps the receipt as it came, as evidence", async () => {
    const { receipt } = await send();
    const evidence = blobOf(bench.state, receipt?.evidence?.digest).toString();
    expect(evidence).toContain("SOAP-ENV:Envelope");
    expect(evidence).toContain("&lt;AnnahmeErfolgreich&gt;true");
  });

  it.for(["native", "okkomm"] as const)("five full files arrive whole (%s)", async (operation) => {
    await reopen({ soap: { operation } });
    const bytes = Array.from({ length: 5 }, (_, n) =>
      Buffer.concat([PDF, Buffer.alloc(2_000_000 - PDF.length - n, n + 7)]),
    );
    const attachments = [];
    for (const [n, content] of bytes.entries())
      attachments.push(await attach(bench, `${n}.pdf`, "application/pdf", content));
    await send(letterTo(REMOTE_ADDRESS, { attachments }));
    expect(node.letters[0]?.operation).toBe(operation);
    expect(
      node.letters[0]?.files.map((file) => file.bytes.equals(bytes.shift() as Buffer)),
    ).toEqual(Array.from({ length: 5 }, () => true));
  });

  it.skipIf(!xmllint.available)("is valid by our XSD, says xmllint", async () => {
    const attachments = [await attach(bench, "a.pdf", "application/pdf", PDF)];
    await send(letterTo(REMOTE_ADDRESS, { attachments, case: { reference: "1" } }));
    const file = path.join(keys.folder, "nachricht.xml");
    writeFileSync(file, nachrichtIn(node.letters[0]?.raw ?? Buffer.alloc(0)));
    const xsd = fileURLToPath(
      new URL("../../../bridges/fink/wsdl/bspnachrichten.xsd", import.meta.url),
    );
    if (xmllint.available) await xmllint.run("--nonet", "--noout", "--schema", xsd, file);
  });

  it("is plain text by default, and HTML where the operator wants it", async () => {
    const html =
      "<p>Guten Tag, <b>Unterlagen</b> fehlen. <a href='https://a.example/x'>Hier</a></p>";
    const letter = letterTo(REMOTE_ADDRESS, { html, text: "Guten Tag, Unterlagen fehlen." });
    await send(letter);
    await reopen({ soap: { formatting: "html" } });
    await send(letter);
    expect(node.letters.map(({ encoding, text }) => [encoding, text])).toEqual([
      ["text/plain", "Guten Tag, Unterlagen fehlen."],
      [
        "text/html",
        '<p>Guten Tag, <b>Unterlagen</b> fehlen. <a href="https://a.example/x">Hier</a></p>',
      ],
    ]);
  });

  it("is sent as text when the node refuses its HTML and the operator allows it", async () => {
    await reopen({ soap: { formatting: "html-then-text" } });
    node.arm({ kind: "quittung", status: "31" });
    await send(letterTo(REMOTE_ADDRESS, { html: "<p>Guten <b>Tag</b></p>", text: "Guten Tag" }));
    expect(node.letters.map(({ encoding }) => encoding)).toEqual(["text/plain"]);
    node.arm({ kind: "quittung", status: "31" });
    const plain = await failureOf(send(letterTo(REMOTE_ADDRESS)));
    expect([plain.code, node.requests]).toEqual(["CONTENT_REJECTED", 3]);
  });

  it("asks at least for the level of the account", async () => {
    await reopen({ authority: { minimumLevel: 3 } });
    await send(letterTo(REMOTE_ADDRESS, { level: 1 }));
    expect(node.letters[0]?.level).toBe("STORK-QAA-Level-3");
  });
});

describe("what an answer means", () => {
  const cases: readonly (readonly [string, Mischief, string, string])[] = [
    ...(
      [
        ["10", "permanent", "LETTER_INVALID"],
        ["11", "permanent", "CONFIG_INVALID"],
        ["20", "permanent", "LETTER_INVALID"],
        ["30", "permanent", "RECIPIENT_UNKNOWN"],
        ["31", "permanent", "CONTENT_REJECTED"],
        ["32", "permanent", "ATTACHMENT_REJECTED"],
        ["99", "transient", "REMOTE_UNAVAILABLE"],
        ["77", "transient", "REMOTE_ANSWER_INVALID"],
      ] as const
    ).flatMap(([status, fault, code]) => [
      [`receipt ${status}`, { kind: "quittung", status }, fault, code] as const,
      [`fault for ${status}`, { kind: "fault", code: faultCode(status) }, fault, code] as const,
      [`fault and output ${status}`, { kind: "both", status }, fault, code] as const,
    ]),
    ["a prefixed fault", { kind: "fault", code: "ns0:BSP1030" }, "permanent", "RECIPIENT_UNKNOWN"],
    ["a client fault", { kind: "fault", code: "SOAP-ENV:Client" }, "permanent", "LETTER_INVALID"],
    ["a server fault", { kind: "fault", code: "SOAP-ENV:Server" }, "unknown", "OUTCOME_UNKNOWN"],
    [
      "fault and output that differ",
      { kind: "both", status: "30", faultCode: "BSP1999" },
      "unknown",
      "REMOTE_ANSWER_INVALID",
    ],
    ["a fault beside success", { kind: "both", status: "0" }, "unknown", "REMOTE_ANSWER_INVALID"],
    [
      "a fault beside success that comes as success",
      { kind: "both", status: "0", http: 200 },
      "unknown",
      "REMOTE_ANSWER_INVALID",
    ],
    ["a contradiction", { kind: "contradiction" }, "unknown", "REMOTE_ANSWER_INVALID"],
    ["401", { kind: "status", status: 401 }, "transient", "AUTH_REFUSED"],
    ["404", { kind: "status", status: 404 }, "transient", "REMOTE_ANSWER_INVALID"],
    ["413", { kind: "status", status: 413 }, "permanent", "ATTACHMENT_REJECTED"],
    ["503", { kind: "status", status: 503 }, "transient", "REMOTE_UNAVAILABLE"],
    ["500 without SOAP", { kind: "status", status: 500 }, "unknown", "OUTCOME_UNKNOWN"],
    ["502", { kind: "status", status: 502 }, "unknown", "OUTCOME_UNKNOWN"],
    ["302", { kind: "status", status: 302 }, "transient", "REMOTE_ANSWER_INVALID"],
    ["200 without SOAP", { kind: "status", status: 200 }, "unknown", "REMOTE_ANSWER_INVALID"],
    ["a cut answer", { kind: "truncated" }, "unknown", "REMOTE_ANSWER_INVALID"],
    [
      "a cut connection",
      { kind: "acceptThenCut", socket: "destroy" },
      "unknown",
      "OUTCOME_UNKNOWN",
    ],
    [
      "a DOCTYPE",
      { kind: "acceptThenSay", status: 200, body: '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>' },
      "unknown",
      "REMOTE_ANSWER_INVALID",
    ],
    [
      "too long an answer",
      { kind: "acceptThenSay", status: 200, body: "x".repeat(1_500_000) },
      "unknown",
      "REMOTE_ANSWER_INVALID",
    ],
  ];
  it.for(cases)("%s", async ([, mischief, fault, code]) => {
    node.arm(mischief);
    const error = await failureOf(send());
    expect([error.fault, error.code, node.requests]).toEqual([fault, code, 1]);
  });

  it("tells the author, not the log, what the node says", async () => {
    node.arm({ kind: "quittung", status: "31", hints: "Element <marquee> in 'Geheim'" });
    const error = await failureOf(send());
    expect(error.notice).toContain("Element <marquee> in 'Geheim'");
    expect(error.message).not.toContain("Geheim");
  });
  it("waits as long as the node asks", async () => {
    node.arm({ kind: "status", status: 503, retryAfter: "120" });
    expect((await failureOf(send())).retryAfterMs).toBe(120_000);
  });
  it("has no way to settle an unknown outcome", async () => {
    const letter = letterTo(REMOTE_ADDRESS);
    expect(await bench.bridge.find?.(letter, letter.id, never)).toBeUndefined();
  });
});

describe("before anything leaves", () => {
  it("nothing is sent to a server that shows another certificate", async () => {
    await node.close();
    node = await startNode(keys, keys.otherServer);
    await reopen({});
    const error = await failureOf(send());
    expect([error.fault, error.code, node.requests]).toEqual([
      "transient",
      "REMOTE_UNAVAILABLE",
      0,
    ]);
  });
  it("nothing is sent when nobody is there", async () => {
    await node.close();
    expect((await failureOf(send())).fault).toBe("transient");
    node = await startNode(keys);
  });
  it.for([
    ["a type that is not in table 9005", "a.zip", "application/zip", Buffer.from("PK\u0003\u0004")],
    ["a content that is another", "a.pdf", "application/pdf", Buffer.from("GIF89a")],
    ["a file that is too large", "a.txt", "text/plain", Buffer.alloc(2_000_001, 97)],
  ] as const)("%s is refused", async ([, name, type, bytes]) => {
    const attachments = [await attach(bench, name, type, bytes)];
    const letter = letterTo(REMOTE_ADDRESS, { attachments });
    const error = await failureOf(send(letter));
    expect([error.fault, error.code, node.requests]).toEqual([
      "permanent",
      "ATTACHMENT_REJECTED",
      0,
    ]);
    expect(await bench.bridge.review?.(letter, never)).toMatchObject({
      code: "ATTACHMENT_REJECTED",
      notice: error.notice,
    });
  });
  it.for([
    ["a http link", { text: "siehe http://stadt.example" }, "CONTENT_REJECTED"],
    ["markup in plain text", { text: "von <Max Mustermann>" }, "CONTENT_REJECTED"],
    ["a character that XML does not know", { text: "a\u0001b" }, "CONTENT_REJECTED"],
    ["no text at all", { text: " " }, "CONTENT_UNSUPPORTED"],
    ["too long a subject", { subject: "x".repeat(1_025) }, "LETTER_INVALID"],
    [
      "a handle of another form",
      { to: [{ address: "https://konto.land.example/idp|kurz" }] },
      "RECIPIENT_UNKNOWN",
    ],
  ] as const)("%s is refused", async ([, change, code]) => {
    const error = await failureOf(send(letterTo(REMOTE_ADDRESS, change)));
    expect([error.fault, error.code, node.requests]).toEqual(["permanent", code, 0]);
  });
  it("a file that cannot be read is not the letter's fault", async () => {
    const lost = { digest: `sha256:${"0".repeat(64)}`, size: 5 } as const;
    const attachments = [{ name: "a.txt", mediaType: "text/plain", blob: lost }];
    const error = await failureOf(send(letterTo(REMOTE_ADDRESS, { attachments })));
    expect([error.fault, error.code]).toEqual(["transient", "ATTACHMENT_MISSING"]);
  });
});
