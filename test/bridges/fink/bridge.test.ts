import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import fink from "../../../bridges/fink/index.ts";
import { settingsSchema } from "../../../bridges/fink/settings.ts";
import { verifySettings } from "../../../bridges/fink/verify.ts";
import { loadSettings } from "../../support/settings.ts";
import { deadPort } from "../../support/dead-port.ts";
import {
  ENTITY,
  failureOf,
  letterTo,
  MAILBOX,
  makeBridge,
  makeKeys,
  never,
  PAUSED,
  rawSettings,
  REMOTE,
  REMOTE_ADDRESS,
  startNode,
} from "./bench.ts";
import type { Bench, Keys, Wish } from "./bench.ts";

let keys: Keys;
let bench: Bench | undefined;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
afterEach(async () => {
  await bench?.stop();
  bench = undefined;
});
const open = (wish: Wish = {}) => (bench = makeBridge(keys, wish));

describe("the way of a letter", () => {
  const failure = (address: string) => {
    const letter = letterTo(address);
    return failureOf(open().bridge.deliver(letter, letter.id, never));
  };
  it("to a blocked participant waits and says why", async () => {
    const error = await failure(`${PAUSED}|${REMOTE}`);
    expect([error.fault, error.notice]).toEqual(["transient", expect.stringContaining("wartet")]);
    expect(error.message).not.toContain(REMOTE);
  });
  it("to an account that nobody knows ends with a notice", async () => {
    const error = await failure(`https://fremd.example/idp|${REMOTE}`);
    expect(error.notice.length).toBeGreaterThan(20);
    expect(["permanent", "transient"]).toContain(error.fault);
  });
  it.for([MAILBOX, "authority:bauamt", "", "a|b|c"])("%j has none", async (address) => {
    expect([(await failure(address)).fault, (await failure(address)).code]).toEqual([
      "permanent",
      "REPLY_NOT_POSSIBLE",
    ]);
  });
  it("goes to one mailbox only", async () => {
    const letter = letterTo(REMOTE_ADDRESS, {
      to: [{ address: REMOTE_ADDRESS }, { address: "b" }],
    });
    const error = await failureOf(open().bridge.deliver(letter, letter.id, never));
    expect([error.fault, error.code]).toEqual(["permanent", "LETTER_INVALID"]);
  });
  it("through a transport that the account has not waits for the operator", async () => {
    const raw = rawSettings(keys, { port: await deadPort() });
    const { soap: _soap, ...rest } = raw;
    const config = loadSettings(settingsSchema, rest, keys.folder);
    bench = { ...makeBridge(keys, {}), bridge: fink.create({ ...open().context, config }) };
    const letter = letterTo(REMOTE_ADDRESS);
    const error = await failureOf(bench.bridge.deliver(letter, letter.id, never));
    expect([error.fault, error.code]).toEqual(["transient", "CONFIG_INVALID"]);
  });
});

describe("before a letter is accepted", () => {
  it("good ones and those that will wait pass", async () => {
    const { bridge } = open();
    expect(await bridge.review?.(letterTo(REMOTE_ADDRESS), never)).toBeUndefined();
    expect(await bridge.review?.(letterTo(`${PAUSED}|${REMOTE}`), never)).toBeUndefined();
  });
  it("others are refused with a sentence for their author", async () => {
    const { bridge } = open();
    expect(await bridge.review?.(letterTo(MAILBOX), never)).toMatchObject({
      code: "REPLY_NOT_POSSIBLE",
    });
    const linked = letterTo(REMOTE_ADDRESS, { text: "http://a.example" });
    expect(await bridge.review?.(linked, never)).toMatchObject({
      code: "CONTENT_REJECTED",
      notice: expect.stringContaining("https://") as string,
    });
  });
});

describe("looking somebody up", () => {
  it("takes the address of another account", async () => {
    const { bridge } = open();
    expect(await bridge.resolve?.(` ${ENTITY}|${REMOTE.toUpperCase()} `, never)).toEqual([
      { address: REMOTE_ADDRESS, role: "citizen" },
    ]);
    expect(await bridge.resolve?.(REMOTE, never)).toEqual([]);
    expect(await bridge.resolve?.(`${ENTITY}|`, never)).toEqual([]);
  });
});

describe("ping and check", () => {
  it("name every certificate", async () => {
    const node = await startNode(keys);
    const { bridge, context } = open({ node: node.url, port: await deadPort() });
    await bridge.start();
    const health = await bridge.ping(never);
    await node.close();
    expect(health).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/listens.*1 of 1 mailbox nodes answer/) as string,
    });
    expect(health.certificates?.map(({ purpose }) => purpose)).toEqual([
      "client certificate for mailbox nodes",
      "mailbox node server",
      "authority bauamt",
      `mailbox node of ${ENTITY}`,
      `mailbox node of ${PAUSED}`,
    ]);
    expect(verifySettings(context.config)).toHaveLength(5);
  });
  it("say which node is not reached", async () => {
    const dead = `https://127.0.0.1:${await deadPort()}/none`;
    const health = await open({ node: dead }).bridge.ping(never);
    expect(health).toMatchObject({
      ok: false,
      detail: expect.stringContaining(
        `0 of 1 mailbox nodes answer (${new URL(dead).origin}`,
      ) as string,
    });
  });
  it("notice a node that shows another certificate", async () => {
    const node = await startNode(keys, keys.otherServer);
    const { ok, detail } = await open({ node: node.url }).bridge.ping(never);
    await node.close();
    expect([ok, detail]).toEqual([false, expect.stringContaining("0 of 1")]);
  });
  it("refuse a key that belongs to another certificate", () => {
    const soap = { key: `file:${keys.stranger.keyFile}` };
    expect(() => open({ soap })).toThrow(/does not belong/);
  });
});

describe("settings", () => {
  const parse = (raw: unknown) => settingsSchema.safeParse(raw);
  it("need a way in or out", () => {
    const { soap: _soap, ...rest } = rawSettings(keys, {});
    expect(parse(rest).error?.issues[0]?.message).toContain("needs `soap`");
  });
  it.for([
    ["a key without its certificate", { soap: { certificate: undefined } }],
    ["a sender without anything to know it by", { port: 1, sender: { certificate: undefined } }],
    [
      "two senders of one name",
      { port: 1, server: { senders: [1, 2].map(() => ({ name: "a", addresses: ["127.0.0.1"] })) } },
    ],
    ["an address that is none", { port: 1, sender: { addresses: ["localhost"] } }],
    ["a http home page", { authority: { link: "http://a.example" } }],
  ] as const)("refuse %s", ([, wish]) => {
    expect(parse(rawSettings(keys, wish as Wish)).success).toBe(false);
  });
  it("say which hosts may be called, whatever metadata claim", async () => {
    const node = await startNode(keys);
    const { context } = open({ node: node.url });
    expect(fink.remotes(context.config)).toEqual([node.url]);
    await node.close();
  });
});
