import { describe, expect, it } from "vitest";
import { change, resigned, stripped } from "./forge.ts";
import { fixture, verdict } from "./support.ts";
import {
  certificates,
  changed,
  edit,
  foreign,
  judge,
  manager,
  moved,
  originator,
  prefixes,
  encryptedInit,
  signedInit,
  signedStore,
  takeAll,
  unsignedInit,
  unsignedStore,
  type Change,
} from "./changes.ts";

describe("the unchanged messages", () => {
  it.each([
    ["unsigned", unsignedInit],
    ["signed", signedInit],
    ["encrypted", encryptedInit],
    ["delivery", signedStore],
  ])("%s", async (_name, message) => {
    expect(await judge(message)).toBe("accepted");
  });
  it("survive being taken apart and signed anew", async () => {
    expect(
      await judge(await changed(signedInit, (pieces) => resigned(pieces, manager)), true),
    ).toBe("accepted");
    expect(
      await judge(await changed(signedStore, (pieces) => resigned(pieces, originator)), true),
    ).toBe("accepted");
  });
});

describe("XML that the reference implementation accepts (facts §2.3, left column)", () => {
  const rows: readonly [string, Change][] = [
    ["other prefixes", prefixes],
    ["white space between and inside of blocks", edit(/></g, ">\r\n  <")],
    ["comments", edit(/></g, "><!-- c --><")],
    ["CDATA", edit(/<osci:Code>(\d+)/, "<osci:Code><![CDATA[0801]]>")],
    ["single quotes", edit(/ Id="body"/, " Id='body'")],
    [
      "another order of attributes",
      edit(` ConversationId="1003" Id="controlblock"`, ` Id="controlblock" ConversationId="1003"`),
    ],
    [
      "self-closing tags",
      (pieces) => change(pieces, /<osci:Text>[^<]*<\/osci:Text>/, "<osci:Text/>"),
    ],
    [
      "redundant declarations left out",
      edit(/(<(?:osci:ControlBlock|soap:Body))(?: xmlns:\w+="[^"]*")+/g, "$1"),
    ],
    ["no XML declaration", edit(/^<\?xml.*?\?>\s*/s, "")],
    ["an unknown block with Id", edit("</soap:Header>", `${foreign}</soap:Header>`)],
    ["no actor", edit(/ soap:actor="[^"]*"/g, "")],
    ["no mustUnderstand", edit(/ soap:mustUnderstand="1"/g, "")],
    [
      "Challenge before Response",
      (pieces) =>
        change(
          pieces,
          /(<osci:Response>.*<\/osci:Response>)(<osci:Challenge>.*<\/osci:Challenge>)/,
          (_m, a = "", b = "") => b + a,
        ),
    ],
    ["a ConversationId that is no number", edit(/"1003"/, `"abc-1"`)],
    [
      "several entries of Feedback",
      edit(
        "</osci:Feedback>",
        `<osci:Entry xml:lang="en"><osci:Code>3707</osci:Code><osci:Text>x</osci:Text></osci:Entry></osci:Feedback>`,
      ),
    ],
    ["a code of refusal", edit(/<osci:Code>\d+/, "<osci:Code>9999")],
  ];
  // A replacement with groups needs the real one of `String.replace`.
  const regrouped: Change = (pieces) =>
    change(
      pieces,
      /(<(?:osci:ControlBlock|soap:Body))(?: xmlns:\w+="[^"]*")+/g,
      (_m, tag = "") => tag,
    );
  const table = rows.map(([name, apply]): [string, Change] => [
    name,
    name.startsWith("redundant") ? regrouped : apply,
  ]);

  it.each(table)("unsigned: %s", async (_name, apply) => {
    expect(await judge(await changed(unsignedInit, apply))).toBe("accepted");
  });
  it.each(table)("signed over that form: %s", async (_name, apply) => {
    const again: Change = async (pieces) => resigned(await apply(pieces), manager);
    expect(await judge(await changed(signedInit, again), true)).toBe("accepted");
  });

  it("the signature block at the end of the header", async () => {
    const last = moved(/<osci:SupplierSignature.*<\/osci:SupplierSignature>/s, "</soap:Header>");
    expect(await judge(await changed(signedInit, last), true)).toBe("accepted");
  });
  it("the certificates before the ControlBlock", async () => {
    const first = moved(certificates, "<osci:ControlBlock");
    expect(await judge(await changed(signedInit, first), true)).toBe("accepted");
  });
  it("no signature at all, unless one is demanded", async () => {
    const bare = await changed(signedInit, stripped);
    expect(await judge(bare)).toBe("accepted");
    expect(await judge(bare, true)).toBe("SIGNATURE_INVALID 9600");
  });
  it("containers before encrypted data, and no process card", async () => {
    const fetched = fixture("plain-unsigned", "04-ResponseToFetchDelivery.outer.mime");
    const without = edit(/<osci:ProcessCardBundle>.*<\/osci:ProcessCardBundle>/s, "");
    expect(await judge(await changed(fetched, without))).toBe("accepted");
    const swapped = moved(
      /<xenc:EncryptedData .*?<\/xenc:EncryptedData>(?=<\/osci:ContentPackage>)/s,
      "<osci:ContentContainer",
    );
    expect(await judge(await changed(fetched, swapped))).toBe("accepted");
  });
  it("a part that nothing refers to, when it is not signed", async () => {
    const extra: Change = ({ xml, parts }) => ({
      xml,
      parts: [...parts, { id: "extra", bytes: Buffer.from("x") }],
    });
    expect(await judge(await changed(unsignedStore, extra))).toBe("accepted");
    expect(await judge(await changed(signedStore, extra), true)).toBe("SIGNATURE_INVALID 9602");
  });
  it("a part that is missing shows when it is to be taken", async () => {
    const missing: Change = ({ xml, parts }) => ({ xml, parts: parts.slice(1) });
    const bytes = await changed(unsignedStore, missing);
    expect(await verdict(() => takeAll(bytes))).toBe("ATTACHMENT_MISSING 9100");
    expect(await judge(await changed(signedStore, missing), true)).toBe("SIGNATURE_INVALID 9601");
  });
});
