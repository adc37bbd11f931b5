import { existsSync, readdirSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import type { BridgeDefinition, CertificateHealth, Health } from "../../../src/bridge/contract.ts";
import { judgeCertificate } from "../../../src/cli/checks.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import { GOOD, sampleBridge } from "../config/sample.ts";
import { inFolder, install, serve } from "./support.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Behaviour {
  readonly ping?: () => Promise<Health>;
  readonly verify?: () => Promise<readonly CertificateHealth[]>;
}
function bridgeThat({ ping, verify }: Behaviour): BridgeDefinition {
  return {
    ...sampleBridge,
    ...(verify ? { verify } : {}),
    create: (context) => ({
      start: () => Promise.reject(new Error("a check must not start anything")),
      deliver: () => Promise.reject(new Error("a check must not deliver")),
      stop: () => Promise.resolve(),
      ping: ping ?? (() => Promise.resolve({ ok: true, detail: context.account })),
    }),
  };
}

/** A homeserver that knows our token, a bridge that behaves as told, and no gateway running. */
async function site(
  behaviour: Behaviour,
  whoami: object = { user_id: "@_postfach_bot:example.org" },
) {
  const homeserver = await serve((path) => {
    if (path.startsWith("/_matrix/client/versions"))
      return { json: { versions: ["v1.11", "v1.12"] } };
    if (path.includes("whoami")) return { json: whoami };
    return { status: 404, json: { errcode: "M_UNRECOGNIZED" } };
  });
  closers.push(homeserver.close);
  const port = await freePort();
  const text = GOOD.replace("http://127.0.0.1:8008", `http://127.0.0.1:${homeserver.port}`).replace(
    "127.0.0.1:9010",
    `127.0.0.1:${port}`,
  );
  const bridge = bridgeThat(behaviour);
  const here = install(text, { available: () => ["sample"], load: () => Promise.resolve(bridge) });
  return { here, homeserver };
}
async function freePort(): Promise<number> {
  const { port, close } = await serve(() => ({ json: {} }));
  await close();
  return port;
}

test("all is well: one line each, exit 0, and nothing was created or sent", async () => {
  const notAfter = new Date(Date.now() + 400 * 86_400_000);
  const { here, homeserver } = await site({
    verify: () => Promise.resolve([{ subject: "Bauamt", purpose: "client certificate", notAfter }]),
  });
  const { code, out, err } = await here.run("check");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^✓ configuration .*1 account$/m);
  expect(out).toMatch(/^✓ keys +seals with key-1$/m);
  expect(out).toMatch(/^✓ data folder .*data will be created$/m);
  expect(out).toMatch(/^✓ database \(sqlite\) +will be created by `run`$/m);
  expect(out).toMatch(/^✓ homeserver +v1\.12, .*the way back can be tried only while `run` runs$/m);
  expect(out).toMatch(/^✓ account first: client certificate +Bauamt, until \d{4}-/m);
  expect(out).toMatch(/^✓ account first: sample +first$/m);
  expect(out).toMatch(/\nready\n$/);
  expect(existsSync(inFolder(here, "data"))).toBe(false);
  expect(homeserver.asked.filter((line) => !line.startsWith("GET "))).toEqual([]);
});

test("what does not work has a cross, the reason and the remedy: exit 1", async () => {
  const { here } = await site(
    {
      ping: () => Promise.reject(new GatewayError("REMOTE_UNAVAILABLE", "connection refused")),
      verify: () => Promise.reject(new GatewayError("CERTIFICATE_INVALID", "the key does not fit")),
    },
    { user_id: "@somebody:example.org" },
  );
  const { code, out } = await here.run("check");
  expect(code).toBe(1);
  expect(out).toMatch(
    /^✗ homeserver +the token belongs to @somebody:example\.org, not to @_postfach_bot/m,
  );
  expect(out).toMatch(
    /^✗ account first: keys +the key does not fit\n +→ check the configured certificates$/m,
  );
  expect(out).toMatch(/\n2 problems\n$/);
  const { document } = await here.json("check");
  expect(document).toMatchObject({ ok: false });
});

test("an existing database is looked at without a trace, also beside an open one", async () => {
  const { here } = await site({});
  await here.withStorage(() => Promise.resolve());
  const before = readdirSync(inFolder(here, "data")).sort();
  expect((await here.run("check")).out).toMatch(/^✓ database \(sqlite\) +schema \d+$/m);
  expect(readdirSync(inFolder(here, "data")).sort()).toEqual(before);
  const { out } = await here.withStorage(() => here.run("check"));
  expect(out).toMatch(/^✓ database \(sqlite\) +schema \d+$/m);
});

test("a database of a newer version is named", async () => {
  const { here } = await site({});
  await here.withStorage(() => Promise.resolve());
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(inFolder(here, "data/postfach.sqlite"));
  database.exec(
    "INSERT INTO schema_version (version, name, digest, applied_at) VALUES (99, 'later', 'x', 0)",
  );
  database.close();
  expect((await here.run("check")).out).toMatch(
    /^✗ database \(sqlite\) +the database has schema 99/m,
  );
  expect((await here.run("list")).code).toBe(4);
});

test("Redis that does not answer", async () => {
  const { here } = await site({});
  const text = `${GOOD.replace("accounts:", "doorbell: { kind: redis, url: env:REDIS }\naccounts:")}`;
  const other = install(text);
  other.environment["REDIS"] = `redis://127.0.0.1:${await freePort()}`;
  const { out } = await other.run("check");
  expect(out).toMatch(
    /^✗ doorbell \(redis\) +.*ECONNREFUSED.*\n +→ start Redis, or correct doorbell\.url/m,
  );
  expect((await here.run("check")).out).not.toContain("doorbell");
});

test("a configuration with five mistakes: five lines, exit 2, nothing is asked", async () => {
  const text = GOOD.replace("name: example.org", "nmae: example.org")
    .replace("admin\n", "root\n")
    .replace("env:HS", "file:none")
    .replace("127.0.0.1:9010", "127.0.0.1:9009");
  const here = install(text);
  const { code, out, err } = await here.run("check");
  expect({ code, out }).toEqual({ code: 2, out: "" });
  const lines = err.trimEnd().split("\n");
  expect(lines).toHaveLength(6);
  expect(lines.at(-1)).toBe("5 problems");
  for (const key of ["homeserver.name", "homeserver.nmae", "hsToken", "admin.listen", "role"])
    expect(
      lines.filter((line) => line.startsWith("✗ ") && line.includes(key)).length,
    ).toBeGreaterThan(0);
  const { document } = await here.json("check");
  expect((document["error"] as { problems: unknown[] }).problems).toHaveLength(5);
});

describe("certificates", () => {
  const now = new Date("2026-11-20T12:00:00Z");
  const judge = (date: string) =>
    judgeCertificate("account a", { subject: "s", purpose: "p", notAfter: new Date(date) }, now);
  test.each([
    ["2027-11-20", "ok", "(364 days)"],
    ["2026-12-19T13:00:00Z", "warn", "(29 days)"],
    ["2026-11-20T11:59:59Z", "fail", "ended on 2026-11-20"],
  ])("until %s: %s", (date, result, detail) => {
    expect(judge(date)).toMatchObject({ result });
    expect(judge(date).detail).toContain(detail);
  });
});

describe("ping", () => {
  test("one account, all of them, one that is not there", async () => {
    const { here, homeserver } = await site({});
    expect((await here.run("ping", "first")).out).toMatch(
      /^✓ account first: sample +first\n\nready\n$/,
    );
    expect(homeserver.asked).toEqual([]);
    expect((await here.run("ping")).out).toMatch(/^✓ homeserver/);
    const missing = await here.run("ping", "frist");
    expect(missing.code).toBe(3);
    expect(missing.err).toContain("there is no account frist; known: first");
  });

  test("a bridge that answers no", async () => {
    const { here } = await site({ ping: () => Promise.resolve({ ok: false, detail: "401" }) });
    const { code, document } = await here.json("ping", "first");
    expect({ code, document }).toMatchObject({
      code: 1,
      document: { ok: false, checks: [{ result: "fail", detail: "401" }] },
    });
  });
});
