import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readNachricht, renderNachricht } from "../../../fixtures/simulators/postkorb/index.ts";
import { BUILT_IN } from "../../../bridges/fink/bsp/profile.ts";
import { LetterFault } from "../../../bridges/fink/bsp/letter-fault.ts";
import { readLetter } from "../../../bridges/fink/bsp/read-letter.ts";
import { letters, MAILBOX, makeKeys, openServerBench, PDF } from "./bench.ts";
import type { Keys, ServerBench } from "./bench.ts";

let keys: Keys;
let bench: ServerBench;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => void (bench = await openServerBench(keys)));
afterEach(() => bench.stop());

const render = (more: object) => renderNachricht({ mailbox: MAILBOX, ...more });
const file = (name: string, more: object = {}) => ({
  files: [{ name, type: "application/pdf", bytes: PDF, ...more }],
});

describe("hostile letters", () => {
  const many = Array.from({ length: 10_000 }, () => ({ type: "text/plain", base64: "YQ==" }));
  const cases: readonly (readonly [string, string, string])[] = [
    ["six files", render({ files: many.slice(0, 6) }), "32"],
    ["10 000 files", render({ files: many }), "32"],
    ["a file of more than 2 MB", render(file("a.pdf", { bytes: Buffer.alloc(2_000_001) })), "32"],
    [
      "a type that is not in the table",
      render(file("a.exe", { type: "application/x-msdownload" })),
      "32",
    ],
    ["an ending that does not fit", render(file("a.pdf.exe")), "32"],
    [
      "a content that does not fit",
      render(file("a.pdf", { bytes: Buffer.from("MZ\u0090") })),
      "32",
    ],
    ["too long a name", render(file(`${"x".repeat(300)}.pdf`)), "32"],
    ["base64 garbage", render(file("a.pdf", { base64: "!!!!" })), "20"],
    ["URL-safe base64", render(file("a.pdf", { base64: "JVBERi0x-_8=" })), "20"],
    ["base64 without padding", render(file("a.pdf", { base64: "JVBERi0xLg" })), "20"],
    ["a http link", render({ text: '&lt;a href="http://x.example/">x&lt;/a>' }), "31"],
    ["a bare http link", render({ text: "siehe http://x.example" }), "31"],
    ["a javascript link", render({ text: '&lt;a href="javascript:alert(1)">x&lt;/a>' }), "31"],
    [
      "an encoded javascript link",
      render({ text: '&lt;a href="java&amp;#115;cript:x">x&lt;/a>' }),
      "31",
    ],
    ["a data link", render({ text: '&lt;a href="data:text/html,x">x&lt;/a>' }), "31"],
    ["a script", render({ text: "&lt;script>x&lt;/script>" }), "31"],
    ["an event handler", render({ text: '&lt;p onclick="x">x&lt;/p>' }), "31"],
    ["an image", render({ text: '&lt;img src="https://x.example/p.png">' }), "31"],
    ["markup in the subject", render({ subject: "&lt;b onload=x>x" }), "31"],
    [
      "markup in the name",
      render({ sender: "<Dienst>a</Dienst><Mandant>&lt;iframe></Mandant>" }),
      "31",
    ],
    [
      "a http home page",
      render({ sender: "<Mandant>a</Mandant><Hyperlink>http://x.example</Hyperlink>" }),
      "31",
    ],
    [
      "a script as home page",
      render({ sender: "<Mandant>a</Mandant><Hyperlink>javascript:x</Hyperlink>" }),
      "31",
    ],
    ["rich text", render({ encoding: "text/rtf", text: "{\\rtf1}" }), "31"],
    ["a handle that is a path", render({}).replace(MAILBOX, "../../../etc/passwd"), "30"],
    ["a handle that is SQL", render({}).replace(MAILBOX, "' OR 1=1 -- aaaaaaaaaaaaaaa"), "30"],
    ["no subject", render({ subject: " " }), "20"],
    ["no text", render({ text: " " }), "20"],
    ["too long a text", render({ text: "x".repeat(1_000_001) }), "20"],
    ["too long a field", render({ sender: `<Mandant>${"x".repeat(2_000)}</Mandant>` }), "20"],
    ["an impossible date", render({ createdAt: "2026-13-45T99:00:00Z" }), "20"],
    ["a date without time", render({ createdAt: "2026-11-20" }), "20"],
    ["an unknown version", render({ version: "2.0" }), "20"],
    ["an unknown fassung", render({ issue: "2021-01-01" }), "20"],
    [
      "another order",
      render({ after: "<WeiterleitungZu>a</WeiterleitungZu><AntwortAuf>b</AntwortAuf>" }),
      "20",
    ],
    ["an unknown element", render({ after: "<Geheim>a</Geheim>" }), "20"],
    [
      "two levels",
      render({
        level:
          "<StorkQaaLevel>STORK-QAA-Level-1</StorkQaaLevel><NpaGescheutzt>true</NpaGescheutzt>",
      }),
      "20",
    ],
    ["two recipients", render({}).replace(/<Empfaenger>.*<\/Empfaenger>/, "$&$&"), "20"],
    ["a key of another table", render({}).replace("9004", "9005"), "20"],
    ["another namespace", render({}).replace("akdb.de", "akdb.example"), "20"],
    [
      "an element of another namespace",
      render({}).replace("<Betreff>", '<Betreff xmlns="urn:x">'),
      "20",
    ],
    ["another root", render({}).replaceAll("BspNachricht", "BspQuittung"), "20"],
    ["text between elements", render({}).replace("<FreiText>", "x<FreiText>"), "20"],
    ["a DOCTYPE", `<!DOCTYPE a [<!ENTITY b "c">]>${render({})}`, "20"],
    ["an unknown entity", render({ text: "&bombe;" }), "20"],
    ["half a document", render({}).slice(0, 400), "20"],
    ["nothing", "", "20"],
  ];
  it.for(cases)("%s", async ([, document, status]) => {
    // Refused letters leave nothing behind: not an attachment, not the request.
    const answer = await bench.authority.sendNative(document);
    expect([answer.status, answer.accepted, answer.code]).toEqual([200, false, status]);
    expect([letters(bench.state).length, bench.state.blobs.size]).toEqual([0, 0]);
    expect(bench.state.quarantined.size).toBe(0);
  });

  it("after all of them the server still takes a good one", async () => {
    for (const [, document] of cases.slice(2, 12)) await bench.authority.sendNative(document);
    expect((await bench.authority.sendNative(render({}))).code).toBe("0");
  });

  it("memory stays within bounds when many large ones come at once", async () => {
    const large = render({ files: many, text: "x".repeat(4_000_000) });
    const before = process.memoryUsage().rss;
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => bench.authority.sendNative(large, "cdata")),
    );
    const told = new Set(answers.map(({ status }) => status));
    expect([...told].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(process.memoryUsage().rss - before).toBeLessThan(800_000_000);
  });

  it("what is refused in OK.KOMM has codes of its own", async () => {
    const change = (from: string, to: string) => (text: string) => text.replace(from, to);
    const send = async (from: string, to: string) =>
      (await bench.authority.sendOkkomm(render({}), change(from, to))).code;
    expect(await send("<AKT_TYP>NACHRICHT", "<AKT_TYP>ANDERES")).toBe("11");
    expect(await send("<AKT_TYP>NACHRICHT</AKT_TYP>", "")).toBe("10");
    expect(await send("ZKOCXML>", "ZKOCXML2>")).toBe("10");
    expect(await send("<AKT_TYP>NACHRICHT", "<AKT_TYP>NACHRICHT</AKT_TYP><AKT_TYP>NACHRICHT")).toBe(
      "10",
    );
    expect(await send("<OK_KOMM_RAW_BASE64>", "<OK_KOMM_RAW_BASE64>***")).toBe("10");
  });
});

describe("file names", () => {
  it.for([
    ["../../etc/passwd.pdf", "___.._etc_passwd.pdf"],
    ["C:\\Windows\\system32\\a.pdf", "C__Windows_system32_a.pdf"],
    ["rechnung\u202Efdp.exe.pdf", "rechnung_fdp.exe.pdf"],
    ["a\u200Bb.pdf", "a_b.pdf"],
    ['x*?"<|>.pdf', "x______.pdf"],
    [".htaccess.pdf", "_htaccess.pdf"],
    ["  leer  .pdf ", "leer  .pdf"],
    ["Grüße 🏛️.PDF", "Grüße 🏛️.PDF"],
  ] as const)("%j becomes %j", async ([given, expected]) => {
    await bench.authority.sendNative(render(file(given)));
    const name = letters(bench.state)[0]?.message.attachments[0]?.name ?? "";
    expect(name).toBe(expected);
    expect(name).not.toMatch(/[\\/:*?"<|>]|\.\.\//);
  });
  it("two of one name stay two", async () => {
    const files = [1, 2].map(() => ({ name: "a/b.pdf", type: "application/pdf", bytes: PDF }));
    await bench.authority.sendNative(render({ files }));
    expect(letters(bench.state)[0]?.message.attachments.map(({ name }) => name)).toEqual([
      "a_b.pdf",
      "a_b (2).pdf",
    ]);
  });
});

describe("two readers of one schema", () => {
  const elements = [
    "<Betreff>",
    "<FreiText>",
    "<Text>",
    "<PostkorbId>",
    "<NachrichtenId>",
    "<Absender>",
  ].concat(["<Empfaenger>", "<Inhalt>", "<FileType>", "<Encoding>", "<Erstellungszeitpunkt>"]);
  it.for(elements)("both refuse a letter without %s", async (open) => {
    const whole = render({ files: [{ name: "a.txt", type: "text/plain", base64: "YQ==" }] });
    const close = open.replace("<", "</");
    const broken = whole.replace(new RegExp(`${open}.*?${close}`, "s"), "");
    expect(broken).not.toBe(whole);
    const ours = await readLetter(broken, BUILT_IN).catch((error: unknown) => error);
    expect(ours).toBeInstanceOf(LetterFault);
    expect(() => readNachricht(broken)).toThrow();
  });
});
