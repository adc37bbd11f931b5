import { describe, expect, it } from "vitest";
import { textSource } from "../../../fixtures/simulators/osci-intermediary/bytes.ts";
import { makeIdentity } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import { edit, useIntermediary } from "./intermediary-support.ts";

const bed = useIntermediary();

describe("the outer message", () => {
  it.each([
    ["line feeds only", (text: string) => text.replaceAll("\r\n", "\n")],
    ["text before the first boundary", (text: string) => text.replace("--MIME", "hello\r\n--MIME")],
    ["no closing delimiter", (text: string) => text.slice(0, -6)],
    ["no line end behind the closing delimiter", (text: string) => text.slice(0, -2)],
    ["another character set", (text: string) => text.replace("UTF-8", "ISO-8859-1")],
    ["a part without Content-ID", (t: string) => t.replace("Content-ID: <osci_enc>\r\n", "")],
    [
      "a part without transfer encoding",
      (text: string) => text.replace("Content-Transfer-Encoding: binary\r\n", ""),
    ],
    ["two parts of one name", (text: string) => text.replace("osci@message", "osci_enc")],
    ["a DOCTYPE", (text: string) => text.replace("<soap:Env", "<!DOCTYPE a><soap:Env")],
    ["broken XML", (text: string) => text.replace("</soap:Body>", "")],
    ["no multipart at all", (text: string) => text.slice(text.indexOf("<?xml"))],
  ])("is refused with 9100: %s", async (_name, change) => {
    await bed.start();
    const answer = await bed.client("sender").getMessageId({ spoilOuter: edit(change) });
    expect(answer).toMatchObject({ status: 200, fault: "9100" });
  });

  it.each([
    ["quoted boundary", (text: string) => text.replace(/boundary=([^;]+);/, 'boundary="$1";')],
    ["folded header", (text: string) => text.replace("; type=", ";\r\n type=")],
    ["no type", (text: string) => text.replace("; type=text/xml", "")],
    ["lower-case names", (text: string) => text.replace("Content-Type: M", "content-type: M")],
    ["a blank line first", (text: string) => `\r\n${text}`],
    ["something behind the end", (text: string) => `${text}epilogue\r\n`],
  ])("is taken with %s", async (_name, change) => {
    await bed.start();
    const answer = await bed.client("sender").getMessageId({ spoilOuter: edit(change) });
    expect(answer.codes).toEqual(["0800"]);
  });

  it.each([
    [
      "a flipped bit",
      (text: string) => {
        const at = text.lastIndexOf("--MIME") - 40;
        const flipped = String.fromCharCode(text.charCodeAt(at) ^ 1);
        return text.slice(0, at) + flipped + text.slice(at + 1);
      },
    ],
    ["the mask missing", (text: string) => text.replace(/<xenc11:MGF.*?<\/xenc11:MGF>/, "")],
    ["a wrong IvLength", (text: string) => text.replace('Value="12"', 'Value="13"')],
    ["IvLength missing", (text: string) => text.replace(/<osci128:Iv.*?<\/osci128:IvLength>/, "")],
    ["another part named", (text: string) => text.replace("cid:osci_enc", "cid:other")],
    ["an old key transport", (t: string) => t.replace("xmlenc11#rsa-oaep", "xmlenc#rsa-1_5")],
  ])("does not open, and says no more than 9202: %s", async (_name, change) => {
    await bed.start();
    const answer = await bed.client("sender").getMessageId({ spoilOuter: edit(change) });
    expect(answer.fault).toBe("9202");
  });

  it("with CBC opens only where that is allowed", async () => {
    await bed.start();
    const cbc = { seal: { cipher: "aes256-cbc" } } as const;
    expect((await bed.client("sender", cbc).getMessageId()).fault).toBe("9202");
    const lenient = await bed.start({ allow: { cbc: true } });
    const again = await bed.client("sender", cbc).getMessageId();
    expect(again.codes).toEqual(["0800"]);
    expect(lenient.observations.requests.at(-1)?.cipher).toBe("aes-256-cbc/16");
  });

  it("for another intermediary is refused with 9200", async () => {
    const intermediary = await bed.start();
    const { certPem } = await makeIdentity({ cn: "Other", use: "cipher" });
    const client = bed.client("sender", {
      intermediary: {
        url: intermediary.url,
        cipherCertificate: certPem,
        signatureCertificate: intermediary.signatureCertificate,
      },
    });
    expect((await client.getMessageId()).fault).toBe("9200");
  });

  it("must be encrypted, unless plain is allowed", async () => {
    await bed.start();
    expect((await bed.client("sender", { plain: true }).getMessageId()).fault).toBe("9100");
    await bed.start({ allow: { plain: true } });
    const answer = await bed.client("sender", { plain: true }).getMessageId();
    expect([answer.codes, answer.problems, answer.cipher]).toEqual([["0800"], [], undefined]);
  });

  it("must be a POST", async () => {
    const intermediary = await bed.start();
    expect((await fetch(intermediary.url)).status).toBe(405);
    expect((await fetch(intermediary.url, { method: "POST", body: "" })).status).toBe(200);
    expect(intermediary.observations.refusals.map(({ codes }) => codes)).toEqual([["9100"]]);
  });
});

describe("the inner message", () => {
  it.each([
    ["re-spaced schemaLocation", (text: string) => text.replace(".xsd http", ".xsd  http")],
    ["another prefix than xsi", (t: string) => t.replace(" xsi:schemaL", " schemaL")],
    ["an unknown type", (t: string) => t.replace("soapGetMessageId.xsd", "soapGetAll.xsd")],
    ["an answer", (t: string) => t.replace("soapGet", "soapResponseToGet")],
    [
      "two bodies",
      (t: string) => t.replace("</soap:Envelope>", '<soap:Body Id="b"></soap:Body>$&'),
    ],
    ["two Ids alike", (t: string) => t.replace('Id="desiredlanguages"', 'Id="body"')],
    ["a block without Id", (t: string) => t.replace(' Id="desiredlanguages"', "")],
    ["a body without Id", (t: string) => t.replace(' Id="body"', "")],
    [
      "another block first",
      (t: string) => t.replace("<osci:ControlBlock", '<x:y xmlns:x="z" Id="q"></x:y>$&'),
    ],
    ["a DOCTYPE", (t: string) => t.replace("<soap:Env", "<!DOCTYPE a><soap:Env")],
    [
      "a body of another order",
      (t: string) => t.replace(/osci:getMessageId>/g, "osci:initDialog>"),
    ],
  ])("is refused with 9300: %s", async (_name, change) => {
    const intermediary = await bed.start();
    const answer = await bed.client("sender").getMessageId({ spoilInner: edit(change) });
    expect(answer.fault).toBe("9300");
    expect(intermediary.state.issuedCount).toBe(0);
  });

  it("without a cipher certificate cannot be answered: 9500", async () => {
    await bed.start({ allow: { unsigned: true } });
    const change = edit((text) =>
      text.replace(/<osci:CipherCertificateOriginator.*?Originator>/s, ""),
    );
    const client = bed.client("sender", { unsigned: true });
    expect((await client.getMessageId({ spoilInner: change })).fault).toBe("9500");
  });
});

describe("the transport signature", () => {
  it("must be there: 9600 as feedback, in an encrypted and signed answer", async () => {
    const intermediary = await bed.start();
    const answer = await bed.client("sender", { unsigned: true }).getMessageId();
    expect([answer.codes, answer.problems, answer.messageId]).toEqual([["9600"], [], undefined]);
    expect(intermediary.state.issuedCount).toBe(0);
  });

  it("opens no dialog when it is missing", async () => {
    await bed.start();
    const client = bed.client("recipient", { unsigned: true });
    const start = await client.initDialog();
    expect(start.codes).toEqual(["9600"]);
    const { conversation, challenge: response } = start.message?.control ?? {};
    const control = { challenge: "AAAA", response, conversation, sequence: 0 };
    expect((await client.fetchDelivery(undefined, { control })).fault).toBe("9400");
  });

  it.each([
    [
      "a changed block",
      "9601",
      (t: string) => t.replace('LanguagesList="de"', 'LanguagesList="en"'),
    ],
    ["a changed value", "9601", (t: string) => t.replace(/(<ds:SignatureValue>)(...)/, "$1AAA")],
    ["a changed digest", "9601", (t: string) => t.replace(/(<ds:DigestValue>)(...)/, "$1AAA")],
    [
      "a block that it does not cover",
      "9602",
      (t: string) => t.replace("</soap:Header>", '<x:y xmlns:x="urn:x" Id="extra"></x:y>$&'),
    ],
    [
      "a reference to nothing",
      "9602",
      (t: string) => t.replace('URI="#desiredlanguages"', 'URI="#nowhere"'),
    ],
    [
      "another transform",
      "9601",
      (t: string) => t.replace(/(<ds:Transform Algorithm="[^"]*)15"/, '$115#WithComments"'),
    ],
    [
      "a key that is not the signer's",
      "9601",
      (t: string) => t.replace(/RetrievalMethod URI="#\w+"/, 'RetrievalMethod URI="#other"'),
    ],
    ["SHA-1", "9601", (t: string) => t.replace("xmldsig-more#rsa-sha256", "xmldsig#rsa-sha1")],
  ])("with %s: %s", async (_name, code, change) => {
    const intermediary = await bed.start();
    const answer = await bed.client("sender").getMessageId({ spoilInner: edit(change) });
    expect(answer.codes).toEqual([code]);
    expect(intermediary.state.issuedCount).toBe(0);
    expect(intermediary.observations.refusals).toHaveLength(1);
  });

  const attachment = {
    ...{ contentId: "a b ä.pdf", contentType: "application/octet-stream" },
    ...{ transferEncoding: "8-bit", body: textSource("plain bytes") },
  };

  it("covers attachments: changed 9601, not named 9602", async () => {
    const intermediary = await bed.start();
    const client = bed.client("sender");
    const { messageId = "" } = await client.getMessageId();
    const changed = edit((text) => text.replace("plain bytes", "plain lytes"));
    const wish = { messageId, parts: [attachment] };
    expect((await bed.store(client, { ...wish, spoilInner: changed })).codes).toEqual(["9601"]);
    const added = edit((text) => {
      const [boundary = ""] = /--MIME_boundary_[^\r]+/.exec(text) ?? [];
      const head = "Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\nContent-ID: <x>";
      return text.replace(
        /\r\n--MIME_boundary_[^\r]+--\r\n$/,
        `\r\n${boundary}\r\n${head}\r\n\r\nx$&`,
      );
    });
    expect((await bed.store(client, { ...wish, spoilInner: added })).codes).toEqual(["9602"]);
    expect(intermediary.deliveries()).toEqual([]);
    expect((await bed.store(client, wish)).codes).toEqual(["0800"]);
  });

  it.each(["rsa-sha512", "pss-sha256", "pss-sha512"] as const)("may be %s", async (name) => {
    const intermediary = await bed.start({ signatureAlgorithm: name });
    const answer = await bed.client("sender", { signatureAlgorithm: name }).getMessageId();
    expect([answer.codes, answer.problems, answer.verified?.algorithm]).toEqual([
      ["0800"],
      [],
      name,
    ]);
    expect(intermediary.observations.requests[0]?.signature).toBe(name);
  });
});

describe("certificates", () => {
  it("of signers must come from a known CA: 9700", async () => {
    await bed.start({ trustedSigners: [bed.keys.authority.ca.certPem] });
    expect((await bed.client("sender").getMessageId()).codes).toEqual(["0800"]);
    const signature = await makeIdentity({ cn: "Stranger", use: "signature" });
    const stranger = await bed.client("sender", { signature }).getMessageId();
    expect([stranger.codes, stranger.messageId]).toEqual([["9700"], undefined]);
  });

  it("for encryption cannot sign: 9601", async () => {
    await bed.start();
    const signature = await makeIdentity({ cn: "Cipher only", use: "cipher" });
    expect((await bed.client("sender", { signature }).getMessageId()).codes).toEqual(["9601"]);
  });

  it("outside their validity are warned about: 3700, 3500", async () => {
    await bed.start();
    const past = { validFrom: new Date("2020-01-01"), validTo: new Date("2021-01-01") };
    const signature = await makeIdentity({ cn: "Old S", use: "signature", ...past });
    const cipher = await makeIdentity({ cn: "Old C", use: "cipher", ...past });
    const answer = await bed.client("sender", { signature, cipher }).getMessageId();
    expect(answer.codes).toEqual(["0800", "3500", "3700"]);
  });
});
