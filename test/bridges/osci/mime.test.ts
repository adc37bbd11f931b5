import { describe, expect, it } from "vitest";
import { readMime } from "../../../bridges/osci/wire/mime.ts";
import { writeMime } from "../../../bridges/osci/wire/mime-write.ts";
import { sourceOf, type ByteStream } from "../../../bridges/osci/wire/stream.ts";
import { bytesOf, fixture, random, verdict } from "./support.ts";
import { read, readParts, part, message, lines, whole } from "./mime-support.ts";

describe("the library form", () => {
  it("is written byte for byte as the recordings have it", async () => {
    const written = writeMime({
      boundary: "MIME_boundary_x/y+z",
      xml: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\r\n\r\n<x></x>`),
      announceXmlLength: false,
      parts: [part("99 - Übersicht ä.pdf", Buffer.from("abc"))],
    });
    const expected = lines(
      "MIME-Version: 1.0",
      "Content-Type: Multipart/Related; boundary=MIME_boundary_x/y+z; type=text/xml",
      "",
      "--MIME_boundary_x/y+z",
      "Content-Type: text/xml; charset=UTF-8",
      "Content-Transfer-Encoding: 8bit",
      "Content-ID: <osci@message>",
      "",
      `<?xml version="1.0" encoding="UTF-8"?>`,
      "",
      "<x></x>",
      "--MIME_boundary_x/y+z",
      "Content-Type: application/octet-stream",
      "Content-Transfer-Encoding: 8-bit",
      "Content-ID: <99 - Übersicht ä.pdf>",
      "Content-Length: 3",
      "",
      "abc",
      "--MIME_boundary_x/y+z--",
      "",
    );
    expect((await bytesOf(written.open())).toString()).toBe(expected.toString());
    expect(written.size).toBe(expected.length);
  });

  it("keeps blanks, umlauts and decomposed characters of names byte for byte", async () => {
    const names = [
      "a b",
      "Übersicht ä.pdf",
      "U\u0308bersicht.pdf",
      '§ 5; x="y".txt',
      "😀.pdf",
      " a ",
    ];
    const parts = names.map((name) => part(name, Buffer.from(name)));
    const found = await readParts(message(parts).open());
    expect(found.slice(1).map(({ id }) => id)).toEqual(names);
  });

  it.each(["a\r\nX-Evil: 1", "a\nb", "a>b", "<a", "", "a\u0000b"])(
    "does not write the name %j",
    async (name) => {
      expect(
        await verdict(async () => bytesOf(message([part(name, Buffer.from("x"))]).open())),
      ).toBe("CONTENT_REJECTED");
    },
  );

  it("does not write a media type that leaves its line", async () => {
    const evil = part("a", Buffer.from("x"), { contentType: "text/plain\r\nX-Evil: 1" });
    expect(await verdict(async () => bytesOf(message([evil]).open()))).toBe("CONTENT_REJECTED");
  });

  it("gives up when a part is not as long as it said or holds the boundary", async () => {
    const short = { size: 5, open: () => sourceOf(Buffer.from("abc")).open() };
    expect(
      await verdict(() => bytesOf(message([part("a", Buffer.from(""), { body: short })]).open())),
    ).toBe("INTERNAL");
    const split = sourceOf(Buffer.from("x\r\n-"), Buffer.from("-B"), Buffer.from("B"));
    expect(
      await verdict(() =>
        bytesOf(message([part("a", Buffer.from(""), { body: split })], "BB").open()),
      ),
    ).toBe("INTERNAL");
  });
});

describe("random messages", () => {
  it("come back as they went, however the stream is cut and whatever looks like a boundary", async () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const next = random(seed);
      const boundary = "B".repeat(1 + next(3));
      const bits = [
        "\r\n",
        "\r",
        "\n",
        "--",
        "-",
        boundary.slice(1),
        "x",
        "\0",
        "ÿ",
        `--${boundary}`,
        "--\r\n",
        "\r\n--",
      ];
      const parts = Array.from({ length: next(4) }, (_, index) => {
        const text = Array.from({ length: next(30) }, () => bits[next(bits.length)] ?? "").join("");
        const bytes = Buffer.from(text.replaceAll(`\r\n--${boundary}`, "#"));
        const encoding = (["8-bit", "binary", "base64"] as const)[next(3)] ?? "binary";
        return part(`part ${String(index)} ü`, bytes, { encoding, announceLength: next(2) === 0 });
      });
      const written = await bytesOf(message(parts, boundary).open());
      const found = await readParts(cutUp(written, next));
      const expected = await Promise.all(parts.map(({ body }) => bytesOf(body.open())));
      expect(
        found.slice(1).map(({ bytes }) => bytes.toString("hex")),
        `seed ${String(seed)}`,
      ).toEqual(expected.map((bytes) => bytes.toString("hex")));
    }
  });

  it("are the same in pieces of every length", async () => {
    for (const length of [1, 2, 3, 5, 7, 11, 64]) {
      const pieces: Buffer[] = [];
      for (let start = 0; start < whole.length; start += length)
        pieces.push(whole.subarray(start, start + length));
      expect(await readParts(sourceOf(...pieces).open())).toEqual(await read(whole));
    }
  });

  it("are refused at whatever byte they break off", async () => {
    for (let length = 0; length < whole.length; length += 1)
      expect(await verdict(() => read(whole.subarray(0, length))), `${String(length)} bytes`).toBe(
        "INPUT_INVALID 9100",
      );
  });

  async function* cutUp(bytes: Buffer, next: (limit: number) => number): ByteStream {
    for (let start = 0; start < bytes.length;) {
      const length = 1 + next(40);
      yield bytes.subarray(start, start + length);
      start += length;
    }
  }
});

describe("streaming", () => {
  it("skips what a reader leaves of a part", async () => {
    const ids: string[] = [];
    const first = Buffer.alloc(2_000_000, "\r\n-");
    const bytes = await bytesOf(message([part("a", first), part("b", Buffer.from("b"))]).open());
    for await (const { header, body } of readMime(sourceOf(bytes).open())) {
      ids.push(header.contentId);
      for await (const _chunk of body) break;
    }
    expect(ids).toEqual(["osci@message", "a", "b"]);
  });

  it("ends only after the last byte of its source", async () => {
    let ended = false;
    const source = (async function* (): ByteStream {
      yield whole;
      yield Buffer.from("epilogue");
      ended = true;
    })();
    await readParts(source);
    expect(ended).toBe(true);
  });

  it("hands a failure of its source on", async () => {
    const source = (async function* (): ByteStream {
      yield whole.subarray(0, 50);
      throw new Error("broken pipe");
    })();
    await expect(readParts(source)).rejects.toThrow("broken pipe");
  });

  it("closes its source when the reader stops", async () => {
    let closed = false;
    const source = (async function* (): ByteStream {
      try {
        yield whole;
        yield whole;
      } finally {
        closed = true;
      }
    })();
    for await (const _part of readMime(source)) break;
    expect(closed).toBe(true);
  });
});

describe("a fixture", () => {
  it("is laid out as it was: read and written again it is the same", async () => {
    const bytes = fixture("egvp", "02-StoreDelivery.inner.mime");
    const [root, ...others] = await read(bytes);
    const boundary = /boundary=([^;\r]+)/.exec(bytes.toString("latin1"))?.[1] ?? "";
    const again = writeMime({
      boundary,
      xml: root?.bytes ?? Buffer.from(""),
      announceXmlLength: false,
      parts: others.map(({ id, bytes: body }) => part(id, body)),
    });
    expect((await bytesOf(again.open())).equals(bytes)).toBe(true);
  });
});
