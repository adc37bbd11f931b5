import { describe, expect, it } from "vitest";
import { change, resigned } from "./forge.ts";
import {
  changed,
  edit,
  judge,
  manager,
  signedInit,
  unsignedInit,
  unsignedStore,
  type Change,
} from "./changes.ts";

describe("XML that it refuses (right column), signed or not", () => {
  const location = /xsi:schemaLocation="[^"]*"/;
  const rows: readonly [string, Change, string][] = [
    ["no schemaLocation", edit(location, ""), "9100"],
    ["a schemaLocation with another blank", edit("envelope/ soap", "envelope/  soap"), "9100"],
    [
      "a schemaLocation of another prefix",
      (pieces) =>
        change(
          change(pieces, "xsi:schemaLocation", "i:schemaLocation"),
          "<soap:Envelope",
          `<soap:Envelope xmlns:i="http://www.w3.org/2001/XMLSchema-instance"`,
        ),
      "9100",
    ],
    ["a DOCTYPE", edit("<soap:Envelope", "<!DOCTYPE x><soap:Envelope"), "9100"],
    ["a ControlBlock without Id", edit(` Id="controlblock"`, ""), "9100"],
    ["a Body without Id", edit(` Id="body"`, ""), "9100"],
    ["a block without Id", edit("</soap:Header>", `<f:b xmlns:f="urn:f"/></soap:Header>`), "9100"],
    [
      "an Id twice",
      edit("</soap:Header>", `<f:b xmlns:f="urn:f" Id="body"/></soap:Header>`),
      "9100",
    ],
    ["a wrong Response", edit(/<osci:Response>[^<]*/, "<osci:Response>AAAA"), "9400"],
    ["no Response", edit(/<osci:Response>.*<\/osci:Response>/, ""), "9100"],
    [
      "a SequenceNumber",
      edit(` Id="controlblock"`, ` Id="controlblock" SequenceNumber="0"`),
      "9400",
    ],
    ["no ConversationId", edit(` ConversationId="1003"`, ""), "9802"],
    ["no Challenge", edit(/<osci:Challenge>.*<\/osci:Challenge>/, ""), "9100"],
    ["no ControlBlock", edit(/<osci:ControlBlock.*<\/osci:ControlBlock>/, ""), "9100"],
    [
      "two ControlBlocks",
      (pieces) =>
        change(
          pieces,
          /<osci:ControlBlock.*<\/osci:ControlBlock>/,
          (block) => block + block.replace("controlblock", "other"),
        ),
      "9100",
    ],
    ["no Feedback", edit(/<osci:Feedback>.*<\/osci:Feedback>/, ""), "9100"],
    ["an empty Feedback", edit(/<osci:Entry.*<\/osci:Entry>/, ""), "9100"],
    ["a Feedback code that is none", edit(/<osci:Code>\d+/, "<osci:Code>ok"), "9100"],
    [
      "a Body with more than the order",
      edit("</soap:Body>", "<osci:exitDialog/></soap:Body>"),
      "9100",
    ],
    [
      "another order than the schemaLocation says",
      edit(/(?<=<\/?osci:)responseToInitDialog/g, "responseToExitDialog"),
      "9100",
    ],
    ["text in the header", edit("</soap:Header>", "text</soap:Header>"), "9100"],
  ];

  it.each(rows)("unsigned: %s", async (_name, apply, code) => {
    expect(await judge(await changed(unsignedInit, apply))).toMatch(new RegExp(` ${code}$`));
  });
  it.each(rows.filter(([name]) => !name.includes("DOCTYPE") && !name.includes("Id")))(
    "signed over that form: %s",
    async (_name, apply, code) => {
      const again: Change = async (pieces) => resigned(await apply(pieces), manager);
      expect(await judge(await changed(signedInit, again), true)).toMatch(new RegExp(` ${code}$`));
    },
  );

  it.each<[string, Change]>([
    [
      "a Base64Content without Id",
      (pieces) => change(pieces, `<osci:Base64Content Id="content0">`, "<osci:Base64Content>"),
    ],
    [
      "raw XML instead of Base64Content",
      (pieces) => change(pieces, /<osci:Base64Content.*?<\/osci:Base64Content>/s, "<x/>"),
    ],
    [
      "text instead of Base64Content",
      (pieces) => change(pieces, /<osci:Base64Content.*?<\/osci:Base64Content>/s, "text"),
    ],
    [
      "a Content that points outside",
      (pieces) => change(pieces, `href="cid:test.txt"`, `href="http://127.0.0.1/test.txt"`),
    ],
    [
      "something unknown in the package",
      (pieces) => change(pieces, "</osci:ContentPackage>", "<osci:Other/></osci:ContentPackage>"),
    ],
    [
      "something beside the package",
      (pieces) => change(pieces, "</osci:ContentPackage>", "</osci:ContentPackage><osci:Other/>"),
    ],
    [
      "two packages",
      (pieces) =>
        change(pieces, "</osci:ContentPackage>", "</osci:ContentPackage><osci:ContentPackage/>"),
    ],
  ])("a delivery with %s", async (_name, apply) => {
    expect(await judge(await changed(unsignedStore, apply))).toBe("INPUT_INVALID 9100");
  });
});
