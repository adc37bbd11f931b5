import { describe, expect, it } from "vitest";
import {
  describeState,
  parseState,
  serialiseState,
} from "../../../bridges/bundid/application-state.ts";
import type { ApplicationState } from "../../../bridges/bundid/application-state.ts";
import { LetterFault } from "../../../bridges/bundid/letter-fault.ts";
import { BUILT_IN } from "../../../bridges/bundid/profile.ts";
import { FULL } from "./letter-samples.ts";

describe("application states", () => {
  const state: ApplicationState = {
    application: FULL.application ?? "",
    status: "ACTION_REQUIRED",
    service: "Bauvoranfrage",
    sender: "Bauamt",
    details: "Unterlagen fehlen",
    information: "Frist: 14 Tage",
    reference: "AZ 1",
    createdAt: new Date("2026-11-21T10:00:00.123Z"),
  };
  it("come back with every field", () =>
    expect(parseState(serialiseState(state, BUILT_IN), BUILT_IN)).toEqual(state));
  it("are told in German", () =>
    expect(describeState(state)).toEqual({
      subject: "Stand Ihres Antrags: Bauvoranfrage",
      text: "Stand: Ihre Mitwirkung ist nötig\nUnterlagen fehlen\nFrist: 14 Tage",
    }));
  it.each([
    [{ applicationId: "x" }],
    [{ status: "NONE" }],
    [{ publicServiceName: "Dienst" }],
    [{ publicServiceName: { en: "x" } }],
    [{ publicServiceName: { de: "x".repeat(101) } }],
    [{ publicServiceName: { de: "x", deutsch: "y" } }],
    [{ senderName: "x".repeat(101) }],
    [{ statusDetails: { de: "x".repeat(51) } }],
    [{ additionalInformation: { de: "x".repeat(101) } }],
    [{ reference: "x".repeat(51) }],
    [{ createdDate: "2026-11-21" }],
    [{ createdDate: "2026-02-30T00:00:00.000Z" }],
    [{ mehr: 1 }],
  ])("are refused with %j", (members) => {
    const wire = { ...(JSON.parse(serialiseState(state, BUILT_IN)) as object), ...members };
    expect(() => parseState(JSON.stringify(wire), BUILT_IN)).toThrow(LetterFault);
  });
});
