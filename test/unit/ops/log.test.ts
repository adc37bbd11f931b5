import { inspect } from "node:util";
import { expect, test } from "vitest";
import { Secret } from "../../../src/bridge/settings.ts";
import { createLog } from "../../../src/ops/log.ts";
import { environment, GOOD, load, writeSample } from "../config/sample.ts";

function capture(level: "debug" | "info" | "warn" | "error" = "debug") {
  const lines: string[] = [];
  return { lines, log: createLog(level, { write: (line) => void lines.push(line) }) };
}

test("one JSON line each: time, level, event, fields", () => {
  const { lines, log } = capture();
  log.info({ id: "1", size: 7 }, "letter-stored");
  log.error({ at: new Date(0) }, "letter-failed");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    {
      level: "info",
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      id: "1",
      size: 7,
      event: "letter-stored",
    },
    {
      level: "error",
      time: expect.any(String) as string,
      at: "1970-01-01T00:00:00.000Z",
      event: "letter-failed",
    },
  ]);
  expect(lines.every((line) => line.endsWith("\n"))).toBe(true);
});

test("the level cuts off what is below it", () => {
  const { lines, log } = capture("warn");
  log.debug({}, "a");
  log.info({}, "b");
  log.warn({}, "c");
  log.error({}, "d");
  expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(["c", "d"]);
});

test("long texts are cut; a log line is no place for content", () => {
  const { lines, log } = capture();
  log.info({ error: "x".repeat(5_000) }, "long");
  expect((JSON.parse(lines[0] ?? "") as { error: string }).error).toHaveLength(1_001);
});

test("what usually carries a secret is never written, at any depth", () => {
  const { lines, log } = capture();
  const canary = "canary-7f3a9";
  log.info(
    {
      token: canary,
      password: canary,
      headers: { authorization: `Bearer ${canary}`, cookie: canary },
      request: { headers: { Authorization: canary } },
      as_token: canary,
      config: { keys: [{ secret: canary }], pin: canary },
    },
    "careless",
  );
  expect(lines.join()).not.toContain(canary);
  expect(lines.join()).toContain("[secret]");
});

test("bytes, errors, cycles and depth do no harm", () => {
  const { lines, log } = capture();
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const cause = new Error("refused", { cause: new Error("ECONNREFUSED") });
  log.info(
    { body: Buffer.from("content"), big: 10n, cause, circle, list: Array(500).fill(1) },
    "odd",
  );
  const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  expect(line).toMatchObject({
    body: "7 bytes",
    big: "10",
    cause: "refused (cause: ECONNREFUSED)",
  });
  expect(line["list"]).toHaveLength(100);
});

test("a Secret never shows its value, however it is printed", async () => {
  const canary = "canary-1b2c3d4e5f-in-a-long-secret-value";
  const secret = new Secret("env:CANARY");
  secret.load("/", { CANARY: canary });
  const { lines, log } = capture();
  log.info({ secret, nested: { list: [secret] } }, "secret-logged");
  log.error({ error: new Error(`with ${String(secret)}`), cause: { secret } }, "secret-in-error");
  const printed = [
    JSON.stringify({ secret, list: [secret] }),
    inspect(secret, { depth: 10, showHidden: true }),
    inspect({ deep: { secret } }, { depth: 10, customInspect: false, showHidden: true }),
    String(secret),
    `${secret.toString()}`,
    secret + "",
    Object.entries(secret).join(),
    JSON.stringify(structuredCloneOf(secret)),
    ...lines,
  ].join("\n");
  expect(secret.reveal()).toBe(canary);
  expect(printed).not.toContain("canary-1b");
  expect(printed).toContain("[secret]");
});

function structuredCloneOf(value: unknown): unknown {
  return structuredClone(value);
}

test("a whole configuration in the log shows none of its secrets", async () => {
  const env = environment();
  const { config } = await load(writeSample(GOOD), env);
  const { lines, log } = capture();
  log.info({ config }, "careless");
  log.warn({ error: inspect(config, { depth: 9 }) }, "more-careless");
  for (const value of Object.values(env)) expect(lines.join()).not.toContain(value);
});
