import { describe, expect, it } from "vitest";
import {
  INTERMEDIARY_ROLES,
  NON_INTERMEDIARY_ROLES,
  readRoleCertificates,
  roleCertificate,
} from "../../../bridges/osci/wire/certificates.ts";
import { CODES, meaningOf, outcomeOf } from "../../../bridges/osci/wire/codes.ts";
import { hasCode, readFeedback, writeFeedback } from "../../../bridges/osci/wire/feedback.ts";
import { readProcessCard, writeProcessCard } from "../../../bridges/osci/wire/process-card.ts";
import { readTime } from "../../../bridges/osci/wire/time.ts";
import { identity, verdict } from "./support.ts";
import { keys, parsed, within, card } from "./card-support.ts";

describe("feedback", () => {
  const read = (...codes: readonly string[]): ReturnType<typeof readFeedback> =>
    readFeedback(within(writeFeedback(codes.map((code) => ({ code, language: "de", text: "t" })))));

  it.each<[readonly string[], string]>([
    [["0800"], "done"],
    [["0801", "3800"], "remarked"],
    [["3707"], "remarked"],
    [["3707", "9802", "0800"], "refused"],
    [["9803"], "refused"],
  ])("%j is %s", (codes, outcome) => {
    expect(read(...codes).outcome).toBe(outcome);
    expect(hasCode(read(...codes), codes[0] ?? "")).toBe(true);
    expect(hasCode(read(...codes), "0000")).toBe(false);
  });

  it("knows every code of the list and says so of others", () => {
    for (const code of Object.keys(CODES)) expect(outcomeOf(code)).toBeDefined();
    expect(meaningOf("9803")).toBe("no delivery matches");
    expect(meaningOf("9999")).toContain("9999");
    expect(meaningOf("toString")).toContain("not known");
    expect(["1234", "080", "08000", "0x80", ""].map(outcomeOf)).toEqual(Array(5).fill(undefined));
  });
});

describe("process cards", () => {
  it("come back with all stamps and inspections", () => {
    expect(readProcessCard(parsed(writeProcessCard(card)))).toEqual(card);
  });

  it("keep times as they stand, and know none without a zone", () => {
    expect(readTime("2026-01-02T03:04:05.678+01:00").at?.toISOString()).toBe(
      "2026-01-02T02:04:05.678Z",
    );
    expect(readTime("2026-01-02T03:04:05.1234567Z").at?.toISOString()).toBe(
      "2026-01-02T03:04:05.123Z",
    );
    expect(readTime("2026-01-02T03:04:05")).toEqual({ text: "2026-01-02T03:04:05", at: undefined });
  });

  it.each(["2026-13-02T03:04:05Z", "2026-01-02", "yesterday", ""])(
    "refuse the time %j",
    async (text) => {
      expect(await verdict(async () => readTime(text))).toBe("INPUT_INVALID 9100");
    },
  );

  it.each([
    ["without message id", /<osci:MessageId>.*<\/osci:MessageId>/, ""],
    [
      "with an empty message id",
      /<osci:MessageId>.*<\/osci:MessageId>/,
      "<osci:MessageId></osci:MessageId>",
    ],
    [
      "with a message id that is not UTF-8",
      /<osci:MessageId>.*<\/osci:MessageId>/,
      "<osci:MessageId>/w==</osci:MessageId>",
    ],
    ["without card", /<osci:ProcessCard .*<\/osci:ProcessCard>/, ""],
    ["with an unknown report", "<osci:Inspection>", "<osci:Other/><osci:Inspection>"],
  ])("are refused %s", async (_name, from, to) => {
    const markup = writeProcessCard(card).replace(from, to);
    expect(await verdict(async () => readProcessCard(parsed(markup)))).toBe("INPUT_INVALID 9100");
  });
});

describe("certificates of roles", () => {
  const { certificate } = identity(keys, "reader_enc");

  it("are named as the library names them", () => {
    expect(roleCertificate("CipherCertificateOtherReader", certificate, 3).id).toMatch(
      /^reader3_cipher_[0-9a-f]{64}$/,
    );
    expect(roleCertificate("SignatureCertificateOtherAuthor", certificate).id).toMatch(
      /^author0_signature_/,
    );
    expect(roleCertificate("SignatureCertificateIntermediary", certificate).id).toMatch(
      /^intermed_signature_/,
    );
  });

  it("are refused when a role that is one person is there twice, or none is known", async () => {
    const one = `<osci:CipherCertificateAddressee Id="a"><ds:X509Data xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Certificate>${certificate.raw.toString("base64")}</ds:X509Certificate></ds:X509Data></osci:CipherCertificateAddressee>`;
    const two = one + one.replace(`Id="a"`, `Id="b"`);
    const others = (markup: string): Promise<string> =>
      verdict(async () => readRoleCertificates(within(markup), NON_INTERMEDIARY_ROLES));
    expect(await others(one)).toBe("accepted");
    expect(await others(two)).toBe("INPUT_INVALID 9100");
    expect(await others(two.replaceAll("Addressee", "OtherReader"))).toBe("accepted");
    expect(await others(one.replace(` Id="a"`, ""))).toBe("INPUT_INVALID 9100");
    expect(await others(one.replace(/>MII[^<]*/, ">QUJD"))).toBe("INPUT_INVALID 9100");
    expect(await others(one.replace(/>MII[^<]*/, ">MII*"))).toBe("INPUT_INVALID 9100");
    const intermediary = verdict(async () => readRoleCertificates(within(one), INTERMEDIARY_ROLES));
    expect(await intermediary).toBe("INPUT_INVALID 9100");
  });
});
