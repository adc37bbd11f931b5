import { expect, test } from "vitest";
import { z } from "zod";
import { distance, nearest } from "../../../src/config/nearest.ts";
import { outlineAt, outlineOf } from "../../../src/config/outline.ts";
import { isGuessable, weaknessOf } from "../../../src/config/secrets.ts";
import { formatDuration, formatSize } from "../../../src/config/units.ts";
import { byteSize, duration } from "../../../src/bridge/settings.ts";

test.each([
  ["", "", 0],
  ["name", "name", 0],
  ["nmae", "name", 2],
  ["setings", "settings", 1],
  ["", "abc", 3],
  ["kitten", "sitting", 3],
])("distance of %s and %s", (from, to, expected) => {
  expect(distance(from, to)).toBe(expected);
  expect(distance(to, from)).toBe(expected);
});

test("the nearest name, or none at all", () => {
  expect(nearest("nmae", ["url", "name", "roomVersion"])).toBe("name");
  expect(nearest("ROOMVERSION", ["roomVersion"])).toBe("roomVersion");
  expect(nearest("bell", ["kind", "url"])).toBeUndefined();
  expect(nearest("x".repeat(10_000), ["name"])).toBeUndefined();
});

test.each([
  [1, "1ms", 1],
  [90_000, "90s", 90_000],
  [60_000, "1m", 60_000],
  [86_400_000, "1d", 86_400_000],
  [259_200_000, "3d", 259_200_000],
  [0, "0ms", 0],
])("%i ms is written %s and read back", (ms, text, back) => {
  expect(formatDuration(ms)).toBe(text);
  expect(duration().parse(text)).toBe(back);
});

test.each([
  [1_500, "1500B"],
  [64_000_000, "64MB"],
  [1_000_000_000, "1GB"],
])("%i bytes are written %s and read back", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
  expect(byteSize().parse(text)).toBe(bytes);
});

test("what everybody can guess", () => {
  for (const word of ["geheim", "Change-Me", "my CHANGE-ME token", "p_a_s_s_w_o_r_d"])
    expect(isGuessable(word)).toBe(true);
  expect(isGuessable("correct horse battery staple")).toBe(false);
  expect(weaknessOf("x7", 0)).toBeUndefined();
});

test("an outline keeps the facts of all wrappers", () => {
  const schema = z.strictObject({
    a: z.int().min(1).max(5).optional().describe("outer").meta({ example: 3 }),
    b: z.array(z.strictObject({ c: z.enum(["x", "y"]).default("x") })).min(1),
    d: z.preprocess((it) => it, z.string().max(9)),
  });
  const outline = outlineOf(schema);
  expect(outline.fields?.get("a")).toMatchObject({
    type: "number",
    integer: true,
    required: false,
    minimum: 1,
    maximum: 5,
    description: "outer",
    example: 3,
  });
  expect(outlineAt(outline, ["b", 7, "c"], {})).toMatchObject({
    values: ["x", "y"],
    defaultValue: "x",
  });
  expect(outlineAt(outline, ["d"], {})).toMatchObject({ type: "text", maximum: 9 });
  expect(outlineAt(outline, ["b", 0, "nothing", "there"], {})).toBeUndefined();
});
