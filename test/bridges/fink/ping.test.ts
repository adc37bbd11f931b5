/** `check` and `ping` open no store: what they say about a federation comes from the federation itself. */
import { X509Certificate } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { certificatesOf } from "../../../bridges/fink/verify.ts";
import {
  startFinkMetadata,
  type FinkMetadata,
} from "../../../fixtures/simulators/fink-metadata/index.ts";
import type { PostkorbSimulator } from "../../../fixtures/simulators/postkorb/index.ts";
import { ENTITY, makeBridge, makeKeys, never, startNode } from "./bench.ts";
import type { Bench, Keys, Raw } from "./bench.ts";

let keys: Keys;
let node: PostkorbSimulator;
let metadata: FinkMetadata;
let bench: Bench | undefined;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => {
  node = await startNode(keys);
  const { server, authority: signer, stranger } = keys;
  metadata = await startFinkMetadata({ server, signer, stranger });
  metadata.put({
    ...{ entityId: ENTITY, name: "Thüringen", keys: [{ certPem: server.certPem }] },
    mailbox: { endpoint: node.url, land: "TH", profile: "bsp-soap" },
  });
});
afterEach(async () => {
  await bench?.stop();
  await Promise.all([node.close(), metadata.close()]);
});

function open(more: Raw = {}): Bench {
  const federation = {
    name: "test",
    stage: "production",
    metadata: {
      url: metadata.url,
      pins: [`file:${keys.authority.certFile}`],
      ca: `file:${keys.pki.caFile}`,
      ...more,
    },
    nodes: [new URL(node.url).origin],
  };
  bench = makeBridge(keys, { more: { federation } });
  return bench;
}

describe("a bridge that was never started", () => {
  it("fetches and verifies the metadata, reaches the nodes in them, and keeps nothing", async () => {
    metadata.publish();
    const { bridge, state } = open();
    const health = await bridge.ping(never);
    expect(health.detail).toMatch(/verified, 1 entities, until 20.*1 of 1 mailbox/);
    expect(health.ok).toBe(true);
    expect([state.records.size, state.blobs.size, state.audits.length]).toEqual([0, 0, 0]);
  });
  it.for([
    ["expired", "have expired"],
    ["wrong-key", "federation test: "],
    ["unavailable", "answers 503"],
  ] as const)("says what is wrong with %s metadata", async ([manner, text]) => {
    metadata.publish(manner);
    const health = await open().bridge.ping(never);
    expect([health.ok, health.detail]).toEqual([false, expect.stringContaining(text)]);
  });
  it("does not blame metadata that only come as a file", async () => {
    const health = await open({ url: undefined, file: "/nowhere/metadata.xml" }).bridge.ping(never);
    expect([health.ok, health.detail]).toEqual([true, expect.stringContaining("only as a file")]);
  });
  it("names the pins with their end", () => {
    const { context } = open();
    const pin = certificatesOf(context.config).find(({ purpose }) =>
      purpose.startsWith("signature"),
    );
    expect(pin?.notAfter).toEqual(new X509Certificate(keys.authority.certPem).validToDate);
  });
});

describe("a bridge that was stopped and started again", () => {
  it("looks once a round, and not while it is stopped", async () => {
    metadata.publish();
    const { bridge, tick } = open();
    await bridge.start();
    await bridge.stop();
    await tick();
    expect(metadata.requests).toBe(0);
    await bridge.start();
    await tick();
    expect(metadata.requests).toBe(1);
    const health = await bridge.ping(never);
    expect([health.ok, health.detail]).toEqual([true, expect.stringContaining("current, 1 ent")]);
  });
});
