import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { settingsFile } from "../../../src/bridge/settings.ts";
import { renderExample } from "../../../src/config/example.ts";
import { generatedFiles } from "../../../src/config/generated.ts";
import { renderJsonSchema } from "../../../src/config/json-schema.ts";
import { ConfigError, loadConfig } from "../../../src/config/load.ts";
import { load, sampleBridge, writeSample } from "./sample.ts";

const PLACEHOLDER = /CHANGE-ME/;

/** Settings that are commented out become live: what an operator does who deletes the #. */
function uncomment(text: string): string {
  return text
    .split("\n")
    .map((line) => line.replace(/^( *)#(?!#)(?! \S)(?=.)/, "$1"))
    .join("\n");
}
const livePlaceholders = (text: string) =>
  text.split("\n").filter((line) => !/^\s*#/.test(line) && PLACEHOLDER.test(line)).length;

async function problems(text: string) {
  return load(writeSample(text)).then(
    () => [],
    (error: unknown) => {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    },
  );
}

test("the files in the repository are up to date (npm run generate)", async () => {
  for (const [path, text] of await generatedFiles())
    expect(readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8"), path).toBe(text);
});

test("the example of the repository is refused only because of its placeholders, each of which is named", async () => {
  const file = new URL("../../../config.example.yaml", import.meta.url);
  const text = readFileSync(file, "utf8");
  const error: unknown = await loadConfig(file.pathname, { environment: {} }).catch(
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(ConfigError);
  const found = (error as ConfigError).problems;
  expect(found.filter(({ message }) => !message.startsWith("is still the placeholder"))).toEqual(
    [],
  );
  expect(found).toHaveLength(livePlaceholders(text));
});

describe("the example of one bridge", () => {
  const text = renderExample([sampleBridge]);

  test("is refused only because of its placeholders", async () => {
    const found = await problems(text);
    expect(found.map(({ message }) => message.slice(0, 24))).toEqual(
      Array(livePlaceholders(text)).fill("is still the placeholder"),
    );
    expect(found.length).toBeGreaterThan(5);
  });

  test("stays so when every commented setting is made live", async () => {
    const all = uncomment(text);
    expect(all).toMatch(/^delivery:$/m);
    expect(all).toMatch(/^ {2}roomVersion: "11"$/m);
    expect(all).toMatch(/^ {6}- "@clerk:CHANGE-ME"$/m);
    const found = await problems(all);
    const others = found.filter(({ message }) => !message.startsWith("is still the placeholder"));
    expect(others).toEqual([]);
    expect(found).toHaveLength(livePlaceholders(all));
  });

  test("has every key with its description, default and choices", () => {
    for (const line of [
      "# yaml-language-server: $schema=docs/config.schema.json",
      '  # Version of the rooms that the gateway creates. One of: 11, 12. Default: "11".',
      "#  # Conversations worked on at the same time by one node. 1 to 256. Default: 16.",
      "##  kind: postgres",
      "    bridge: sample",
      "    # Settings of sample: A system that exists only in tests.",
      "      url: https://CHANGE-ME.example",
      "      pollEvery: 5m",
      "      #pin: file:CHANGE-ME",
      "      #listen: 127.0.0.1:8080",
      "      ##  kind: loud",
    ])
      expect(text.split("\n")).toContain(line);
  });
});

test("a bridge without example gets the smallest one that its own rules accept", () => {
  const file = settingsFile().optional();
  const schema = z
    .strictObject({
      note: z.string().optional(),
      sender: z
        .strictObject({ url: z.url(), container: file, certificate: file, pin: file, key: file })
        .refine(
          (it) =>
            (it.certificate !== undefined && it.key !== undefined) ||
            (it.container !== undefined && it.certificate !== undefined && it.pin !== undefined),
          "needs a pair",
        )
        .optional(),
      inlet: z.strictObject({ port: z.int().min(1).max(9) }).optional(),
    })
    .refine((it) => it.sender !== undefined, "needs a sender");
  const text = renderExample([{ ...sampleBridge, schema }]);
  const settings = text.slice(text.indexOf("    settings:"));
  const live = settings.split("\n").filter((line) => /^ +[a-z]/.test(line));
  expect(live.map((line) => line.trim())).toEqual([
    "settings:",
    "sender:",
    "url: https://CHANGE-ME.example.org",
    "certificate: file:CHANGE-ME",
    "key: file:CHANGE-ME",
  ]);
});

describe("the JSON Schema", () => {
  const schema = JSON.parse(renderJsonSchema([sampleBridge])) as Record<string, never>;
  const at = (...path: (string | number)[]) =>
    path.reduce<unknown>((value, key) => (value as Record<string | number, unknown>)[key], schema);

  test("shows values as they are written", () => {
    expect(at("properties", "delivery", "properties", "firstRetry", "default")).toBe("5s");
    expect(at("properties", "limits", "properties", "attachmentBytes", "default")).toBe("1GB");
    expect(at("properties", "homeserver", "properties", "roomVersion", "enum")).toEqual([
      "11",
      "12",
    ]);
    expect(at("properties", "appservice", "properties", "asToken")).not.toHaveProperty(
      "secretLength",
    );
    expect(at("required")).toEqual([
      "version",
      "homeserver",
      "appservice",
      "keys",
      "admin",
      "accounts",
    ]);
  });

  test("ties the settings to the bridge", () => {
    expect(
      at("properties", "accounts", "items", "allOf", 0, "if", "properties", "bridge", "const"),
    ).toBe("sample");
    const settings = at(
      "properties",
      "accounts",
      "items",
      "allOf",
      0,
      "then",
      "properties",
      "settings",
    );
    expect(settings).toMatchObject({
      additionalProperties: false,
      properties: { pollEvery: { default: "1m" } },
    });
  });
});
