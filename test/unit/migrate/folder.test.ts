import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { archive } from "../../../bridges/fink/archive.ts";
import { openFolder } from "../../../src/migrate/folder.ts";
import { surveySource } from "../../../src/migrate/survey.ts";

const LETTER = join(import.meta.dirname, "../../../fixtures/fink-bsp/v1.5/nachricht.xml");
const { signal } = new AbortController();
const settings = { server: { senders: [{ name: "bauamt" }] } };
const open = () => openFolder(folder, archive, { name: "fink-1", settings } as never);
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pfb-archive-"));
  mkdirSync(join(folder, "bauamt/2024"), { recursive: true });
  cpSync(LETTER, join(folder, "bauamt/2024/1.xml"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a BspNachricht in the folder of its sender becomes a letter, with its files and its bytes", async () => {
  const source = await open();
  const { report, order } = await surveySource(source, signal);
  expect(report).toMatchObject({ letters: 1, cases: 1, problemCount: 0 });
  const kept: string[] = [];
  const store = async (body: Readable) => {
    const bytes = Buffer.concat((await body.toArray()) as Buffer[]);
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as const;
    kept.push(digest);
    return { digest, size: bytes.length };
  };
  const [place] = order;
  if (!place) throw new Error("no letter");
  const { message, mailbox } = await source.read(place, store, signal);
  expect(message.sourceId).toMatch(/^bsp:/);
  expect(mailbox).toBe(message.to[0]?.address);
  expect(message.original?.digest).toBe(kept.at(-1));
  expect(message.attachments.map(({ blob }) => blob.digest)).toEqual(kept.slice(0, -1));
});

test("the same letter in two files is one letter and one problem", async () => {
  cpSync(LETTER, join(folder, "bauamt/2024/2.xml"));
  const { report, faulty } = await surveySource(await open(), signal);
  expect(report.letters).toBe(1);
  expect(faulty.map(({ place }) => place.key)).toEqual(["bauamt/2024/2.xml"]);
});

test("what is no letter is set aside, what is no file of letters is left alone, links are not followed", async () => {
  writeFileSync(join(folder, "bauamt/broken.xml"), "<BspNachricht>");
  writeFileSync(join(folder, "bauamt/empty.xml"), "");
  writeFileSync(join(folder, "liesmich.txt"), "x");
  mkdirSync(join(folder, "unbekannt"));
  cpSync(LETTER, join(folder, "unbekannt/1.xml"));
  symlinkSync(LETTER, join(folder, "bauamt/link.xml"));
  const { report, faulty } = await surveySource(await open(), signal);
  expect(report.letters).toBe(1);
  expect(faulty.map(({ place }) => place.key)).toEqual([
    "bauamt/broken.xml",
    "bauamt/empty.xml",
    "unbekannt/1.xml",
  ]);
  expect(faulty.at(-1)).toMatchObject({ code: "INPUT_INVALID" });
});
