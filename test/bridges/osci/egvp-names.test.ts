import { describe, expect, it } from "vitest";
import {
  countCharacters,
  legalName,
  NameRegister,
  readableName,
} from "../../../bridges/osci/egvp/file-names.ts";

describe("names for readers", () => {
  it.each([
    ["99 - Klage (Entwurf).pdf", "99 - Klage (Entwurf).pdf"],
    ["Übersicht.pdf".normalize("NFD"), "Übersicht.pdf"],
    ["../../etc/passwd", "passwd"],
    ["C:\\Windows\\system32\\a.exe", "a.exe"],
    ["/", "Datei"],
    ["", "Datei"],
    ["..", "Datei"],
    ["a/..", "Datei"],
    ["CON", "_CON"],
    ["con.pdf", "_con.pdf"],
    ["lpt9.txt", "_lpt9.txt"],
    ["console.pdf", "console.pdf"],
    ["Rechnung\u202efdp.exe", "Rechnungfdp.exe"],
    ["a\u0000b\r\nc.pdf", "abc.pdf"],
    ["a\u200bb\ufeff.pdf", "ab.pdf"],
    ["name.pdf. . ", "name.pdf"],
    ['a<b>c:"d|e?f*.pdf', "a_b_c__d_e_f_.pdf"],
    ["\ud800.pdf", "Datei.pdf"],
    [".htaccess", "Datei.htaccess"],
  ])("%j → %j", (given, expected) => expect(readableName(given)).toBe(expected));
  it("shortens before the extension, and never within a character", () => {
    const name = readableName(`${"🏛".repeat(500)}.pdf`);
    expect(countCharacters(name)).toBe(180);
    expect(name.endsWith("🏛.pdf")).toBe(true);
    expect(name.isWellFormed()).toBe(true);
  });
});

describe("names for EGVP", () => {
  it.each([
    ["Bescheid über Gebühren.pdf", "Bescheid_über_Gebühren.pdf"],
    ["Grüße".normalize("NFD") + ".pdf", "Grüße.pdf"],
    ["Café à la carte.PDF", "Cafe_a_la_carte.PDF"],
    ["Łódź & Œuvre § 5.pdf", "Lodz_und_Oeuvre_Par_5.pdf"],
    ["1.2.3 Anlage.tar.gz", "1_2_3_Anlage_tar.gz"],
    ["../a>b.pdf", "a_b.pdf"],
    ["🏛️.pdf", "Datei.pdf"],
    ["ﬁnal①.pdf", "final1.pdf"],
    ["ohne endung", "ohne_endung"],
    ["Москва.pdf", "Datei.pdf"],
  ])("%j → %j", (given, expected) => expect(legalName(given)).toBe(expected));
});

describe("a register of names", () => {
  it("numbers what is equal, whatever the case, and stays within the limit", () => {
    const names = new NameRegister();
    const take = (name: string) => names.take(name, 12, (count) => `_${count}`);
    expect(["Anlage12.pdf", "ANLAGE12.PDF", "anlage12.pdf"].map(take)).toEqual([
      "Anlage12.pdf",
      "ANLAGE_2.PDF",
      "anlage_3.pdf",
    ]);
  });
  it("keeps a reserved name free", () => {
    const names = new NameRegister(["xjustiz_nachricht.xml"]);
    expect(names.take("xjustiz_nachricht.xml", 90, (count) => `_${count}`)).toBe(
      "xjustiz_nachricht_2.xml",
    );
  });
});
