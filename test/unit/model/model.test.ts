import { describe, expect, it } from "vitest";
import { ERRORS, noticeFor, type ErrorCode } from "../../../src/model/errors.ts";
import { digestOf, newId } from "../../../src/model/id.ts";
import { parseMessage, type Message } from "../../../src/model/message.ts";
import { overrules, RECEIPT_RANK, type ReceiptKind } from "../../../src/model/receipt.ts";
import { mayBecome, MESSAGE_STATES, UNFINISHED } from "../../../src/model/state.ts";

describe("ids", () => {
  it("are UUIDv7 and sort by time", () => {
    const ids = [1, 2, 3].map((n) => newId(1_700_000_000_000 + n));
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(Array.from({ length: 10_000 }, () => newId())).size).toBe(10_000);
  });

  it("digests keep parts apart", () => {
    expect(digestOf("ab", "c")).not.toBe(digestOf("a", "bc"));
    expect(digestOf("ä")).toBe(digestOf(Buffer.from("ä")));
  });
});

describe("message", () => {
  const message: Message = {
    id: newId(),
    account: "bauamt",
    sourceId: "s-1",
    conversation: "k",
    sentAt: new Date("2026-03-29T00:30:00Z"),
    from: { address: "a", name: "Ä" },
    to: [{ address: "b", role: "citizen" }],
    text: "Grüße 👋 \u0000?",
    attachments: [
      {
        name: "Übersicht.pdf",
        mediaType: "application/pdf",
        blob: { digest: `sha256:${"0".repeat(64)}`, size: 3 },
      },
    ],
    level: 3,
    replyPolicy: "possible",
    case: { reference: "Az 1/26" },
    extra: { x: "y" },
  };

  it("survives the stored form", () => {
    expect(parseMessage(JSON.stringify(message))).toEqual(message);
  });

  it("survives the stored form with details, a request and an act", () => {
    const full: Message = {
      ...message,
      details: [{ label: "Zugang", value: "02.03.2026, 10:00 Uhr" }],
      request: {
        name: "eeb",
        title: "Empfangsbekenntnis",
        deadline: new Date("2026-11-21T22:59:00.000Z"),
        choices: [
          {
            name: "abgeben",
            label: "Empfang bestätigen",
            argument: { label: "Datum", kind: "date", required: true },
          },
          { name: "ablehnen", label: "Empfang ablehnen", hint: "Mit Grund" },
        ],
      },
      action: { name: "eeb", choice: "abgeben", argument: "2026-11-21" },
    };
    expect(parseMessage(JSON.stringify(full))).toEqual(full);
    const { deadline: _none, ...open } = full.request ?? { name: "none" };
    const parsed = parseMessage(JSON.stringify({ ...full, request: open }));
    expect(parsed.request?.deadline).toBeUndefined();
    expect(() =>
      parseMessage(JSON.stringify({ ...full, request: { ...open, choices: [] } })),
    ).toThrow();
  });

  it.each([
    ["level", { level: 5 }],
    ["recipient", { to: [] }],
    ["digest", { original: { digest: "sha256:xyz", size: 1 } }],
    ["date", { sentAt: "gestern" }],
  ])("refuses a wrong %s", (_what, change) => {
    expect(() => parseMessage(JSON.stringify({ ...message, ...change }))).toThrow();
  });
});

describe("receipts", () => {
  const kinds = Object.keys(RECEIPT_RANK) as ReceiptKind[];
  it("have distinct ranks, so that two stages never tie", () => {
    expect(new Set(Object.values(RECEIPT_RANK)).size).toBe(kinds.length);
  });
  it("overrule upwards only", () => {
    for (const a of kinds)
      for (const b of kinds) expect(overrules(a, b)).toBe(RECEIPT_RANK[a] > RECEIPT_RANK[b]);
    expect(overrules("submission-accepted", undefined)).toBe(true);
  });
});

describe("states", () => {
  it("final states have no way on; every unfinished one has", () => {
    for (const from of ["delivered", "rejected"] as const)
      expect(MESSAGE_STATES.filter((to) => mayBecome(from, to))).toEqual([]);
    for (const from of UNFINISHED)
      expect(MESSAGE_STATES.some((to) => mayBecome(from, to))).toBe(true);
  });
  it("a letter never leaves without an attempt on record", () => {
    expect(mayBecome("pending", "delivered")).toBe(false);
    expect(mayBecome("held", "delivered")).toBe(false);
    expect(mayBecome("failed", "delivered")).toBe(false);
  });
});

describe("error codes", () => {
  it("each say what it means and what to do", () => {
    for (const [code, entry] of Object.entries(ERRORS)) {
      expect(entry.meaning, code).not.toBe("");
      expect(entry.next, code).not.toBe("");
      expect(noticeFor(code as ErrorCode), code).toMatch(/[.!]$/);
    }
  });
});
