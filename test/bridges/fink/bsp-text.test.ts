import { describe, expect, it } from "vitest";
import { decodeBase64, encodeBase64, sizeOfBase64 } from "../../../bridges/fink/bsp/base64.ts";
import { faultCodeOf, statusOfFault } from "../../../bridges/fink/bsp/names.ts";
import { BUILT_IN, parseProfile } from "../../../bridges/fink/bsp/profile.ts";
import { parseReceipt, writeReceipt } from "../../../bridges/fink/bsp/quittung.ts";
import { escapePlain, readText, unescapePlain } from "../../../bridges/fink/bsp/text.ts";
import { parseRemoteAddress, remoteAddress } from "../../../bridges/fink/address.ts";

describe("text/plain", () => {
  it.for([
    ["a\nb", "a\\nb"],
    ["C:\\neu", "C:\\\\neu"],
    ["\\n", "\\\\n"],
    ["\\\\", "\\\\\\\\"],
    ["ende\\", "ende\\\\"],
    ["\r\nx\r", "\\nx\\n"],
  ] as const)("%j is written as %j", ([text, wire]) => {
    expect(escapePlain(text)).toBe(wire);
    expect(unescapePlain(wire)).toBe(text.replace(/\r\n?/g, "\n"));
  });
  it("real line breaks stay and lone backslashes are themselves", () => {
    expect(unescapePlain("a\nb\\tc\\")).toBe("a\nb\\tc\\");
  });
  it("survives whatever stands in it", () => {
    const letters = ["\\", "n", "\n", "a", "\\n"];
    for (let seed = 0; seed < 500; seed += 1) {
      const text = Array.from({ length: 8 }, (_, n) => letters[(seed * (n + 3) * 7 + n) % 5]).join(
        "",
      );
      expect(unescapePlain(escapePlain(text))).toBe(text);
    }
  });
  it("with allowed tags is shown as HTML", () => {
    expect(readText("a <b>b</b>\\nc", "plain", BUILT_IN)).toEqual({
      html: "a <b>b</b><br />c",
      text: "a b\nc",
    });
  });
});

describe("base64", () => {
  it.for([0, 1, 2, 3, 4, 49_151, 49_152, 49_153, 200_000])("%i bytes come back", async (size) => {
    const bytes = Buffer.from(Array.from({ length: size }, (_, n) => (n * 31) % 256));
    const pieces: Buffer[] = [];
    const source = [bytes.subarray(0, 1), bytes.subarray(1, 5), bytes.subarray(5)];
    for await (const piece of encodeBase64(source)) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    expect(text).toBe(bytes.toString("base64"));
    const wrapped = text.replace(/(.{76})/g, "$1\r\n");
    expect(sizeOfBase64(wrapped)).toBe(size);
    expect(Buffer.concat([...decodeBase64(wrapped)]).equals(bytes)).toBe(true);
  });
  it.for(["a", "ab=", "abc", "ab==c", "====", "a===", "ab-_", "ab==abcd", "äöü="])(
    "%j is none",
    (text) => expect(sizeOfBase64(text)).toBeUndefined(),
  );
});

describe("receipts and faults", () => {
  it("a receipt reads as it was written", async () => {
    const receipt = { accepted: false, status: "32", hints: "Datei <a> & „b“" };
    expect(await parseReceipt(writeReceipt(receipt, BUILT_IN), BUILT_IN)).toEqual(receipt);
  });
  it("fault codes are those of the service", () => {
    const codes = ["10", "11", "20", "30", "31", "32", "99"];
    expect(codes.map(faultCodeOf)).toEqual(
      ["1010", "1011", "1020", "1030", "1031", "1032", "1999"].map((code) => `BSP${code}`),
    );
    expect(codes.map(faultCodeOf).map(statusOfFault)).toEqual(codes);
    expect(statusOfFault("Server")).toBeUndefined();
  });
});

describe("addresses", () => {
  it("are parsed strictly", () => {
    const party = { entityId: "https://a.example/idp", mailbox: "x-1" };
    expect(parseRemoteAddress(remoteAddress(party))).toEqual(party);
    for (const bad of ["x-1", "|x", "https://a|", "a|b|c", "a b|c", "a|b c", "authority:bauamt"])
      expect(parseRemoteAddress(bad)).toBeUndefined();
  });
});

describe("a profile", () => {
  it("names the line of every fault", () => {
    const text = "extends: bsp-2.13\nlimits:\n  files: viele\n  neu: 1\n";
    expect(() => parseProfile(text, "eigen.yaml")).toThrow(/eigen\.yaml:3:10: limits\.files/);
    expect(() => parseProfile(text, "eigen.yaml")).toThrow(/eigen\.yaml:4:8/);
  });
  it.for([
    "extends: other",
    "- a",
    "extends: bsp-2.13\nmailbox: '('",
    "extends: bsp-2.13\nrefusal: nie",
  ])("%j is refused", (text) => expect(() => parseProfile(text, "p")).toThrow(/^p/));
  it("may change one thing and keep the rest", () => {
    const own = parseProfile("extends: bsp-2.13\nwrite: { event: false }", "p");
    expect(own).toEqual({ ...BUILT_IN, write: { ...BUILT_IN.write, event: false } });
  });
});
