import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { conversationOf, messageOf } from "../../../bridges/bundid/codec.ts";
import { parseLetter } from "../../../bridges/bundid/letter.ts";
import { LetterFault } from "../../../bridges/bundid/letter-fault.ts";
import { BUILT_IN } from "../../../bridges/bundid/profile.ts";

const folder = new URL("../../../fixtures/bundid/", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, folder), "utf8");
const names = (path: string) =>
  readdirSync(new URL(path, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
const letters = names(".").filter((name) => name.startsWith("letter-"));
const hostile = names("hostile");

describe("letters on file", () => {
  it("are there", () => expect([letters.length, hostile.length]).toEqual([3, 7]));
  it.each(letters)("%s becomes its canonical message", (name) => {
    const letter = parseLetter(read(`${name}/content.txt`), BUILT_IN);
    const receivedAt = new Date("2026-11-21T10:00:00Z");
    const arrival = {
      sourceId: name,
      signer: "Amt CN",
      receivedAt,
      files: [],
      replyPolicy: "possible",
    } as const;
    const expected: unknown = JSON.parse(read(`${name}/message.json`));
    expect(messageOf(letter, arrival, BUILT_IN)).toEqual({
      ...(expected as object),
      sourceId: name,
      sentAt: receivedAt,
      conversation: conversationOf(letter, "Amt CN"),
    });
  });
  it.each(hostile)("hostile: %s is refused", (name) => {
    const refuse = () => parseLetter(read(`hostile/${name}/content.txt`), BUILT_IN);
    expect(refuse).toThrow(LetterFault);
    expect(refuse).toThrow(
      expect.objectContaining(JSON.parse(read(`hostile/${name}/fault.json`)) as object),
    );
  });
});
