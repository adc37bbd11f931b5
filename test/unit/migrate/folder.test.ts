import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { archive } from "../../../bridges/fink/archive.ts";
import type { Archive, Records } from "../../../src/bridge/contract.ts";
import { openFolder } from "../../../src/migrate/folder.ts";
import { surveySource } from "../../../src/migrate/survey.ts";
import { GatewayError, type ErrorCode } from "../../../src/model/errors.ts";

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

describe("what a bridge says of a file", () => {
  const failing = (code: ErrorCode) =>
    openFolder(
      folder,
      {
        isLetter: () => true,
        read: () => Promise.reject(new GatewayError(code, "as the bridge says")),
      },
      { name: "a", settings: {} } as never,
    );

  test.each<ErrorCode>([
    ...(["SIGNATURE_INVALID", "CERTIFICATE_INVALID", "ATTACHMENT_MISSING"] as const),
    ...(["INPUT_HOSTILE", "LETTER_INVALID", "ATTACHMENT_REJECTED"] as const),
  ])("%s sets this file aside and no other", async (code) => {
    const { faulty } = await surveySource(await failing(code), signal);
    expect(faulty).toMatchObject([{ code, place: { key: "bauamt/2024/1.xml" } }]);
  });

  test.each<ErrorCode>(["STORE_UNAVAILABLE", "KEY_MISMATCH", "INTERNAL", "SECRET_UNREADABLE"])(
    "%s is no fault of the file: the run ends",
    async (code) => {
      await expect(surveySource(await failing(code), signal)).rejects.toMatchObject({ code });
    },
  );
});

test("a file beside a letter is read in its folder only, whole, and never through a link", async () => {
  const seen: (string | undefined)[] = [];
  const looking: Archive<unknown> = {
    isLetter: (path) => path.endsWith(".xml"),
    async read(_file, { beside }) {
      for (const name of ["a", "b", "c"]) seen.push((await beside(name))?.toString());
      await beside("d");
      throw new Error("not refused");
    },
  };
  const at = (name: string) => join(folder, "bauamt/2024", name);
  writeFileSync(at("a"), "Inhalt");
  writeFileSync(join(folder, "b"), "woanders");
  symlinkSync(join(folder, "b"), at("c"));
  writeFileSync(at("d"), Buffer.alloc(4 * 2 ** 20 + 1));
  const source = await openFolder(folder, looking as never, { name: "a", settings: {} } as never);
  const { faulty } = await surveySource(source, signal);
  expect(seen).toEqual(["Inhalt", undefined, undefined]);
  expect(faulty).toMatchObject([{ code: "INPUT_HOSTILE" }]);
});

test("records that are written while somebody only looks are forgotten", async () => {
  const kept = new Map([["known", "1"]]);
  const records: Records = {
    get: (key) => Promise.resolve(kept.get(key)),
    put: (key, value) => Promise.resolve(void kept.set(key, value)),
    remove: (key) => Promise.resolve(void kept.delete(key)),
    list: () => Promise.resolve([]),
  };
  const writing: Archive<unknown> = {
    isLetter: () => true,
    async read(_file, { records: own }) {
      const before = [await own.get("known"), await own.get("new")];
      await own.put("new", "2");
      await own.remove("known");
      throw new GatewayError("INPUT_INVALID", JSON.stringify([before, await own.get("new")]));
    },
  };
  const account = { name: "a", settings: {} } as never;
  const source = await openFolder(folder, writing as never, account, records);
  const { faulty } = await surveySource(source, signal);
  expect(faulty[0]?.detail).toBe('[["1",null],"2"]');
  expect([...kept]).toEqual([["known", "1"]]);
  const [place] = faulty.map((one) => one.place);
  if (!place) throw new Error("no file");
  await expect(source.read(place, () => Promise.reject(), signal)).rejects.toThrow();
  expect([...kept]).toEqual([["new", "2"]]);
});
