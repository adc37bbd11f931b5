import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { messageSchema, partySchema } from "../../../src/model/message.ts";
import { DOCUMENT, sectionIn, squeeze } from "../../support/round-trip.ts";
import { measure, section } from "./round-trip.ts";

it("docs/round-trip.md says what the EGVP layer does", async () => {
  const written = sectionIn(readFileSync(DOCUMENT, "utf8"), "osci");
  expect(
    squeeze(written ?? ""),
    "stale: run `node test/bridges/osci/round-trip.ts --write`, then Prettier",
  ).toBe(squeeze(await section()));
});

it("every canonical field is in the table, and what is lost is lost for a reason", async () => {
  const { fields, unmeasured } = await measure();
  const known = fields.map(({ field }) => field.split(".")[0] ?? "");
  expect(new Set([...known, ...unmeasured])).toEqual(new Set(Object.keys(messageSchema.shape)));
  const party = Object.keys(partySchema.shape);
  for (const side of ["from", "to"])
    expect(fields.filter(({ field }) => field.startsWith(`${side}.`))).toHaveLength(party.length);
  expect(fields.filter(({ survives, reason }) => !survives && reason === "")).toEqual([]);
});

it("what is read and what ties a case together survives", async () => {
  const { fields, wire } = await measure();
  const surviving = fields.filter(({ survives }) => survives).map(({ field }) => field);
  expect(surviving).toEqual(
    expect.arrayContaining([
      ...["from.address", "from.name", "from.role", "to.address", "subject", "text"],
      ...["attachments.name", "attachments.mediaType", "attachments.blob"],
      ...["case.reference", "extra.egvp.kind"],
    ]),
  );
  expect(Object.keys(wire)).toHaveLength(9);
  expect(Object.values(wire).every(Boolean)).toBe(true);
});

it("nothing changes any more on the second round", async () => {
  const { fields } = await measure();
  expect(fields.filter(({ stable }) => !stable)).toEqual([]);
});
