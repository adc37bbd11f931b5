import { describe, expect, it } from "vitest";
import { decodeUtf8, parseStrictJson, StrictJsonError } from "../../../src/guard/strict-json.ts";

describe("strict JSON", () => {
  it.each([
    '{"a":1,"b":{"a":2},"c":[{"a":1},{"a":1}]}',
    '{"a":"b","b":"a"}',
    '["a","a"]',
    '{"a":"{\\"a\\":1,\\"a\\":2}"}',
    '"🏛️"',
    '{"a":"\\ud83c\\udfdb"}',
  ])("reads %s", (text) => expect(parseStrictJson(text)).toEqual(JSON.parse(text)));
  it.each([
    "",
    "{",
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '[{"x":{"a":1,"b":2,"a":3}}]',
    '{"a":"\\ud800"}',
    '{"\\ud800":1}',
    '"\ud800"',
    "\ufeff{}",
    "[".repeat(40) + "]".repeat(40),
  ])("refuses %s", (text) => expect(() => parseStrictJson(text)).toThrow(StrictJsonError));
  it("takes depth 32", () =>
    expect(() => parseStrictJson("[".repeat(32) + "]".repeat(32))).not.toThrow());
  it("refuses bytes that are not UTF-8", () =>
    expect(() => decodeUtf8(Buffer.from([0x22, 0xfc, 0x22]))).toThrow(StrictJsonError));
});
