import { describe, expect, it } from "vitest";
import { roleCertificate } from "../../../bridges/osci/wire/certificates.ts";
import { composeMessage } from "../../../bridges/osci/wire/compose.ts";
import { writeMessage } from "../../../bridges/osci/wire/message-write.ts";
import { change, resigned } from "./forge.ts";
import { bytesOf, receive, verdict } from "./support.ts";
import {
  changed,
  edit,
  foreign,
  judge,
  keys,
  manager,
  moved,
  recipient,
  signedInit,
  signedStore,
  unsignedStore,
  type Change,
} from "./changes.ts";

describe("the transport signature", () => {
  const signed = (apply: Change, message = signedInit): Promise<string> =>
    changed(message, apply).then((bytes) => judge(bytes, true));

  it.each<[string, Change, string]>([
    ["a changed Body", edit("Dialog weiterhin", "Dialog weiterhim"), "9601"],
    ["a changed block", edit(`ConversationId="1003"`, `ConversationId="1004"`), "9601"],
    [
      "an unknown block that is not signed",
      edit("</soap:Header>", `${foreign}</soap:Header>`),
      "9602",
    ],
    [
      "a signature before the ControlBlock",
      moved(/<osci:SupplierSignature.*<\/osci:SupplierSignature>/s, "<osci:ControlBlock"),
      "9100",
    ],
    [
      "a signature of the wrong kind",
      (pieces) => change(pieces, /SupplierSignature/g, "ClientSignature"),
      "9100",
    ],
    [
      "two signatures",
      (pieces) =>
        change(
          pieces,
          /<osci:SupplierSignature.*<\/osci:SupplierSignature>/s,
          (block) => block + block.replace("suppliersignature", "s2"),
        ),
      "9100",
    ],
    ["an empty signature block", edit(/<ds:Signature>.*<\/ds:Signature>/s, ""), "9601"],
    [
      "another canonicalisation",
      edit(
        /(?<=CanonicalizationMethod Algorithm=")[^"]*/,
        "http://www.w3.org/2001/10/xml-exc-c14n#",
      ),
      "9601",
    ],
    [
      "another transform",
      edit(/(?<=ds:Transform Algorithm=")[^"]*/, "http://www.w3.org/2001/10/xml-exc-c14n#"),
      "9601",
    ],
    [
      "an additional transform",
      (pieces) =>
        change(
          pieces,
          "</ds:Transforms>",
          `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/></ds:Transforms>`,
        ),
      "9601",
    ],
    [
      "a weak digest",
      (pieces) =>
        change(
          pieces,
          /http:\/\/www.w3.org\/2001\/04\/xmlenc#sha256/g,
          "http://www.w3.org/2000/09/xmldsig#sha1",
        ),
      "9601",
    ],
    ["a weak signature method", edit("xmldsig-more#rsa-sha256", "xmldsig-more#rsa-md5"), "9601"],
    ["a broken value", edit(/<ds:SignatureValue>..../, "<ds:SignatureValue>AAAA"), "9601"],
    [
      "a reference to another certificate",
      edit(/RetrievalMethod URI="#/, `RetrievalMethod URI="#x`),
      "9601",
    ],
    [
      "a reference out of the message",
      edit(/RetrievalMethod URI="#/, `RetrievalMethod URI="http://127.0.0.1/#`),
      "9601",
    ],
    [
      "a key of its own",
      (pieces) => change(pieces, "<ds:KeyInfo>", "<ds:KeyInfo><ds:KeyValue/>"),
      "9601",
    ],
    ["no references", edit(/<ds:Reference .*<\/ds:Reference>/s, ""), "9100"],
  ])("is refused with %s", async (_name, apply, code) => {
    expect(await signed(apply)).toMatch(new RegExp(` ${code}$`));
  });

  it.each<[string, readonly string[], string]>([
    ["without the Body", ["#controlblock", "#intermediarycertificates"], "9602"],
    ["without a block", ["#controlblock", "#body"], "9602"],
    ["with a part twice", ["#controlblock", "#intermediarycertificates", "#body", "#body"], "9601"],
    [
      "with a part that is none",
      ["#controlblock", "#intermediarycertificates", "#body", "#suppliersignature"],
      "9601",
    ],
    [
      "over the whole document",
      ["", "#controlblock", "#intermediarycertificates", "#body"],
      "9601",
    ],
  ])("must cover everything once: %s", async (_name, uris, code) => {
    expect(await signed((pieces) => resigned(pieces, manager, uris))).toBe(
      `SIGNATURE_INVALID ${code}`,
    );
  });

  it("is not replaced by one of somebody else, however well made", async () => {
    const stranger: Change = (pieces) => resigned(pieces, recipient);
    expect(await signed(stranger)).toBe("SIGNATURE_INVALID 9601");
    const swapped: Change = async (pieces) => {
      const [, theirs = ""] = /<ds:X509Certificate>([^<]*)/.exec(pieces.xml) ?? [];
      return resigned(
        change(pieces, theirs, recipient.certificate.raw.toString("base64")),
        recipient,
      );
    };
    const bytes = await changed(signedInit, swapped);
    const onlyManager = receive(bytes, keys, {
      required: true,
      trusts: (one) => one.raw.equals(manager.certificate.raw),
    });
    expect(await verdict(() => onlyManager)).toBe("CERTIFICATE_INVALID 9601");
  });

  it("names its canonicalisation, and only the inclusive one", async () => {
    for (const name of [
      "http://www.w3.org/2001/10/xml-exc-c14n#",
      "http://www.w3.org/2006/12/xml-c14n11",
    ])
      expect(await signed((pieces) => resigned(pieces, manager, undefined, name))).toBe(
        "SIGNATURE_INVALID 9601",
      );
  });

  it("of an author is not one of the originator, although both are known", async () => {
    const { certificate } = recipient;
    const author = roleCertificate("SignatureCertificateOtherAuthor", certificate);
    const written = writeMessage(
      { control: { challenge: "QQ==", sequenceNumber: 0 }, others: [author] },
      { type: "GetMessageId" },
    );
    const algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    const signer = { identity: recipient, certificateId: author.id, algorithm };
    const message = await composeMessage(written, [], { signer });
    expect(await judge(await bytesOf(message.open()), true)).toBe("CERTIFICATE_INVALID 9601");
  });

  it("of a client counts only with the originator's certificate, not with one of another role", async () => {
    const other: Change = (pieces) => {
      const [, id = ""] = /<osci:CipherCertificateOriginator Id="([^"]*)"/.exec(pieces.xml) ?? [];
      return change(
        pieces,
        /RetrievalMethod URI="#originator_signature_[^"]*"/,
        `RetrievalMethod URI="#${id}"`,
      );
    };
    expect(await signed(other, signedStore)).toBe("CERTIFICATE_INVALID 9601");
  });

  it("covers attachments as they travel", async () => {
    const other: Change = ({ xml, parts }) => ({
      xml,
      parts: parts.map(({ id, bytes }) => ({
        id,
        bytes: Buffer.concat([bytes, Buffer.from("!")]),
      })),
    });
    expect(await signed(other, signedStore)).toBe("SIGNATURE_INVALID 9601");
  });
});

describe("signature wrapping", () => {
  const body = /<soap:Body.*<\/soap:Body>/s;

  it.each<[string, Change]>([
    [
      "a second Body",
      (pieces) =>
        change(
          pieces,
          body,
          (block) => block.replace("0801", "0800").replace(`Id="body"`, `Id="evil"`) + block,
        ),
    ],
    [
      "a second Body of the same Id",
      (pieces) => change(pieces, body, (block) => block.replace("0801", "0800") + block),
    ],
    [
      "the signed Body in the header",
      (pieces) => {
        const [block = ""] = body.exec(pieces.xml) ?? [];
        return change(
          change(pieces, block, block.replace("0801", "0800").replace(`Id="body"`, `Id="evil"`)),
          "</soap:Header>",
          `<f:w xmlns:f="urn:f" Id="wrap">${block}</f:w></soap:Header>`,
        );
      },
    ],
    [
      "the signed ControlBlock in another block",
      (pieces) => {
        const [block = ""] = /<osci:ControlBlock.*<\/osci:ControlBlock>/s.exec(pieces.xml) ?? [];
        return change(
          change(pieces, block, block.replace("controlblock", "evil").replace("1003", "666")),
          "</soap:Header>",
          `<f:w xmlns:f="urn:f" Id="wrap">${block}</f:w></soap:Header>`,
        );
      },
    ],
    [
      "a second Header",
      (pieces) => change(pieces, "</soap:Header>", `</soap:Header><soap:Header/>`),
    ],
    [
      "something behind the Body",
      (pieces) => change(pieces, "</soap:Body>", `</soap:Body><x Id="x"/>`),
    ],
    [
      "a Body of another namespace",
      (pieces) => change(pieces, body, (block) => block + `<Body Id="b2"/>`),
    ],
  ])("is refused: %s", async (_name, apply) => {
    expect(await judge(await changed(signedInit, apply), true)).not.toBe("accepted");
  });

  it("of contents is refused: an Id twice in a signed container", async () => {
    const twice = edit(
      "</osci:ContentContainer>",
      `<osci:Content><osci:Base64Content Id="content0">QQ==</osci:Base64Content></osci:Content></osci:ContentContainer>`,
    );
    expect(await judge(await changed(unsignedStore, twice))).toBe("INPUT_HOSTILE 9100");
  });
});
