import type { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { cutValues } from "../../../bridges/fink/as4/inline-values.ts";
import { ANSWER_LIMITS, readAnswer } from "../../../bridges/fink/as4/answer.ts";
import { MemoryState, testContext } from "../../support/bridge-context.ts";
import { faultOf } from "./as4-bench.ts";

const WS = "http://eu.domibus.wsplugin/";
const XOP = 'xmlns:xop="http://www.w3.org/2004/08/xop/include"';
const envelope = (body: string, header = "") =>
  `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>${header}</s:Header><s:Body><w:retrieveMessageResponse xmlns:w="${WS}">${body}</w:retrieveMessageResponse></s:Body></s:Envelope>`;
const payload = (value: string, id = "cid:nachricht") =>
  `<payload payloadId="${id}"><value>${value}</value></payload>`;

/** In pieces of every size, so that nothing depends on where a chunk ends. */
async function* pieces(text: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const state = new MemoryState();
const { context } = testContext({ config: {}, state });
const read = (text: string | Buffer, type = "application/soap+xml", size = 65_536) =>
  readAnswer(type, pieces(text, size), context.store);

describe("an envelope with files inside", () => {
  const long = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 256));
  it.each([1, 2, 3, 7, 64, 4_096])("is read the same in pieces of %i bytes", async (size) => {
    const lines = (long.toString("base64").match(/.{1,76}/g) ?? []).join("\r\n");
    const { files } = await read(
      envelope(payload(`\n ${lines}\n`) + payload("", "cid:b") + payload("QQ==", "cid:c")),
      undefined,
      size,
    );
    const bytes = files.map((file) => state.blobs.get(file?.digest.slice(7) ?? ""));
    expect(bytes[0]?.equals(long)).toBe(true);
    expect([bytes[1]?.length, bytes[2]?.toString()]).toEqual([0, "A"]);
  });

  const refused: [string, string, string][] = [
    ["DOCTYPE", `<!DOCTYPE x [<!ENTITY a "b">]>${envelope("")}`, "INPUT_HOSTILE"],
    [
      "a CDATA section that hides a tag",
      envelope(`<![CDATA[<value>]]>${payload("QQ==")}`),
      "INPUT_HOSTILE",
    ],
    ["a comment that hides a tag", envelope(`<!-- <value>QQ==</value> -->`), "INPUT_HOSTILE"],
    ["an instruction", envelope(`<?x <value>?>`), "INPUT_HOSTILE"],
    ["text that is not base64", envelope(payload("A*==")), "INPUT_INVALID"],
    ["base64 of broken length", envelope(payload("QUJ")), "INPUT_INVALID"],
    ["base64 that goes on after its end", envelope(payload("QQ==QQ==")), "INPUT_INVALID"],
    ["an entity in base64", envelope(payload("QQ&#61;&#61;")), "INPUT_INVALID"],
    [
      "more payloads than allowed",
      envelope(payload("QQ==").repeat(ANSWER_LIMITS.maxValues + 1)),
      "INPUT_HOSTILE",
    ],
    [
      "a header without end",
      envelope("", `<x>${"a".repeat(ANSWER_LIMITS.maxSkeletonBytes)}</x>`),
      "INPUT_HOSTILE",
    ],
    ["a tag without end", `<a ${"x".repeat(100_000)}`, "INPUT_HOSTILE"],
    ["nesting without end", "<a>".repeat(10_000), "INPUT_HOSTILE"],
    ["nothing", "", "INPUT_INVALID"],
    ["something else", '{"a":1}', "INPUT_INVALID"],
    ["a cut file", envelope(payload("QUJD")).slice(0, -120), "INPUT_INVALID"],
    [
      "SOAP 1.1",
      envelope("").replaceAll(
        "http://www.w3.org/2003/05/soap-envelope",
        "http://schemas.xmlsoap.org/soap/envelope/",
      ),
      "INPUT_INVALID",
    ],
  ];
  it.each(refused)("%s is refused", async (_name, text, code) => {
    expect(await faultOf(read(text))).toEqual({ code });
    expect(await faultOf(read(text, undefined, 5))).toEqual({ code });
  });

  it("base64 that goes on after its end is refused where a chunk ends between the two", async () => {
    async function* source() {
      const start = `<a>${" ".repeat(300)}<value>`;
      for (const piece of [start, "QQ==", "QQ==", "</value></a>"]) yield Buffer.from(piece);
    }
    const work = cutValues(source(), ANSWER_LIMITS, context.store);
    expect(await faultOf(work)).toEqual({ code: "INPUT_INVALID" });
  });

  it("a file is not held in memory: what is read ahead of the store is bounded", async () => {
    const chunk = Buffer.from("QUJD".repeat(16_384));
    let read = 0;
    let stored = 0;
    let ahead = 0;
    async function* source() {
      yield Buffer.from("<a><value>");
      for (let count = 0; count < 200; count += 1) {
        read += (chunk.length / 4) * 3;
        ahead = Math.max(ahead, read - stored);
        yield chunk;
      }
      yield Buffer.from("</value></a>");
    }
    await cutValues(source(), ANSWER_LIMITS, async (_name, body: Readable) => {
      for await (const piece of body as AsyncIterable<Buffer>) {
        stored += piece.length;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return { digest: `sha256:${"0".repeat(64)}`, size: stored };
    });
    expect(stored).toBe(200 * 49_152);
    expect(ahead).toBeLessThan(1_000_000);
  });
});

describe("an envelope with files behind it", () => {
  const type =
    'multipart/related; type="application/xop+xml"; boundary="b1"; start="<r>"; start-info="application/soap+xml"';
  const part = (id: string, body: string, extra = "") =>
    `--b1\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <${id}>\r\n${extra}\r\n${body}\r\n`;
  const root = (body: string) =>
    `--b1\r\nContent-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\nContent-ID: <r>\r\n\r\n${envelope(body)}\r\n`;
  const include = (href: string) => payload(`<xop:Include ${XOP} href="${href}"/>`);

  it.each([1, 2, 5, 33, 4_096])("is read the same in pieces of %i bytes", async (size) => {
    const text = `\r\n${root(include("cid:f%401"))}${part("f@1", "bytes\r\n--b\r\n-- b1")}--b1--\r\n`;
    const { parts } = await read(text, type, size);
    const file = parts.get("f@1");
    expect(state.blobs.get(file?.digest.slice(7) ?? "")?.toString()).toBe("bytes\r\n--b\r\n-- b1");
  });

  const refused: [string, string, string, string?][] = [
    ["no boundary in the type", root("") + "--b1--", "INPUT_INVALID", "multipart/related; type=x"],
    ["another boundary in the body", root("").replaceAll("--b1", "--b2"), "INPUT_INVALID"],
    ["no end", root("") + part("f", "x"), "INPUT_INVALID"],
    ["bytes after the end", `${root("")}--b1--\r\n${"x".repeat(10)}`, "INPUT_INVALID"],
    ["the envelope not first", `${part("f", "x")}${root("")}--b1--`, "INPUT_INVALID"],
    ["no part at all", "--b1--", "INPUT_INVALID"],
    ["two parts of one id", `${root("")}${part("f", "x")}${part("f", "y")}--b1--`, "INPUT_HOSTILE"],
    [
      "a part without id",
      `${root("")}--b1\r\nContent-Type: text/plain\r\n\r\nx\r\n--b1--`,
      "INPUT_INVALID",
    ],
    [
      "a transfer encoding",
      `${root("")}${part("f", "x").replace("binary", "base64")}--b1--`,
      "INPUT_INVALID",
    ],
    [
      "a header twice",
      `${root("")}${part("f", "x", "Content-ID: <g>\r\n")}--b1--`,
      "INPUT_INVALID",
    ],
    [
      "a header bomb",
      `${root("")}${part("f", "x", `X-A: ${"a".repeat(9_000)}\r\n`)}--b1--`,
      "INPUT_HOSTILE",
    ],
    [
      "10 000 parts",
      `${root("")}${Array.from({ length: 10_000 }, (_, n) => part(`f${n}`, "x")).join("")}--b1--`,
      "INPUT_HOSTILE",
    ],
  ];
  it.each(refused)("%s is refused", async (_name, text, code, other) => {
    expect(await faultOf(read(text, other ?? type))).toEqual({ code });
  });
});
