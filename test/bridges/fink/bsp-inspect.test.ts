import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import fink from "../../../bridges/fink/index.ts";
import { BUILT_IN } from "../../../bridges/fink/bsp/profile.ts";
import { writeReceipt } from "../../../bridges/fink/bsp/quittung.ts";
import { envelopeOf, renderNachricht } from "../../../fixtures/simulators/postkorb/index.ts";
import { MAILBOX, PDF } from "./bench.ts";

const folder = mkdtempSync(path.join(tmpdir(), "fink-inspect-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function inspect(content: string | Buffer) {
  const file = path.join(folder, "datei.xml");
  writeFileSync(file, content);
  const result = await fink.inspect?.(file, { options: {}, now: new Date("2026-11-21T00:00:00Z") });
  if (result === undefined) throw new Error("no inspect");
  return result;
}
const files = [{ name: "a.pdf", type: "application/pdf", bytes: PDF }];
const letter = renderNachricht({ mailbox: MAILBOX, files });
const escaped = letter.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

it.for([
  ["as it is", letter],
  ["with a byte order mark", `\uFEFF<?xml version="1.0"?>${letter}`],
  ["behind a comment", `<!-- <BspQuittung> -->${letter}`],
  ["in its envelope", envelopeOf("sendBspNachrichtNative", "bspNachricht", escaped)],
] as const)("shows a BspNachricht %s", async ([, content]) => {
  const { kind, checks, message, facts, code } = await inspect(content);
  expect([kind, code, checks.every(({ ok }) => ok)]).toEqual(["BspNachricht", undefined, true]);
  expect(message).toMatchObject({
    subject: "Nachforderung",
    to: [{ address: MAILBOX }],
    attachments: [{ name: "a.pdf", mediaType: "application/pdf", blob: { size: PDF.length } }],
  });
  expect(facts).toMatchObject({ version: "1.5", profile: "bsp-2.13" });
});

it.for([
  ["schema", letter.replace("<Betreff>", "<Betref>"), "LETTER_INVALID", "20"],
  ["rules", renderNachricht({ mailbox: MAILBOX, text: "http://x" }), "CONTENT_REJECTED", "31"],
  ["files", letter.replace("a.pdf", "a.exe"), "ATTACHMENT_REJECTED", "32"],
] as const)("names the step %s that refuses it", async ([step, content, code, status]) => {
  const result = await inspect(content);
  expect([result.code, result.facts?.["refusedWith"]]).toEqual([code, status]);
  expect(result.checks.at(-1)).toMatchObject({ name: step, ok: false });
});

it("explains a receipt", async () => {
  const receipt = writeReceipt({ accepted: false, status: "30", hints: "weg" }, BUILT_IN);
  expect(await inspect(receipt)).toMatchObject({
    kind: "BspQuittung",
    facts: { accepted: false, status: "30", hints: "weg", outcome: "permanent" },
  });
});

it.for(["", "PK\u0003\u0004", "<html></html>", "\uFFFD"])(
  "says so when %j is nothing of it",
  async (content) => {
    expect(await inspect(content)).toMatchObject({ kind: "unknown", code: "INPUT_INVALID" });
  },
);
