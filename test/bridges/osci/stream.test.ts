import { randomBytes } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import {
  decodeBase64,
  decodeBase64Stream,
  encodeBase64,
} from "../../../bridges/osci/wire/base64.ts";
import { NO_LEGACY } from "../../../bridges/osci/wire/algorithms.ts";
import { decrypted, encrypted, newSessionKey } from "../../../bridges/osci/wire/cipher.ts";
import { DigestTap, tapped } from "../../../bridges/osci/wire/digests.ts";
import { collect, drain, paced, sourceOf } from "../../../bridges/osci/wire/stream.ts";
import { bytesOf, GCM, SHA256, verdict } from "./support.ts";

describe("base64", () => {
  it("is written in lines of 76, each with its LF, as the library does", () => {
    expect(encodeBase64(Buffer.alloc(57))).toBe(`${"A".repeat(76)}\n`);
    expect(encodeBase64(Buffer.alloc(58))).toBe(`${"A".repeat(76)}\nAA==`);
    expect(encodeBase64(Buffer.alloc(0))).toBe("");
  });

  it("comes back for every length, in lines of any length", async () => {
    for (const length of [0, 1, 2, 3, 56, 57, 58, 1000, 58_368, 58_369, 200_000]) {
      const bytes = randomBytes(length);
      expect(decodeBase64(encodeBase64(bytes)).equals(bytes)).toBe(true);
      const spaced = Buffer.from(bytes.toString("base64").replace(/.{5}/g, "$&\r\n \t"));
      const pieces = [spaced.subarray(0, 7), spaced.subarray(7, 8), spaced.subarray(8)];
      expect((await bytesOf(decodeBase64Stream(sourceOf(...pieces).open()))).equals(bytes)).toBe(
        true,
      );
    }
  });

  it.each(["A", "AB", "ABC", "A===", "AB=", "AB=C", "AB==CD==", "QUJD*", "QUJD-_==", "=", "AB==A"])(
    "%j is refused",
    async (text) => {
      expect(await verdict(async () => decodeBase64(text))).toBe("INPUT_INVALID 9100");
    },
  );
});

describe("streams", () => {
  it("are collected up to a limit", async () => {
    const source = sourceOf(Buffer.alloc(10), Buffer.alloc(10));
    expect((await collect(source.open(), 20, "it")).length).toBe(20);
    expect(await verdict(() => collect(source.open(), 19, "it"))).toBe("INPUT_HOSTILE 9100");
  });

  it("stop when they are told to", async () => {
    const endless = (async function* (): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(1_000_000);
    })();
    const stopped = drain(paced(endless, AbortSignal.timeout(20)));
    await expect(stopped).rejects.toThrow(/aborted|timeout/i);
  });

  it("of data in memory let the event loop turn", async () => {
    const plain = sourceOf(Buffer.alloc(40_000_000));
    const session = newSessionKey(GCM, NO_LEGACY);
    const opened = decrypted(
      encrypted(plain, session, NO_LEGACY).open(),
      GCM,
      session.key,
      NO_LEGACY,
    );
    const delay = monitorEventLoopDelay({ resolution: 1 });
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    delay.enable();
    const tap = new DigestTap([SHA256]);
    await drain(tapped(opened, tap));
    delay.disable();
    clearInterval(timer);
    expect(tap.size).toBe(plain.size);
    // Without pauses the timer would not run at all before the end.
    expect(turns).toBeGreaterThan(3);
  });
});
