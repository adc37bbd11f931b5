import { describe, expect, it } from "vitest";
import { readProperties, writeProperties } from "../../../bridges/osci/egvp/properties.ts";

const read = (text: string | Buffer) => Object.fromEntries(readProperties(Buffer.from(text)));

describe("additional_infos, read", () => {
  it.each([
    ["=", "subject=EB zu", { subject: "EB zu" }],
    ["colon", "subject:EB", { subject: "EB" }],
    ["blank", "subject EB zu", { subject: "EB zu" }],
    ["blanks around", "  subject \t= \f EB ", { subject: "EB " }],
    ["escaped separators", "a\\:b\\=c\\ d=e\\:f", { "a:b=c d": "e:f" }],
    ["a second separator belongs to the value", "a==b", { a: "=b" }],
    ["no value", "a", { a: "" }],
    ["unicode", "a=\\u00e4\\uD83C\\uDFDB", { a: "ä🏛" }],
    ["short escapes", "a=1\\t2\\n3\\r4\\f5\\\\6\\z", { a: "1\t2\n3\r4\f5\\6z" }],
    ["continued", "a=one \\\r\n   two\\\n\tthree", { a: "one twothree" }],
    ["an even number of backslashes ends the line", "a=one\\\\\nb=2", { a: "one\\", b: "2" }],
    ["comments", "#a=1\n ! b=2\n\n  # c\nd=4", { d: "4" }],
    ["a comment mark inside a continued line", "a=1\\\n#2", { a: "1#2" }],
    ["CR alone", "a=1\rb=2", { a: "1", b: "2" }],
    ["the last one counts", "a=1\na=2", { a: "2" }],
    ["an escape that is none stays as written", "a=C:\\users\\u12", { a: "C:\\users\\u12" }],
    ["a backslash at the end", "a=1\\", { a: "1" }],
    ["names of the prototype are only names", "__proto__=x\nconstructor=y", { constructor: "y" }],
  ])("%s", (_name, text, expected) => expect(read(text)).toMatchObject(expected));

  it("takes UTF-8 and, where that fails, Latin-1", () => {
    expect(read(Buffer.from("a=Größe", "utf8"))).toEqual({ a: "Größe" });
    expect(read(Buffer.from("a=Größe", "latin1"))).toEqual({ a: "Größe" });
  });
  it("refuses a flood of entries", () => {
    const flood = Array.from({ length: 1_001 }, (_, n) => `k${n}=v`).join("\n");
    expect(() => read(flood)).toThrow(expect.objectContaining({ code: "INPUT_HOSTILE" }));
  });
});

describe("additional_infos, written", () => {
  const now = new Date("2026-12-01T08:00:05Z");
  it("is what Java writes", () => {
    const bytes = writeProperties([["subject", "EB zu: Größe"]], now);
    expect(bytes.toString("latin1")).toBe(
      "#Tue Dec 01 08:00:05 UTC 2026\r\nsubject=EB zu\\: Gr\\u00F6\\u00DFe\r\n",
    );
  });
  it.each([
    "EB zu: 1 K 5/20",
    "  vorn und hinten  ",
    "a=b:c#d!e\\f",
    "Zeile\nzwei\r\n\tdrei",
    "🏛️ ä",
    "",
  ])("comes back: %j", (value) => {
    const bytes = writeProperties([["sub ject:=", value]], now);
    expect(readProperties(bytes)).toEqual(new Map([["sub ject:=", value]]));
  });
});
