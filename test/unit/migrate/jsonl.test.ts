import { createHash } from "node:crypto";
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MAX_LINE_BYTES } from "../../../src/migrate/form.ts";
import { openJsonl } from "../../../src/migrate/jsonl.ts";
import { surveySource, type Survey } from "../../../src/migrate/survey.ts";

let folder: string;
const { signal } = new AbortController();
const CONTENT = Buffer.from("Bescheid");
const SHA = createHash("sha256").update(CONTENT).digest("hex");

beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), "pfb-jsonl-"));
  folder = join(root, "export");
  mkdirSync(folder);
  writeFileSync(join(folder, "a.pdf"), CONTENT);
  writeFileSync(join(root, "secret"), CONTENT);
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

const line = (more: object = {}) => ({
  ...{ id: "1", conversation: "c", sentAt: "2021-03-01T10:00:00+01:00", text: "Hallo" },
  ...{ from: { address: "office" }, to: [{ address: "erika" }] },
  ...more,
});
const attached = (more: object) => ({
  attachments: [
    { name: "a.pdf", mediaType: "application/pdf", file: "a.pdf", sha256: SHA, ...more },
  ],
});
async function survey(...lines: readonly (object | string)[]): Promise<Survey> {
  const texts = lines.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  writeFileSync(join(folder, "letters.jsonl"), texts.join("\n"));
  return surveySource(await openJsonl(join(folder, "letters.jsonl")), signal);
}

test("letters are counted and put in the order of their times, those of one instant as they stand", async () => {
  const { report, order, faulty } = await survey(
    line({ id: "late", sentAt: "2022-01-01T00:00:00Z" }),
    line({ id: "a", ...attached({}) }),
    "",
    line({ id: "b", conversation: "d", direction: "sent" }),
  );
  expect(order.map(({ key }) => key)).toEqual(["line 2", "line 4", "line 1"]);
  expect(faulty).toEqual([]);
  expect(report).toMatchObject({ letters: 3, cases: 2, problemCount: 0 });
  expect(report.mailboxes).toEqual({ erika: 2, office: 1 });
  expect(report.first).toEqual(new Date("2021-03-01T09:00:00Z"));
});

test("the digest of an export changes with any letter and with nothing else", async () => {
  const [one, same, other] = [
    await survey(line(), line({ id: "2" })),
    await survey(line(), "", line({ id: "2" })),
    await survey(line(), line({ id: "3" })),
  ];
  expect(same.report.digest).toBe(one.report.digest);
  expect(other.report.digest).not.toBe(one.report.digest);
});

const long = line({ text: "x".repeat(MAX_LINE_BYTES) });
test.each([
  ["no JSON", "{", "INPUT_INVALID"],
  ["a member twice", '{"id":"1","id":"2"}', "INPUT_INVALID"],
  ["a field that is misspelt", line({ txt: "Hallo" }), "INPUT_INVALID"],
  ["no recipient", line({ to: [] }), "INPUT_INVALID"],
  ["a time without zone", line({ sentAt: "2021-03-01T10:00:00" }), "INPUT_INVALID"],
  ["a line without end", long, "INPUT_HOSTILE"],
  ["a file that is missing", line(attached({ file: "b.pdf" })), "INPUT_INVALID"],
  ["a file with other bytes", line(attached({ sha256: "0".repeat(64) })), "INPUT_INVALID"],
  ["a file outside", line(attached({ file: "../secret" })), "INPUT_HOSTILE"],
  ["a link to the outside", line(attached({ file: "link" })), "INPUT_HOSTILE"],
  ["a folder", line(attached({ file: "folder" })), "INPUT_INVALID"],
])("%s is set aside with its reason, the letters beside it are not", async (_, bad, code) => {
  symlinkSync(join(folder, "..", "secret"), join(folder, "link"));
  mkdirSync(join(folder, "folder"));
  const { report, faulty, order } = await survey(line({ id: "8" }), bad, line({ id: "9" }));
  expect(order).toHaveLength(2);
  expect(report.problems).toEqual(faulty);
  expect(faulty).toMatchObject([{ code, place: { key: "line 2" } }]);
  expect(JSON.stringify(faulty)).not.toContain("Hallo");
});

test("an id that comes twice is a problem of the second line", async () => {
  const { faulty } = await survey(line(), line({ text: "anders" }));
  expect(faulty.map(({ place }) => place.key)).toEqual(["line 2"]);
});

test("HTML is cleaned, and its text stands beside it", async () => {
  const html = "<p>Guten Tag</p><script>alert(1)</script>";
  const { order } = await survey(line({ text: undefined, html }));
  const source = await openJsonl(join(folder, "letters.jsonl"));
  const [place] = order;
  if (!place) throw new Error("no letter");
  const kept: string[] = [];
  const store = async (body: Readable) => {
    kept.push(String(Buffer.concat((await body.toArray()) as Buffer[])));
    return { digest: `sha256:${SHA}`, size: 1 } as const;
  };
  const { message } = await source.read(place, store, signal);
  expect(message.html).not.toContain("script");
  expect(message.text).toBe("Guten Tag");
  // What was taken away is not lost: the line lies there as it was.
  expect(message.original).toBeDefined();
  expect(kept).toEqual([JSON.stringify(line({ text: undefined, html }))]);
});

test("text and HTML that need no cleaning come through as they are, and nothing more is kept", async () => {
  const html = "<p>Grüße &amp; <strong>Ümläute</strong> 😀</p>";
  const text = "Grüße & Ümläute 😀\n\tmit Tab\u0085 und Nullbreite\u200b";
  const { order } = await survey(line({ text, html }));
  const source = await openJsonl(join(folder, "letters.jsonl"));
  const [place] = order;
  if (!place) throw new Error("no letter");
  const { message } = await source.read(place, () => Promise.reject(new Error("no file")), signal);
  expect([message.html, message.text, message.original]).toEqual([html, text, undefined]);
});

test("line ends of Windows and blank lines are no letters and no problems", async () => {
  const texts = [line(), line({ id: "2" })].map((one) => `${JSON.stringify(one)}\r\n\r\n`);
  const { report, order } = await survey(`\r\n${texts.join("")}`);
  expect(report).toMatchObject({ letters: 2, problemCount: 0 });
  expect(order.map(({ key }) => key)).toEqual(["line 2", "line 4"]);
});

test("two exports with the same name in two folders are two sources; the same one keeps its name", async () => {
  await survey(line());
  mkdirSync(join(folder, "b"));
  writeFileSync(join(folder, "b/letters.jsonl"), JSON.stringify(line()));
  symlinkSync(folder, join(folder, "c"));
  const nameOf = async (path: string) => (await openJsonl(join(folder, path))).name;
  const name = await nameOf("letters.jsonl");
  expect(await nameOf("b/letters.jsonl")).not.toBe(name);
  expect(await nameOf("c/letters.jsonl")).toBe(name);
});

test("the digest of an export covers its texts and files, not its order or its blank lines", async () => {
  const digestOf = async (...lines: readonly object[]) => (await survey(...lines)).report.digest;
  const digest = await digestOf(line(), line({ id: "2", sentAt: "2022-01-01T00:00:00Z" }));
  const [a, b] = [line(), line({ id: "2", sentAt: "2022-01-01T00:00:00Z" })];
  expect(await digestOf(b, a)).toBe(digest);
  for (const changed of [
    { text: "Hallo!" },
    { subject: "S" },
    { ...attached({}) },
    { answers: "0" },
  ])
    expect(await digestOf({ ...a, ...changed }, b)).not.toBe(digest);
});

test.each([
  ["bytes that are no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])],
  ["a byte order mark", Buffer.from(`\u{feff}${JSON.stringify(line({ id: "2" }))}`)],
  ["an array", Buffer.from("[1]")],
  ["deep nesting", Buffer.from("[".repeat(100_000))],
])("%s: that line is set aside, the next one is a letter", async (_what, bytes) => {
  const file = join(folder, "letters.jsonl");
  writeFileSync(file, Buffer.concat([bytes, Buffer.from(`\n${JSON.stringify(line())}\n`)]));
  const source = await openJsonl(file);
  const { report, faulty } = await surveySource(source, signal);
  expect(report.letters).toBe(1);
  expect(faulty.map(({ place, code }) => [place.key, code])).toEqual([["line 1", "INPUT_INVALID"]]);
  const [problem] = faulty;
  const raw = problem && (await source.raw(problem.place));
  expect(Buffer.concat((await raw?.toArray()) as Buffer[])).toEqual(bytes);
});

test.each([
  ["an id that came before", { subject: "other" }, "stood there before"],
  ["a letter of tomorrow", { id: "2", sentAt: "2999-01-01T00:00:00Z" }, "future"],
  ["a letter before all events", { id: "2", sentAt: "1969-12-31T23:59:59Z" }, "before 1970"],
  ["NUL in a name", { id: "2", from: { address: "a\u0000b" } }, "from.address"],
  ["a line break in a subject", { id: "2", subject: "a\nb" }, "subject"],
  ["an absolute path", { id: "2", ...attached({ file: "/etc/passwd" }) }, "outside"],
  ["NUL in a path", { id: "2", ...attached({ file: "a\u0000.pdf" }) }, "attachments.0.file"],
  ["the folder itself", { id: "2", ...attached({ file: "." }) }, "outside"],
])("%s is named and set aside", async (_what, more, reason) => {
  const { report, faulty } = await survey(line(), line(more));
  expect(report.letters).toBe(1);
  expect(faulty.map(({ place }) => place.key)).toEqual(["line 2"]);
  expect(faulty[0]?.detail).toContain(reason);
});

test("the conversation may be left out where the bridge can tell it from the case", async () => {
  const { conversation: _, ...bare } = line({ case: { reference: "50-1" } });
  const file = join(folder, "letters.jsonl");
  writeFileSync(file, JSON.stringify(bare));
  const read = async (caseKey?: Parameters<typeof openJsonl>[1]) => {
    const source = await openJsonl(file, caseKey);
    for await (const place of source.places(signal))
      return source.read(place, () => Promise.reject(new Error("no file")), signal);
    throw new Error("no line");
  };
  const known = await read(({ from, to, case: matter }) =>
    [from.address, to[0]?.address, matter?.reference].join(" "),
  );
  expect(known.message.conversation).toBe("office erika 50-1");
  await expect(read(() => undefined)).rejects.toThrow("do not say which case");
  await expect(read()).rejects.toThrow("conversation: is missing");
});
