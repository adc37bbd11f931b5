import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import bundid from "../../../bridges/bundid/index.ts";
import type { Inspection } from "../../../src/bridge/contract.ts";
import { PDF } from "./bench.ts";

const fixtures = fileURLToPath(
  new URL("../../../fixtures/bundid/signed-request/", import.meta.url),
);
const cert = `${fixtures}cert.pem`;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inspect-"));
  await writeFile(path.join(folder, "Bescheid über Gebühren.pdf"), PDF);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Long after the token ran out: a file on disk is always old. */
const now = new Date("2027-06-01T00:00:00Z");
async function inspect(file: string, options: Record<string, string> = {}): Promise<Inspection> {
  if (bundid.inspect === undefined) throw new Error("no inspect");
  return bundid.inspect(file, { options, now });
}
const inspectFixture = (name: string, options = {}) => inspect(fixtures + name, options);
async function inspectChanged(name: string, change: (text: string) => string, options = {}) {
  const changed = path.join(folder, "changed");
  await writeFile(
    changed,
    Buffer.from(change(await readFile(fixtures + name, "latin1")), "latin1"),
  );
  return inspect(changed, options);
}
const failed = ({ checks, code }: Inspection) => [checks.find(({ ok }) => !ok)?.name, code];

describe("inspect", () => {
  it("reads a whole request with its certificate", async () => {
    const result = await inspectFixture("request.http", { cert });
    expect(result.checks.map(({ name, ok }) => [name, ok])).toEqual([
      ["form", true],
      ["certificate", true],
      ["token", true],
      ["signature", true],
      ["schema", true],
      ["files", true],
    ]);
    expect(result.code).toBeUndefined();
    expect(result.kind).toBe("zbp letter");
    expect(result.message).toMatchObject({
      from: { address: "authority:Stadt Beispielhausen, Bauamt" },
      subject: "Bescheid über Gebühren 🏛️",
      case: { reference: "AZ 12/34-ä" },
      attachments: [{ name: "Bescheid über Gebühren.pdf", blob: { size: PDF.length } }],
    });
    expect(result.facts).toMatchObject({
      profile: "zbp-v6",
      signer: "Stadt Beispielhausen, Bauamt",
      tokenExpires: "2026-11-21T09:30:00.000Z",
    });
  });
  it.each([
    ["body.multipart", {}, "not checked: no --cert"],
    ["body.multipart", { cert }, "RSA with SHA-512 over the embedded text"],
    ["json-part.txt", { cert }, "RSA with SHA-512 over the embedded text"],
    ["json-part.txt", {}, "not checked: no --cert"],
  ])("reads %s with %j", async (name, options, signature) => {
    const result = await inspectFixture(name, options);
    expect(result.code).toBeUndefined();
    expect(result.checks.find((check) => check.name === "signature")?.detail).toBe(signature);
    expect(result.message?.subject).toBe("Bescheid über Gebühren 🏛️");
  });
  it("compares the files of a folder", async () => {
    const good = await inspectFixture("json-part.txt", { cert, files: folder });
    expect(good.checks.find(({ name }) => name === "files")).toMatchObject({
      ok: true,
      detail: "1 as declared",
    });
    const missing = await inspectFixture("json-part.txt", { cert, files: tmpdir() });
    expect(failed(missing)).toEqual(["files", "ATTACHMENT_REJECTED"]);
    const other = await mkdtemp(path.join(tmpdir(), "inspect-"));
    await writeFile(path.join(other, "Bescheid über Gebühren.pdf"), "%PDF-1.7 anders");
    expect(failed(await inspectFixture("json-part.txt", { files: other }))).toEqual([
      "files",
      "ATTACHMENT_REJECTED",
    ]);
    await rm(other, { recursive: true });
  });
  it("reads the signed text alone, and a status", async () => {
    const content = fileURLToPath(
      new URL("../../../fixtures/bundid/letter-full/content.txt", import.meta.url),
    );
    expect((await inspect(content)).message?.subject).toBe("Nachforderung zu Ihrem Antrag");
    const state = await inspectFixture("state.http", { cert });
    expect(state).toMatchObject({ kind: "zbp application-state", facts: { status: "RECEIVED" } });
    expect(state.code).toBeUndefined();
  });
  it("names what is wrong, and stops there", async () => {
    expect(
      failed(
        await inspectChanged("request.http", (text) => text.replace("Anbei", "Dabei"), { cert }),
      ),
    ).toEqual(["signature", "SIGNATURE_INVALID"]);
    expect(
      failed(
        await inspectChanged("request.http", (text) => text.replace(/Bearer ey/, "Bearer fy"), {
          cert,
        }),
      ),
    ).toEqual(["token", "AUTH_REFUSED"]);
    expect(
      failed(
        await inspectChanged("request.http", (text) => text.replace("% Bescheid", "% bescheid"), {
          cert,
        }),
      ),
    ).toEqual(["files", "ATTACHMENT_REJECTED"]);
    expect(failed(await inspectChanged("body.multipart", (text) => text.slice(0, -10)))).toEqual([
      "form",
      "INPUT_INVALID",
    ]);
    expect(
      failed(
        await inspectChanged("body.multipart", (text) =>
          text.replace('\\"title\\"', '\\"titel\\"'),
        ),
      ),
    ).toEqual(["schema", "LETTER_INVALID"]);
    expect(
      failed(await inspectChanged("state.http", (text) => text.replace("RECEIVED", "NONE"))),
    ).toEqual(["schema", "LETTER_INVALID"]);
    expect(failed(await inspectChanged("request.http", () => "Lieber Inspektor"))).toEqual([
      "form",
      "INPUT_INVALID",
    ]);
    expect(failed(await inspectChanged("request.http", () => ""))).toEqual([
      "form",
      "INPUT_INVALID",
    ]);
    expect(
      failed(
        await inspectChanged("json-part.txt", () => `{"content":"${"x".repeat(17_000_000)}"}`),
      ),
    ).toEqual(["form", "INPUT_HOSTILE"]);
    expect(
      failed(
        await inspectChanged("body.multipart", (text) =>
          text.replace("%PDF", "x".repeat(2_100_000)),
        ),
      ),
    ).toEqual(["form", "INPUT_HOSTILE"]);
  });
  it("uses the profile it is given", async () => {
    const own = path.join(folder, "eng.yaml");
    await writeFile(own, "extends: zbp-v6\nprofile: eng\nlimits: { title: 5 }\n");
    const result = await inspectFixture("body.multipart", { profile: own });
    expect([...failed(result), result.facts?.["profile"]]).toEqual([
      "schema",
      "LETTER_INVALID",
      "eng",
    ]);
  });
  it("reports a certificate that is none or does not exist", async () => {
    await expect(
      inspectFixture("request.http", { cert: `${fixtures}request.http` }),
    ).rejects.toMatchObject({ code: "CERTIFICATE_INVALID" });
    await expect(inspectFixture("request.http", { cert: `${fixtures}fehlt.pem` })).rejects.toThrow(
      /ENOENT/,
    );
  });
  it("names the options it understands", () =>
    expect(Object.keys(bundid.inspectOptions ?? {})).toEqual(["cert", "files", "profile"]));
});
