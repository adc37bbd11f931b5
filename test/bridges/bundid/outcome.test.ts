import { describe, expect, it } from "vitest";
import { evidenceOf, judgeAnswer } from "../../../bridges/bundid/outcome.ts";
import type { Answer } from "../../../bridges/bundid/outcome.ts";
import { BUILT_IN } from "../../../bridges/bundid/profile.ts";
import { readPath, readPathText } from "../../../bridges/bundid/value-path.ts";
import { DeliveryError } from "../../../src/model/errors.ts";

function answer(status: number, body = "", more: Partial<Answer> = {}): Answer {
  const contentType = "application/json";
  return {
    status,
    contentType,
    retryAfter: undefined,
    body: Buffer.from(body),
    complete: true,
    ...more,
  };
}
function judge(given: Answer, requestWasComplete = true): Answer | DeliveryError {
  try {
    return judgeAnswer(given, BUILT_IN.send.ok, BUILT_IN, requestWasComplete);
  } catch (error) {
    if (error instanceof DeliveryError) return error;
    throw error;
  }
}

describe("what an answer means", () => {
  it.each([
    ["with a body", answer(200, '{"id":"1"}')],
    ["without one", answer(202)],
    ["with garbage", answer(201, "<html>")],
    ["cut off", answer(200, '{"id', { complete: false })],
  ])("a success %s is a success", (_what, given) => expect(judge(given)).toBe(given));
  it("a success before the letter was out is no proof", () =>
    expect(judge(answer(200), false)).toMatchObject({
      fault: "unknown",
      code: "REMOTE_ANSWER_INVALID",
    }));
  it("a success nobody announced is no proof", () =>
    expect(judge(answer(204))).toMatchObject({ fault: "unknown" }));
  it.each([400, 404, 409, 410])(
    "a %i that does not speak the interface's language lets the letter wait",
    (status) => {
      expect(judge(answer(status, "<html>Not here"))).toMatchObject({
        fault: "transient",
        code: "REMOTE_ANSWER_INVALID",
      });
      expect(judge(answer(status, "{}"))).toMatchObject({ fault: "permanent" });
    },
  );
  it("names code and field of a refusal, but quotes no free text beside them", () => {
    const body = JSON.stringify({
      code: "SCHEMA",
      field: "title",
      message: "Betreff: Kündigung Mustermann",
    });
    const error = judge(answer(400, body));
    expect(error).toMatchObject({
      message: "answered 400: SCHEMA: title",
      status: 400,
      remoteCode: "SCHEMA",
    });
    expect(judge(answer(422, '{"errors":[{"message":"kein\\nHTML"}]}'))).toMatchObject({
      message: "answered 422: kein HTML",
    });
  });
  it.each([
    ["30", 30_000],
    ["999999999", 86_400_000],
    ["-5", undefined],
    ["bald", undefined],
    [new Date(Date.now() - 1000).toUTCString(), undefined],
  ])("Retry-After: %s", (retryAfter, expected) =>
    expect(judge(answer(503, "", { retryAfter }))).toMatchObject({ retryAfterMs: expected }),
  );
  it("Retry-After may be a date", () => {
    const error = judge(
      answer(503, "", { retryAfter: new Date(Date.now() + 60_000).toUTCString() }),
    );
    const wait = error instanceof DeliveryError ? (error.retryAfterMs ?? 0) : 0;
    expect(wait).toBeGreaterThan(50_000);
    expect(wait).toBeLessThanOrEqual(60_000);
  });
  it("keeps the answer as it came", () =>
    expect(evidenceOf(answer(200, "ä", { complete: false })).toString()).toBe(
      "HTTP/1.1 200\r\nContent-Type: application/json\r\nX-Note: the answer broke off here\r\n\r\nä",
    ));
});

describe("paths into foreign JSON", () => {
  const value = { id: 7, a: { b: ["x", "y"] }, errors: [{ text: "" }, { text: "t" }], "": 1 };
  it.each([
    ["$.id", 7],
    ["$.a.b", ["x", "y"]],
    ["$.a.b[*]", "x"],
    ["$.errors[*].text", ""],
    ["$.fehlt", undefined],
    ["$.id.tiefer", undefined],
    ["$.id[*]", undefined],
    ["$.toString", undefined],
  ])("%s", (path, expected) => expect(readPath(value, path)).toEqual(expected));
  it("makes text of numbers and cuts it", () => {
    expect(readPathText(value, "$.id")).toBe("7");
    expect(readPathText({ a: "x".repeat(900) }, "$.a")).toHaveLength(500);
    expect(readPathText(null, "$.a")).toBeUndefined();
  });
});
