import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BUILT_IN, parseProfile, profileFor } from "../../../bridges/bundid/profile.ts";
import { settingsSchema } from "../../../bridges/bundid/settings.ts";
import { GatewayError } from "../../../src/model/errors.ts";

function problemsOf(yaml: string): string {
  try {
    parseProfile(yaml, "eigenes.yaml");
  } catch (error) {
    if (error instanceof GatewayError && error.code === "CONFIG_INVALID") return error.message;
    throw error;
  }
  throw new Error("not refused");
}

describe("profile", () => {
  it("is the built-in one by default", () => expect(profileFor(undefined)).toBe(BUILT_IN));
  it("replaces only what an own file names", () => {
    const own = profileFor({
      source: "file:eigenes.yaml",
      text: "extends: zbp-v6\nfind: { enabled: true }\nlimits: { files: 3 }\nmediaTypes: []\nerrors: { '500': { code: REMOTE_UNAVAILABLE, fault: transient } }",
    });
    expect(own.find).toEqual({ ...BUILT_IN.find, enabled: true });
    expect(own.limits).toEqual({ ...BUILT_IN.limits, files: 3 });
    expect(own.mediaTypes).toEqual([]);
    expect(own.errors["500"]).toMatchObject({ fault: "transient" });
    expect(own.errors["404"]).toEqual(BUILT_IN.errors["404"]);
  });
  it.each([
    ["extends: zbp-v6\nlimits:\n  title: viele\n", "eigenes.yaml:3:10: limits.title:"],
    ["extends: zbp-v6\nlimits:\n  titel: 3\n", "eigenes.yaml:3:10: limits:"],
    ["extends: zbp-v6\nsend:\n  path: ohne\n", "eigenes.yaml:3:9: send.path: must begin with /"],
    [
      "extends: zbp-v6\nerrors:\n  '404': { code: ERFUNDEN, fault: permanent }\n",
      "eigenes.yaml:3:18: errors.404.code:",
    ],
    ["extends: zbp-v6\nlimits:\n  files: 1\n  files: 2\n", "eigenes.yaml:4:3:"],
    ["extends: zbp-v7\n", "only zbp-v6 can be extended"],
    ["profile: leer\n", "eigenes.yaml:1:1: auth:"],
    ["- eins\n", "eigenes.yaml:1:1: must be a mapping"],
    ["a: [\n", "eigenes.yaml:2:1:"],
    ["extends: zbp-v6\nx: &a [1]\ny: *a\n", ""],
    ["extends: zbp-v6\nauth: { jwt: { algorithm: none } }\n", "auth.jwt.algorithm:"],
    ["extends: zbp-v6\nlimits: { html: { schemes: [javascript] } }\n", "limits.html.schemes.0:"],
  ])("names what is wrong in %j", (yaml, expected) => {
    if (expected === "") expect(() => parseProfile(yaml, "eigenes.yaml")).toThrow();
    else expect(problemsOf(yaml)).toContain(expected);
  });
  it("holds every path and name: the code has none of its own", () => {
    const text = JSON.stringify(BUILT_IN);
    const folder = new URL("../../../bridges/bundid/", import.meta.url);
    for (const file of [
      "codec.ts",
      "letter.ts",
      "transport.ts",
      "replies.ts",
      "inlet.ts",
      "find.ts",
    ]) {
      const source = readFileSync(new URL(file, folder), "utf8");
      expect(source, file).not.toMatch(/["'`]\/v6|mailboxUuid|stork_qaa_level|sha512sum["'`:]/);
    }
    expect(text).toContain("/v6/mailbox/messages");
  });
});

const SENDER = {
  url: "https://int.zbp.example",
  certificate: "file:a.pem",
  key: "file:a.key",
  name: "Amt",
  service: "Dienst",
};
const INLET = {
  listen: "127.0.0.1:9443",
  tls: { certificate: "file:s.pem", key: "file:s.key" },
  senders: [{ name: "bauamt", certificate: "file:b.pem", unlinked: "reject" }],
};

describe("settings", () => {
  it("are filled in", () => {
    expect(settingsSchema.parse({ sender: SENDER }).sender).toMatchObject({
      minimumLevel: 1,
      clockOffset: 0,
      forbiddenHtml: "text",
      replies: { enabled: false, pollEvery: 60_000 },
    });
    expect(settingsSchema.parse({ inlet: INLET }).inlet).toMatchObject({
      forwardWait: 30_000,
      senders: [{ replies: "pull", strictDuplicates: false }],
    });
  });
  it.each([
    ["neither role", {}, "needs `sender`, `inlet`, or both"],
    ["an unknown key", { sender: { ...SENDER, nmae: "x" } }, "nmae"],
    ["an http address", { sender: { ...SENDER, url: "http://a.example" } }, "https"],
    [
      "a key in the file itself",
      { sender: { ...SENDER, key: "-----BEGIN" } },
      "file:<path> or env:<NAME>",
    ],
    ["no key", { sender: { ...SENDER, key: undefined } }, "either `certificate` and `key`"],
    [
      "two ways to the key",
      { sender: { ...SENDER, pkcs12: "file:a.p12", pin: "env:PIN" } },
      "either `certificate` and `key`",
    ],
    ["a level that does not exist", { sender: { ...SENDER, minimumLevel: 5 } }, ""],
    [
      "forward without a way",
      { inlet: { ...INLET, senders: [{ ...INLET.senders[0], unlinked: "forward" }] } },
      "`forward` needs `sender`",
    ],
    [
      "mail without a server",
      { inlet: { ...INLET, senders: [{ ...INLET.senders[0], replies: "mail" }] } },
      "`mail` needs `inlet.mail`",
    ],
    [
      "a name twice",
      { inlet: { ...INLET, senders: [INLET.senders[0], INLET.senders[0]] } },
      "is used twice",
    ],
    ["no legacy sender", { inlet: { ...INLET, senders: [] } }, ""],
    [
      "confirmations without a sender",
      { inlet: INLET, receipts: { listen: "127.0.0.1:2525", domain: "gw.example" } },
      "confirmations need `sender`",
    ],
    [
      "a domain that is none",
      { sender: SENDER, receipts: { listen: "127.0.0.1:2525", domain: "a@b" } },
      "mail domain",
    ],
  ])("refuse %s", (_what, raw, expected) => {
    const result = settingsSchema.safeParse(raw);
    expect(result.success).toBe(false);
    expect(JSON.stringify(result.error?.issues)).toContain(expected);
  });
});
