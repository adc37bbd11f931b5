import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { formatProblem, loadConfig } from "../../../src/config/load.ts";
import { environment, GOOD, load, problemsOf, writeSample } from "./sample.ts";

test("a good file: defaults, settings by the bridge's schema, secrets readable, absolute paths", async () => {
  const env = environment();
  const file = writeSample(GOOD);
  const { config, definitions } = await load(file, env);
  expect(config.appservice.asToken.reveal()).toBe(env.AS);
  expect(config.delivery.firstRetry).toBe(5_000);
  expect(config.data).toBe(join(dirname(file), "data"));
  expect(config.accounts[0]?.settings).toMatchObject({
    url: "https://legacy.example",
    pollEvery: 60_000,
    mode: { kind: "quiet" },
  });
  expect([...definitions.keys()]).toEqual(["sample"]);
});

test("the result is frozen all the way down", async () => {
  const { config } = await load(writeSample(GOOD));
  const unfrozen: string[] = [];
  const walk = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null) return;
    if (!Object.isFrozen(value)) unfrozen.push(path);
    for (const [key, below] of Object.entries(value)) walk(below, `${path}.${key}`);
  };
  walk(config, "config");
  expect(unfrozen).toEqual([]);
  expect(() => Object.assign(config.homeserver, { name: "other" })).toThrow(TypeError);
});

test("no form of printing shows a secret of the loaded configuration", async () => {
  const env = environment();
  const { config } = await load(writeSample(GOOD), env);
  const printed = JSON.stringify(config) + inspect(config, { depth: 20, showHidden: true });
  for (const value of Object.values(env)) expect(printed).not.toContain(value);
});

test("five different mistakes in one file: five lines, each with place, key and remedy", async () => {
  const text = GOOD.replace("  name: example.org", "  nmae: x\n  name: example.org")
    .replace("admin\n", "root\n")
    .replace("env:HS", "env:NOT_SET")
    .replace("bridge: sample", "bridge: sampel")
    .replace("127.0.0.1:9010", "127.0.0.1:9009");
  expect(await problemsOf(text)).toEqual([
    '4:3 homeserver.nmae — unknown key; did you mean "name"? Allowed here: url, name, roomVersion, federate, edits, historyVisibility, sweepEvery, requestTimeout',
    "10:12 appservice.hsToken — environment variable NOT_SET is not set",
    "15:11 admin.listen — this address is already taken by appservice.listen; choose another port",
    '18:13 admin.tokens[0].role — "root" is not allowed; allowed: "viewer", "operator", "admin"',
    '22:13 accounts[0].bridge — there is no bridge "sampel"; did you mean "sample"? Available: sample, or the name of an installed npm package',
  ]);
});

test.each([
  [
    "a missing key",
    "  name: example.org\n",
    "",
    /^2:1 homeserver\.name — is missing; allowed: text \(server_name/,
  ],
  ["an empty key", "example.org", "", /^4:3 homeserver\.name — is empty; allowed: text/],
  ["a wrong type", "id: key-1", "id: 7", /^11:9 keys\[0\]\.id — found 7; allowed: text$/],
  [
    "a list instead of a map",
    "settings:\n      url: https://legacy.example",
    "settings: []",
    /^23:5 accounts\[0\]\.settings — found a list; allowed: a map with the keys url, pin/,
  ],
  [
    "an enum in quotes",
    "version: 1",
    'version: "1"',
    /^1:10 version — "1" is not allowed; allowed: 1$/,
  ],
  [
    "a number where an enum wants text",
    "  name: example.org",
    "  name: example.org\n  roomVersion: 11",
    /^5:16 homeserver\.roomVersion — the number 11 \(without quotes\) is not allowed; allowed: "11", "12"$/,
  ],
  [
    "a wrong duration",
    "accounts:",
    "delivery: { firstRetry: 5 minutes }\naccounts:",
    /^19:25 delivery\.firstRetry — must be a duration such as 500ms, 10s, 5m, 72h or 7d; found "5 minutes"$/,
  ],
  [
    "out of range",
    "accounts:",
    "delivery: { concurrency: 1000 }\naccounts:",
    /^19:26 delivery\.concurrency — 1000 is too large; allowed: a whole number from 1 to 256$/,
  ],
  [
    "a wrong discriminator",
    "accounts:",
    "store: { kind: mysql }\naccounts:",
    /^19:16 store\.kind — "mysql" is not allowed; allowed: "sqlite", "postgres"$/,
  ],
  [
    "a key of another form",
    "accounts:",
    "store: { kind: sqlite, url: env:KEY }\naccounts:",
    /^19:24 store\.url — unknown key; allowed here: kind$/,
  ],
  [
    "a range that is none",
    "accounts:\n  - name: first",
    "accounts:\n  - privateNetworks: [10.0.0.0/33]\n    name: first",
    /privateNetworks\[0\] — must be an address range such as 10\.0\.0\.0\/8 or fd00::\/8; found "10\.0\.0\.0\/33"$/,
  ],
  [
    "an empty list",
    "  tokens:\n    - name: operations\n      role: admin\n      token: env:ADMIN",
    "  tokens: []",
    /^15:3 admin\.tokens — has too few entries; allowed: a list of 1 to 100 entries$/,
  ],
  [
    "a port that is none",
    "127.0.0.1:9010",
    "127.0.0.1:90100",
    /admin\.listen — the port must be 0 to 65535; found "127\.0\.0\.1:90100"$/,
  ],
  [
    "a duplicate key",
    "  name: example.org",
    "  name: example.org\n  name: example.net",
    /^5:3 {2}— this key stands twice in the same place; keep one$/,
  ],
])("%s", async (_what, from, to, expected) => {
  const problems = await problemsOf(GOOD.replace(from, to));
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(expected);
});

describe("settings of a bridge", () => {
  const with_ = (settings: string) => GOOD.replace("      url: https://legacy.example", settings);
  test.each([
    [
      "an unknown key",
      "      url: https://a.example\n      polEvery: 5m",
      '25:7 accounts[0].settings.polEvery — unknown key; did you mean "pollEvery"? Allowed here: url, pin, certificate, pollEvery, listen, mode, level',
    ],
    [
      "a wrong scheme",
      "      url: http://a.example",
      '24:12 accounts[0].settings.url — must be an absolute https URL without user, query or fragment; found "http://a.example"',
    ],
    [
      "a range in a chosen form",
      "      url: https://a.example\n      mode: { kind: loud, volume: 12 }",
      "25:35 accounts[0].settings.mode.volume — 12 is too large; allowed: a whole number from 1 to 11",
    ],
    [
      "a union of literals",
      "      url: https://a.example\n      level: 3",
      "25:14 accounts[0].settings.level — 3 is not allowed; allowed: 1, 2",
    ],
    [
      "an address that is taken",
      "      url: https://a.example\n      listen: 0.0.0.0:9009",
      "25:15 accounts[0].settings.listen — this address is already taken by appservice.listen; choose another port",
    ],
    [
      "a file that is not there",
      "      url: https://a.example\n      certificate: file:/nowhere/c.pem",
      "25:20 accounts[0].settings.certificate — the file /nowhere/c.pem does not exist",
    ],
    [
      "a rule of the bridge",
      "      url: https://a.example\n      pin: env:AS",
      "25:12 accounts[0].settings.pin — `pin` needs `certificate`; found a value that is not shown here",
    ],
  ])("%s has its own line", async (_what, settings, expected) => {
    expect(await problemsOf(with_(settings))).toEqual([expected]);
  });

  test("they are checked although the core has faults, and a broken bridge is named", async () => {
    const text = with_("      url: ftp://a").replace("version: 1", "version: 2");
    expect(await problemsOf(text)).toHaveLength(2);
    const broken = { available: () => ["sample"], load: () => Promise.reject(new Error("boom")) };
    const work = loadConfig(writeSample(GOOD), { environment: environment(), bridges: broken });
    await expect(work).rejects.toThrow("the bridge cannot be loaded: boom");
  });
});

test("a problem as one line", () => {
  const problem = { file: "c.yaml", line: 3, column: 5, key: "a.b", message: "is wrong" };
  expect(formatProblem(problem)).toBe("c.yaml:3:5 a.b — is wrong");
  expect(formatProblem({ ...problem, line: 0, key: "" })).toBe("c.yaml — is wrong");
});
