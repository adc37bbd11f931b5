import { chmodSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { environment, GOOD, HEX, load, problemsOf, writeSample } from "./sample.ts";

describe("secrets", () => {
  test("a literal secret is refused and not shown", async () => {
    const literal = HEX();
    const [problem, ...more] = await problemsOf(GOOD.replace("env:AS", literal));
    expect(more).toEqual([]);
    expect(problem).toContain("must name where the secret is kept");
    expect(problem).not.toContain(literal.slice(0, 8));
  });

  test.each(["CHANGE-ME", "change_me", "geheim", "secret", "Password", "test123"])(
    "the placeholder %s is refused as content",
    async (value) => {
      const problems = await problemsOf(GOOD, { env: { ...environment(), AS: value } });
      expect(problems).toEqual([
        "8:12 appservice.asToken — the secret is a placeholder that everybody can guess; draw a new one",
      ]);
    },
  );

  test("short tokens, and tokens that were not drawn", async () => {
    const short = await problemsOf(GOOD, { env: { ...environment(), ADMIN: "a".repeat(31) } });
    expect(short[0]).toContain(
      "admin.tokens[0].token — the secret is too short (31 characters); needed: at least 32",
    );
    const dull = await problemsOf(GOOD, { env: { ...environment(), HS: "ab".repeat(20) } });
    expect(dull[0]).toContain("appservice.hsToken — the secret was not drawn at random");
  });

  test.skipIf(process.platform === "win32")(
    "files that everybody may read are refused",
    async () => {
      const file = writeSample(GOOD.replace("env:AS", "file:as-token"), {
        "as-token": `${HEX()}\n`,
      });
      const token = join(dirname(file), "as-token");
      expect((await load(file)).config.appservice.asToken.reveal()).toMatch(/^[0-9a-f]{64}$/);
      chmodSync(token, 0o640);
      await expect(load(file)).resolves.toBeDefined();
      chmodSync(token, 0o644);
      await expect(load(file)).rejects.toThrow(
        `${token} is open to every user of this machine (mode 644); run: chmod o= ${token}`,
      );
    },
  );

  test("missing files, folders and empty files are named", async () => {
    const text = GOOD.replace("env:AS", "file:none")
      .replace("env:HS", "file:sub")
      .replace("env:ADMIN", "file:empty");
    const file = writeSample(text, { empty: "\n" });
    mkdirSync(join(dirname(file), "sub"));
    const message = await load(file).then(String, String);
    expect(message).toContain("none does not exist");
    expect(message).toContain("sub is a folder; name a file");
    expect(message).toContain("file:empty is empty");
  });

  test("keys must be 32 bytes, tokens differ from each other", async () => {
    const env = environment();
    const key = await problemsOf(GOOD, { env: { ...env, KEY: HEX() } });
    expect(key[0]).toContain(
      "12:13 keys[0].secret — must hold 32 random bytes in base64, found 48 bytes",
    );
    const same = await problemsOf(GOOD, { env: { ...env, HS: env.AS } });
    expect(same[0]).toContain("appservice.hsToken — is the same secret as appservice.asToken");
  });

  test("database and Redis URLs", async () => {
    const text = GOOD.replace(
      "accounts:",
      "store: { kind: postgres, url: env:PG }\ndoorbell: { kind: redis, url: env:RD }\naccounts:",
    );
    const bad = { ...environment(), PG: "mysql://x", RD: "redis://:geheim@127.0.0.1" };
    expect(await problemsOf(text, { env: bad })).toEqual([
      "19:31 store.url — must hold a URL that begins with postgres://",
      "20:31 doorbell.url — the password in it is one that everybody can guess",
    ]);
  });
});

describe("contradictions", () => {
  const second =
    "  - name: first\n    bridge: sample\n    title: Second\n    settings: { url: https://b.example }\n";
  test("one account name twice", async () => {
    expect(await problemsOf(GOOD + second)).toEqual([
      '25:11 accounts[1].name — account name "first" is used twice; it is already that of accounts[0]',
    ]);
  });

  test("one key id, one key twice", async () => {
    const text = GOOD.replace("admin:", "  - { id: key-1, secret: env:KEY }\nadmin:");
    expect((await problemsOf(text)).map((line) => line.replace(/^\S+ /, ""))).toEqual([
      'keys[1].id — key id "key-1" is used twice; it is already that of keys[0]',
      "keys[1].secret — is the same key as keys[0].secret",
    ]);
  });

  test("people of another server, ghosts as people, the same link twice", async () => {
    const links = `    clerks: ["@a:other.org", "@_postfach_x:example.org"]
    links:
      - { mailbox: m1, user: "@b:example.org" }
      - { mailbox: m1, user: "@c:example.org" }
      - { mailbox: m1, user: "@b:example.org" }
`;
    const text = GOOD.replace("    settings:\n", `${links}    settings:\n`);
    expect((await problemsOf(text)).map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "accounts[0].clerks[0] — @a:other.org is not a user of example.org; correct it, or set homeserver.federate: true",
      "accounts[0].clerks[1] — @_postfach_x:example.org belongs to the gateway itself; name a person",
      "accounts[0].links[2] — this link stands twice; it is the same as links[0]",
    ]);
    const federated = text.replace("  name: example.org", "  name: example.org\n  federate: true");
    expect((await problemsOf(federated)).join()).not.toContain("other.org");
  });

  test("a first pause that is longer than the longest", async () => {
    const text = GOOD.replace("accounts:", "delivery: { firstRetry: 2h, maxRetry: 1h }\naccounts:");
    expect(await problemsOf(text)).toEqual([
      "19:25 delivery.firstRetry — 2h is longer than delivery.maxRetry (1h); allowed: at most that",
    ]);
  });
});
