import { createHash } from "node:crypto";
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  const { message } = await source.read(place, () => Promise.reject(new Error("no file")), signal);
  expect(message.html).not.toContain("script");
  expect(message.text).toBe("Guten Tag");
});
