import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readEgvp } from "../../../bridges/osci/egvp/index.ts";
import { messageSchema } from "../../../src/model/message.ts";
import { CASES, deliveryOnFile, FOLDER } from "./egvp-support.ts";

describe("deliveries on file", () => {
  it("are there", () => expect(CASES).toHaveLength(7));
  it.each(CASES)("%s becomes its canonical letter", async (name) => {
    const reading = await readEgvp(deliveryOnFile(name));
    const expected: unknown = JSON.parse(readFileSync(`${FOLDER}${name}/message.json`, "utf8"));
    expect(JSON.parse(JSON.stringify(reading))).toEqual(expected);
  });
  it.each(CASES)("%s fits the canonical form", async (name) => {
    const { letter } = await readEgvp(deliveryOnFile(name));
    const ids = { id: "1", account: "a", sourceId: "s", conversation: "c" };
    expect(messageSchema.safeParse({ ...letter, ...ids, to: [{ address: "x" }] }).error).toBe(
      undefined,
    );
  });
});
