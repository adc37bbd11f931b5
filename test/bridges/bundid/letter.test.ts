import { describe, expect, it } from "vitest";
import { parseLetter, serialiseLetter } from "../../../bridges/bundid/letter.ts";
import { LetterFault } from "../../../bridges/bundid/letter-fault.ts";
import { BUILT_IN } from "../../../bridges/bundid/profile.ts";
import { MAILBOX } from "./bench.ts";
import { FULL } from "./letter-samples.ts";

describe("the signed string", () => {
  it("comes back with every field", () =>
    expect(parseLetter(serialiseLetter(FULL, BUILT_IN), BUILT_IN)).toEqual(FULL));
  it("has the names of the interface", () => {
    const wire = JSON.parse(serialiseLetter(FULL, BUILT_IN)) as Record<string, unknown>;
    expect(Object.keys(wire)).toEqual([
      ...["mailboxUuid", "stork_qaa_level", "sender", "title", "content", "service", "senderUrl"],
      ...["reference", "retrievalConfirmationAddress", "replyAddress", "applicationId"],
      ...["routingInfo", "attachments"],
    ]);
    expect(wire["attachments"]).toEqual([
      { filename: "Bescheid über Gebühren.pdf", sha512sum: "a".repeat(128), contentLength: 48_213 },
    ]);
  });
  it("takes the mailbox in any case and without attachments", () => {
    const wire = JSON.parse(serialiseLetter(FULL, BUILT_IN)) as Record<string, unknown>;
    delete wire["attachments"];
    wire["mailboxUuid"] = MAILBOX.toUpperCase();
    expect(parseLetter(JSON.stringify(wire), BUILT_IN)).toMatchObject({
      mailbox: MAILBOX,
      attachments: [],
    });
  });
});

const change = (members: Record<string, unknown>) =>
  JSON.stringify({ ...(JSON.parse(serialiseLetter(FULL, BUILT_IN)) as object), ...members });
const files = (count: number, more: object = {}) =>
  Array.from({ length: count }, (_, n) => ({
    filename: `a${n}.pdf`,
    sha512sum: "0".repeat(128),
    contentLength: 1,
    ...more,
  }));

describe("limits of a letter", () => {
  it.each([
    ["title", "x".repeat(1024)],
    ["title", "🏛".repeat(1024)],
    ["sender", "x".repeat(255)],
    ["service", "x".repeat(255)],
    ["reference", "x".repeat(255)],
    ["reference", ""],
    ["senderUrl", `https://${"x".repeat(247)}`],
    ["content", "x".repeat(1_000_000)],
    ["content", "1 < 2 & zwei\tTabs\nZeilen"],
    ["stork_qaa_level", 1],
    ["stork_qaa_level", 4],
    ["attachments", files(5)],
    ["attachments", files(1, { contentLength: 2_000_000 })],
    ["attachments", files(1, { contentLength: 0 })],
    ["attachments", files(1, { filename: `${"x".repeat(251)}.pdf` })],
    ["applicationId", undefined],
    ["replyAddress", `${"a".repeat(64)}@${"b".repeat(60)}.example`],
  ])("takes %s at its limit", (field, value) =>
    expect(() => parseLetter(change({ [field]: value }), BUILT_IN)).not.toThrow(),
  );
  it.each([
    ["title", "x".repeat(1025), "schema"],
    ["title", "", "schema"],
    ["title", "a\nb", "schema"],
    ["title", 5, "schema"],
    ["title", null, "schema"],
    ["title", undefined, "schema"],
    ["sender", "x".repeat(256), "schema"],
    ["sender", "", "schema"],
    ["service", "x".repeat(256), "schema"],
    ["service", undefined, "schema"],
    ["reference", "x".repeat(256), "schema"],
    ["senderUrl", `https://${"x".repeat(248)}`, "schema"],
    ["senderUrl", "http://a.example", "schema"],
    ["senderUrl", "https://a b", "schema"],
    ["replyAddress", "kein Mensch", "schema"],
    ["replyAddress", `${"a".repeat(400)}@b.example`, "schema"],
    ["retrievalConfirmationAddress", "a@b@c", "schema"],
    ["applicationId", "42", "schema"],
    ["mailboxUuid", "42", "schema"],
    ["mailboxUuid", undefined, "schema"],
    ["stork_qaa_level", 0, "schema"],
    ["stork_qaa_level", 5, "schema"],
    ["stork_qaa_level", "3", "schema"],
    ["stork_qaa_level", 2.5, "schema"],
    ["stork_qaa_level", undefined, "schema"],
    ["routingInfo", "x".repeat(4001), "schema"],
    ["routingInfo", "", "schema"],
    ["content", "x".repeat(1_000_001), "size"],
    ["content", "ä".repeat(500_001), "size"],
    ["content", "", "schema"],
    ["content", "a\u0000b", "schema"],
    ["content", "<script>x</script>", "content"],
    ["content", '<a href="http://a.example">x</a>', "content"],
    ["content", "<p>offen", "content"],
    ["attachments", files(6), "size"],
    ["attachments", {}, "schema"],
    ["unbekannt", 1, "schema"],
  ])("refuses %s beyond it", (field, value, kind) => {
    const fault = faultOf(change({ [field]: value }));
    expect([fault.kind, fault.field]).toEqual([kind, field]);
  });
  it.each([
    [{ contentLength: 2_000_001 }, "contentLength", "size"],
    [{ contentLength: -1 }, "contentLength", "schema"],
    [{ contentLength: "1" }, "contentLength", "schema"],
    [{ contentLength: 1.5 }, "contentLength", "schema"],
    [{ sha512sum: "A".repeat(128) }, "sha512sum", "schema"],
    [{ sha512sum: "0".repeat(64) }, "sha512sum", "schema"],
    [{ filename: "" }, "filename", "schema"],
    [{ filename: "x".repeat(256) }, "filename", "schema"],
    [{ filename: "a/b.pdf" }, "filename", "schema"],
    [{ filename: "a\\b.pdf" }, "filename", "schema"],
    [{ filename: "a:b.pdf" }, "filename", "schema"],
    [{ filename: ".." }, "filename", "schema"],
    [{ filename: "a\u0007.pdf" }, "filename", "schema"],
    [{ mehr: 1 }, "mehr", "schema"],
  ])("refuses an attachment with %j", (more, member, kind) => {
    const fault = faultOf(change({ attachments: files(1, more) }));
    expect([fault.kind, fault.field]).toEqual([kind, `attachments[0].${member}`]);
  });
  it("refuses two attachments of one name", () =>
    expect(faultOf(change({ attachments: files(2, { filename: "a.pdf" }) })).field).toBe(
      "attachments[1].filename",
    ));
  it.each(["", "[]", "null", "{", '{"title":"a","title":"b"}', "\ufeff{}"])(
    "refuses %j",
    (content) => expect(() => parseLetter(content, BUILT_IN)).toThrow(LetterFault),
  );
  function faultOf(content: string): LetterFault {
    try {
      parseLetter(content, BUILT_IN);
    } catch (error) {
      if (error instanceof LetterFault) return error;
      throw error;
    }
    throw new Error("not refused");
  }
});
