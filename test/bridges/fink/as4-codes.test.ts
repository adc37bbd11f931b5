import { describe, expect, it } from "vitest";
import { KNOWN_CODES, meaningOf, normalCode, stageOf } from "../../../bridges/fink/as4/codes.ts";

/** bundid-fink.md §2.5: the classes of the standard's codes, written out here a second time on purpose. */
const TRANSIENT = ["0005", "0006", "0201", "0202", "0301", "0302"];
const CONFIGURATION = ["0010", "0101", "0102", "0103"];
const PERMANENT = ["0001", "0002", "0003", "0004", "0007", "0008", "0009", "0011", "0303"];

describe("error codes", () => {
  it.each([
    ["transient", TRANSIENT, "transient"],
    ["configuration", CONFIGURATION, "transient"],
    ["permanent", PERMANENT, "permanent"],
  ])("of class %s", (name, codes, fault) => {
    for (const code of codes)
      expect(meaningOf(`EBMS:${code}`), code).toMatchObject({ class: name, fault });
  });
  it("no code of the standard is left out, none is there twice", () => {
    const all = [...TRANSIENT, ...CONFIGURATION, ...PERMANENT].map((code) => `EBMS:${code}`);
    expect(KNOWN_CODES.filter((code) => code.startsWith("EBMS")).toSorted()).toEqual(
      all.toSorted(),
    );
  });
  it.each([
    ["EBMS_0005", "EBMS:0005"],
    ["EBMS:0005", "EBMS:0005"],
    ["DOMIBUS:WS_PLUGIN:0002", "WS_PLUGIN:0002"],
    ["WS_PLUGIN_0002", "WS_PLUGIN:0002"],
    [" EBMS:0001 ", "EBMS:0001"],
    ["something", "something"],
  ])("%s is written %s", (code, normal) => expect(normalCode(code)).toBe(normal));
  it.each(["EBMS:0065", "", "constructor", "__proto__"])(
    "%s, not in the list, ends the letter",
    (code) => {
      expect(meaningOf(code)).toMatchObject({ fault: "permanent", code: "LETTER_INVALID" });
    },
  );
});

describe("states", () => {
  it.each([
    ["SEND_ENQUEUED", "under-way"],
    ["WAITING_FOR_RETRY", "retrying"],
    ["ACKNOWLEDGED", "acknowledged"],
    ["ACKNOWLEDGED_WITH_WARNING", "acknowledged"],
    ["SEND_FAILURE", "failed"],
    ["NOT_FOUND", "absent"],
    ["RECEIVED", "unclear"],
    ["DELETED", "unclear"],
    ["NEW_STATE_OF_A_LATER_VERSION", "unclear"],
    ["toString", "unclear"],
    ["", "unclear"],
  ])("%s means %s", (status, stage) => expect(stageOf(status)).toBe(stage));
});
