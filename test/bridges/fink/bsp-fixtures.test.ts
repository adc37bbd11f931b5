import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import fink from "../../../bridges/fink/index.ts";
import { SAMPLES } from "../../../fixtures/fink-bsp/generate.ts";
import { readNachricht, renderNachricht } from "../../../fixtures/simulators/postkorb/index.ts";
import { useXmllint } from "../../support/services/index.ts";

const xmllint = await useXmllint();

const folder = fileURLToPath(new URL("../../../fixtures/fink-bsp", import.meta.url));
const xsd = fileURLToPath(
  new URL("../../../bridges/fink/wsdl/bspnachrichten.xsd", import.meta.url),
);
const names = readdirSync(folder).filter((name) => /^v\d/.test(name));

describe("samples of every version", () => {
  it("are those of the generator", () => {
    expect(names).toEqual(Object.keys(SAMPLES));
    for (const [name, wish] of Object.entries(SAMPLES))
      expect(readFileSync(`${folder}/${name}/nachricht.xml`, "utf8")).toContain(
        renderNachricht(wish),
      );
  });
  it.skipIf(!xmllint.available).for(names)("%s is valid, says xmllint", async (name) => {
    const file = `${folder}/${name}/nachricht.xml`;
    if (xmllint.available) await xmllint.run("--nonet", "--noout", "--schema", xsd, file);
  });
  it.for(names)("%s becomes the expected message", async (name) => {
    const now = new Date("2026-11-21T00:00:00Z");
    const result = await fink.inspect?.(`${folder}/${name}/nachricht.xml`, { options: {}, now });
    const expected: unknown = JSON.parse(readFileSync(`${folder}/${name}/message.json`, "utf8"));
    expect(JSON.parse(JSON.stringify(result?.message))).toEqual(expected);
  });
  it.for(names)("%s is read alike by the simulator", (name) => {
    const letter = readNachricht(readFileSync(`${folder}/${name}/nachricht.xml`, "utf8"));
    const expected = JSON.parse(readFileSync(`${folder}/${name}/message.json`, "utf8")) as {
      subject: string;
      attachments: { blob: { size: number } }[];
    };
    expect(letter.subject).toBe(expected.subject);
    expect(letter.files.map(({ bytes }) => bytes.length)).toEqual(
      expected.attachments.map(({ blob }) => blob.size),
    );
  });
});
