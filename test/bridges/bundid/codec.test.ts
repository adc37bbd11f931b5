import { describe, expect, it } from "vitest";
import {
  caseKeyOf,
  contentOf,
  conversationOf,
  letterOf,
  messageOf,
} from "../../../bridges/bundid/codec.ts";
import type { Letterhead } from "../../../bridges/bundid/codec.ts";
import { acceptableName } from "../../../bridges/bundid/files.ts";
import type { Letter } from "../../../bridges/bundid/letter.ts";
import { BUILT_IN } from "../../../bridges/bundid/profile.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import type { Message } from "../../../src/model/message.ts";
import { letterTo, MAILBOX } from "./bench.ts";
import { FULL } from "./letter-samples.ts";

const HEAD: Letterhead = {
  senderName: "Stadt Beispielhausen, Bauamt",
  service: "Bauvoranfrage",
  minimumLevel: 1,
  defaultTitle: "Neue Nachricht",
  attachmentText: "Siehe Anlagen.",
  forbiddenHtml: "text",
};
const encode = (
  message: Message,
  head: Partial<Letterhead> = {},
  files: Letter["attachments"] = [],
) => letterOf(message, files, { ...HEAD, ...head }, BUILT_IN);
function refusalOf(run: () => unknown): DeliveryError {
  try {
    run();
  } catch (error) {
    if (error instanceof DeliveryError) return error;
    throw error;
  }
  throw new Error("not refused");
}

describe("from Matrix to a letter", () => {
  it("fills every field", () => {
    const message = letterTo(MAILBOX.toUpperCase(), {
      case: { reference: "AZ 1", applicationId: FULL.application ?? "" },
    });
    expect(
      encode(
        message,
        { routing: "r", receiptAddress: "a@b.example", url: "https://a.example" },
        FULL.attachments,
      ),
    ).toEqual({
      mailbox: MAILBOX,
      level: 3,
      sender: HEAD.senderName,
      title: "Nachforderung zu Ihrem Antrag",
      body: "Guten Tag,<br>bitte reichen Sie Unterlagen nach.",
      service: HEAD.service,
      url: "https://a.example",
      reference: "AZ 1",
      application: FULL.application,
      receiptAddress: "a@b.example",
      routing: "r",
      attachments: FULL.attachments,
    });
  });
  it("finds itself again when the authority has no file number", () => {
    const message = letterTo(MAILBOX);
    expect(encode(message).reference).toBe(`mxgw:${message.id}`);
  });
  it("asks for no reply where none is allowed", () => {
    expect(
      encode(letterTo(MAILBOX, { replyPolicy: "forbidden" }), { routing: "r" }).routing,
    ).toBeUndefined();
    expect(encode(letterTo(MAILBOX, { replyPolicy: "mandatory" }), { routing: "r" }).routing).toBe(
      "r",
    );
  });
  it.each([
    [1, 3, 3],
    [4, 3, 4],
    [2, 1, 2],
  ] as const)("level %i with at least %i becomes %i", (level, minimumLevel, expected) =>
    expect(encode(letterTo(MAILBOX, { level }), { minimumLevel }).level).toBe(expected),
  );
  it.each([
    [{ html: "<p>a <b>b</b></p>", text: "a b" }, "<p>a <b>b</b></p>"],
    [{ html: '<p class="x">a</p>', text: "a" }, "<p>a</p>"],
    [{ html: "<h1>Titel</h1><p>a</p>", text: "Titel\na & b" }, "Titel<br>a &amp; b"],
    [{ html: '<a href="http://a.example">a</a>', text: "a" }, "a"],
    [{ html: "<table><tr><td>a</td></tr></table>", text: undefined }, "a"],
    [{ html: " ", text: "a<b" }, "a&lt;b"],
    [
      {
        text: "  \n ",
        attachments: [
          {
            name: "a.pdf",
            mediaType: "application/pdf",
            blob: { digest: `sha256:${"0".repeat(64)}`, size: 1 },
          },
        ],
      },
      "Siehe Anlagen.",
    ],
  ] as [Partial<Message>, string][])("writes the text of %j", (more, expected) => {
    const { text, ...rest } = letterTo(MAILBOX);
    const merged = { ...rest, text, ...more };
    if (more.text === undefined && "text" in more) delete (merged as { text?: string }).text;
    expect(encode(merged as Message).body).toBe(expected);
  });
  it("has a title of its own when the message has none", () => {
    const { subject: _, ...untitled } = letterTo(MAILBOX);
    expect(encode(untitled).title).toBe("Neue Nachricht");
  });

  it.each([
    [
      "a subject too long",
      { subject: "x".repeat(1025) },
      "LETTER_INVALID",
      "Der Betreff ist zu lang: höchstens 1024 Zeichen, es sind 1025.",
    ],
    ["a text too long", { text: "x".repeat(1_000_001) }, "LETTER_INVALID", "Der Text ist zu lang"],
    [
      "a file number too long",
      { case: { reference: "x".repeat(256) } },
      "LETTER_INVALID",
      "Das Aktenzeichen ist zu lang",
    ],
    [
      "an application that is none",
      { case: { applicationId: "42" } },
      "LETTER_INVALID",
      "Die Antragsnummer",
    ],
    ["a mailbox that is none", { to: [{ address: "mailbox" }] }, "LETTER_INVALID", "Das Postfach"],
    ["two mailboxes", { to: [{ address: MAILBOX }, { address: MAILBOX }] }, "LETTER_INVALID", ""],
    ["nothing at all", { text: "" }, "CONTENT_UNSUPPORTED", "ohne Text und ohne Anlagen"],
  ] as [string, Partial<Message>, string, string][])(
    "refuses %s for good, and says why",
    (_what, more, code, notice) => {
      const error = refusalOf(() => encode(letterTo(MAILBOX, more)));
      expect([error.fault, error.code]).toEqual(["permanent", code]);
      expect(error.notice).toContain(notice);
    },
  );
  it("refuses formatting when the operator wants that", () => {
    const error = refusalOf(() =>
      encode(letterTo(MAILBOX, { html: "<h1>a</h1>" }), { forbiddenHtml: "refuse" }),
    );
    expect([error.code, error.notice]).toEqual([
      "CONTENT_REJECTED",
      "Der Text enthält eine nicht zugelassene Formatierung (h1).",
    ]);
  });
  it("refuses too many and too large files by name", () => {
    const six = Array.from({ length: 6 }, (_, n) => ({
      name: `${n}.pdf`,
      digest: "0".repeat(128),
      length: 1,
    }));
    expect(refusalOf(() => encode(letterTo(MAILBOX), {}, six))).toMatchObject({
      code: "ATTACHMENT_REJECTED",
      notice: "Das Schreiben hat zu viele Anlagen: höchstens 5, es sind 6.",
    });
    const large = [{ name: "Plan.pdf", digest: "0".repeat(128), length: 2_000_001 }];
    expect(refusalOf(() => encode(letterTo(MAILBOX), {}, large))).toMatchObject({
      code: "ATTACHMENT_REJECTED",
      notice: expect.stringContaining("„Plan.pdf“ ist zu groß"),
    });
  });
});

describe("names of files", () => {
  const { limits } = BUILT_IN;
  const name = (given: string, taken: string[] = []) =>
    acceptableName(given, new Set(taken), limits);
  it.each([
    ["Bescheid.pdf", "Bescheid.pdf"],
    ['a/b\\c:d*e?f"g<h>i|j.pdf', "a_b_c_d_e_f_g_h_i_j.pdf"],
    ["u\u0308ber.pdf", "über.pdf"],
    ["\u0007.pdf", "_.pdf"],
    ["  .pdf", ".pdf"],
    ["", "Datei"],
  ])("%j becomes %j", (given, expected) => expect(name(given)).toBe(expected));
  it("shortens before the ending", () => {
    const made = name(`${"ü".repeat(400)}.pdf`);
    expect([made.length, made.slice(-5)]).toEqual([255, "ü.pdf"]);
  });
  it("numbers what would be equal", () => {
    expect(name("a.pdf", ["a.pdf"])).toBe("a (2).pdf");
    expect(name("a:.pdf", ["a_.pdf", "a_ (2).pdf"])).toBe("a_ (3).pdf");
    expect(name(`${"x".repeat(300)}.pdf`, [`${"x".repeat(251)}.pdf`])).toHaveLength(255);
  });
});

describe("from a letter to Matrix", () => {
  const arrival = {
    sourceId: "s",
    signer: "Amt CN",
    receivedAt: new Date("2026-11-21T10:00:00Z"),
    files: [],
    replyPolicy: "possible",
  } as const;
  it("keeps everything", () =>
    expect(messageOf(FULL, arrival, BUILT_IN)).toEqual({
      sourceId: "s",
      conversation: conversationOf(FULL, "Amt CN"),
      sentAt: arrival.receivedAt,
      from: { address: "authority:Amt CN", name: FULL.sender, role: "authority" },
      to: [{ address: MAILBOX, role: "citizen" }],
      subject: FULL.title,
      text: "Guten Tag,\nbitte",
      html: "<p>Guten Tag,<br />bitte</p>",
      attachments: [],
      level: 3,
      replyPolicy: "possible",
      case: { reference: FULL.reference, applicationId: FULL.application },
      extra: {
        way: "inlet",
        kind: "letter",
        signer: "Amt CN",
        service: FULL.service,
        senderUrl: FULL.url,
        routingInfo: FULL.routing,
        replyAddress: FULL.replyAddress,
        retrievalConfirmationAddress: FULL.receiptAddress,
      },
    }));
  it("knows the room of a letter of the past, whoever wrote it", () => {
    const live = messageOf(FULL, arrival, BUILT_IN);
    const { from, to } = live;
    const matter = { reference: FULL.reference ?? "" };
    expect(caseKeyOf({ from, to, case: matter })).toBe(live.conversation);
    expect(caseKeyOf({ from: to[0] ?? from, to: [from], case: matter })).toBe(live.conversation);
    const upper = [{ address: MAILBOX.toUpperCase() }];
    expect(caseKeyOf({ from, to: upper, case: matter })).toBe(live.conversation);
    const { reference: _, ...byApplication } = FULL;
    expect(caseKeyOf({ from, to, case: { applicationId: FULL.application ?? "" } })).toBe(
      conversationOf(byApplication, "Amt CN"),
    );
    for (const nothing of [undefined, {}, { reference: "" }, { legalBasis: "ozg9" }])
      expect(caseKeyOf({ from, to, ...(nothing ? { case: nothing } : {}) })).toBeUndefined();
    expect(caseKeyOf({ from: { address: "a" }, to, case: matter })).toBeUndefined();
  });
  it("makes one room of one case", () => {
    const base = { mailbox: MAILBOX, service: "Dienst" };
    const of = (more: object, signer = "A") => conversationOf({ ...base, ...more }, signer);
    expect(of({ reference: "1" })).toBe(of({ reference: "1", application: FULL.application }));
    const distinct = [
      of({ reference: "1" }),
      of({ reference: "2" }),
      of({ reference: "1" }, "B"),
      of({ reference: "1", mailbox: "99999999-2222-4333-8444-555555555555" }),
      of({ application: "1" }),
      of({}),
      of({ service: "Anderer" }),
      of({ service: "1" }),
    ];
    expect(new Set(distinct).size).toBe(distinct.length);
    expect(of({ reference: "" })).toBe(of({}));
  });
  it.each([
    ["Guten Tag\n\n  eingerückt", { text: "Guten Tag\n\n  eingerückt" }],
    ["a &lt; b &amp; c", { text: "a < b & c" }],
    ["<b>a</b>", { text: "a", html: "<b>a</b>" }],
    ['<p onclick="x">a</p><script>b</script>', { text: "a", html: "<p>a</p>" }],
  ])("reads the text %j", (body, expected) => expect(contentOf(body, BUILT_IN)).toEqual(expected));
});
