import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import bundid from "../../../bridges/bundid/index.ts";
import { deadPort } from "../../support/dead-port.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import {
  inletSettings,
  letterTo,
  MAILBOX,
  makeBridge,
  makeKeys,
  never,
  parseSettings,
  senderSettings,
} from "./bench.ts";
import type { Keys, Raw } from "./bench.ts";

let keys: Keys;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
const URL = "https://127.0.0.1:1";

describe("check of a configuration", () => {
  const verify = async (raw: Raw) => bundid.verify?.(parseSettings(keys, raw));
  it("lists every certificate with its purpose and end", async () => {
    const found = await verify({ sender: senderSettings(keys, URL), inlet: inletSettings(keys) });
    expect(found).toEqual([
      {
        subject: keys.gateway.cn,
        purpose: expect.stringContaining("mailbox certificate"),
        notAfter: keys.gateway.notAfter,
      },
      {
        subject: "127.0.0.1",
        purpose: expect.stringContaining("inlet server"),
        notAfter: keys.server.notAfter,
      },
      {
        subject: keys.legacy.cn,
        purpose: expect.stringContaining("legacy system bauamt"),
        notAfter: keys.legacy.notAfter,
      },
      {
        subject: keys.second.cn,
        purpose: expect.stringContaining("legacy system kreis"),
        notAfter: keys.second.notAfter,
      },
    ]);
    expect(found?.[0]?.purpose).toContain("RSA 2048: 3000 bits are recommended");
  });
  it.each([
    ["a key of another certificate", { key: "file:legacy.key.pem" }, "does not belong"],
    [
      "a certificate of somebody else",
      { signer: "Anderes Amt" },
      'belongs to "Postfachbrücke Beispielhausen"',
    ],
    ["a list of authorities that is none", { ca: "file:gateway.key.pem" }, "sender.ca"],
  ])("finds %s", async (_what, more, message) => {
    const found = verify({ sender: senderSettings(keys, URL, more) });
    await expect(found).rejects.toBeInstanceOf(GatewayError);
    await expect(verify({ sender: senderSettings(keys, URL, more) })).rejects.toThrow(message);
  });
  it("finds an expired certificate of ours, and lets one of a legacy system pass", async () => {
    const old = await keys.pki.issueExpired({ cn: "Alt" });
    await writeFile(path.join(keys.folder, "alt.crt"), old.certPem);
    await writeFile(path.join(keys.folder, "alt.key"), old.keyPem);
    const mine = { certificate: "file:alt.crt", key: "file:alt.key" };
    await expect(verify({ sender: senderSettings(keys, URL, mine) })).rejects.toMatchObject({
      code: "CERTIFICATE_INVALID",
    });
    const found = await verify({ inlet: inletSettings(keys, { certificate: "file:alt.crt" }) });
    expect(found?.some(({ notAfter }) => notAfter < new Date())).toBe(true);
  });
  it("finds a profile that cannot be read", async () => {
    await writeFile(
      path.join(keys.folder, "kaputt.yaml"),
      "extends: zbp-v6\nlimits: { titel: 1 }\n",
    );
    const raw = { profile: "file:kaputt.yaml", sender: senderSettings(keys, URL) };
    await expect(verify(raw)).rejects.toThrow(/kaputt\.yaml:2:/);
  });
});

describe("an account with one role only", () => {
  it("without a way to ZBP looks nobody up and sends nothing", async () => {
    const bench = makeBridge(keys, { inlet: inletSettings(keys) });
    expect(await bench.bridge.resolve?.(MAILBOX, never)).toEqual([]);
    expect(await bench.bridge.ping(never)).toMatchObject({
      ok: true,
      detail: "the inlet is closed",
    });
    await expect(bench.bridge.deliver(letterTo(MAILBOX), "d", never)).rejects.toMatchObject({
      fault: "permanent",
      code: "REPLY_NOT_POSSIBLE",
    });
    await bench.stop();
  });
  it("without an inlet takes no answers", async () => {
    const bench = makeBridge(keys, { sender: senderSettings(keys, URL) });
    const answer = letterTo(MAILBOX, { to: [{ address: "authority:Amt" }] });
    await expect(bench.bridge.deliver(answer, "d", never)).rejects.toMatchObject({
      fault: "permanent",
      code: "REPLY_NOT_POSSIBLE",
    });
    await bench.stop();
  });
});

it("a port that is taken is reported, and nothing stays open", async () => {
  const first = makeBridge(keys, { inlet: inletSettings(keys, {}, { listen: "127.0.0.1:0" }) });
  await first.bridge.start();
  await first.bridge.start();
  await first.stop();
  const port = await deadPort();
  const blocker = createServer().listen(port, "127.0.0.1");
  await once(blocker, "listening");
  const second = makeBridge(keys, {
    inlet: inletSettings(keys, {}, { listen: `127.0.0.1:${port}` }),
  });
  await expect(second.bridge.start()).rejects.toThrow(/EADDRINUSE/);
  blocker.close();
  await once(blocker, "close");
  await second.bridge.start();
  await second.stop();
});

it("takes nothing out of quarantine that it has not put there", async () => {
  const bench = makeBridge(keys, { sender: senderSettings(keys, URL) });
  const original = await bench.context.store("x", Readable.from([Buffer.from("x")]));
  const item = { sourceId: "fremd", code: "INPUT_INVALID", detail: "", original } as const;
  await expect(bench.bridge.readmit?.(item, never)).rejects.toMatchObject({ code: "NOT_ALLOWED" });
  await bench.stop();
});

it("the definition says what a gateway may count on", () => {
  expect(bundid.capabilities).toMatchObject({
    maxMessageBytes: 11_000_000,
    idempotentDelivery: false,
  });
  expect(bundid.capabilities.mediaTypes).toContain("text/csv");
  expect(new RegExp(`^${bundid.lookupFields["mailbox"]?.regexp}$`).test(MAILBOX)).toBe(true);
});
