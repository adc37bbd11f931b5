import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { BridgeDefinition, Inspection } from "../../../src/bridge/contract.ts";
import { GOOD, sampleBridge } from "../config/sample.ts";
import { inFolder, install } from "./support.ts";

const good: Inspection = {
  kind: "letter \u001b[2J",
  checks: [
    { name: "signature", ok: true, detail: "RS512" },
    { name: "limits", ok: true },
  ],
  message: {
    sourceId: "s-1",
    conversation: "case-1",
    sentAt: new Date("2026-11-20T10:00:00Z"),
    from: { address: "authority" },
    to: [{ address: "m1", name: "Erika" }],
    text: "Guten Tag",
    attachments: [],
    level: 3,
    replyPolicy: "possible",
  },
  facts: { size: 12 },
};
const refused: Inspection = {
  kind: "letter",
  checks: [{ name: "signature", ok: false, detail: "digest differs" }],
  code: "SIGNATURE_INVALID",
};

function site(found: Inspection) {
  const seen: { file: string; options: unknown }[] = [];
  const bridge: BridgeDefinition = {
    ...sampleBridge,
    inspectOptions: { cert: "certificate of the sender", keys: "folder with keys" },
    inspect: (file, { options }) => {
      seen.push({ file, options });
      return Promise.resolve(found);
    },
  };
  const load = (name: string) =>
    name === "sample" ? Promise.resolve(bridge) : Promise.reject(new Error("none"));
  const here = install(GOOD, { available: () => ["sample"], load });
  const file = inFolder(here, "letter.bin");
  writeFileSync(file, "x");
  return { here, file, seen };
}

test("accepted: the checks, the canonical message, the verdict; exit 0", async () => {
  const { here, file, seen } = site(good);
  const { code, out } = await here.run("inspect", "sample", file, "--cert", "c.pem", "--keys=k");
  expect(code).toBe(0);
  expect(seen).toEqual([{ file, options: { cert: "c.pem", keys: "k" } }]);
  expect(out).toMatch(/^✓ +signature +RS512$/m);
  expect(out).toMatch(/^to\[0\]\.name +Erika$/m);
  expect(out).toMatch(/^sentAt +2026-11-20T10:00:00\.000Z$/m);
  expect(out).toMatch(/\naccepted\n$/);
  expect(out).not.toContain("\u001b");
});

test("refused: the failed check, the code, what it means; exit 2", async () => {
  const { here, file } = site(refused);
  const { code, out } = await here.run("inspect", "sample", file);
  expect(code).toBe(2);
  expect(out).toMatch(/^✗ +signature +digest differs$/m);
  expect(out).toMatch(/\nrefused: SIGNATURE_INVALID: a signature does not verify\n$/);
  expect(await here.json("inspect", "sample", file)).toMatchObject({
    code: 2,
    document: {
      accepted: false,
      code: "SIGNATURE_INVALID",
      meaning: "a signature does not verify",
    },
  });
});

test("options before the file work too", async () => {
  const { here, file, seen } = site(good);
  expect((await here.run("inspect", "sample", "--cert=c.pem", file)).code).toBe(0);
  expect(seen[0]).toEqual({ file, options: { cert: "c.pem" } });
});

test("no configuration and no store are needed", async () => {
  const { here, file } = site(good);
  writeFileSync(here.file, "broken: [");
  expect((await here.run("inspect", "sample", file)).code).toBe(0);
});

test("wrong use", async () => {
  const { here, file } = site(good);
  const unknown = await here.run("inspect", "sample", file, "--crt", "x");
  expect(unknown.code).toBe(64);
  expect(unknown.err).toContain(
    "unknown option --crt. Did you mean --cert? This bridge has: --cert, --keys.",
  );
  expect((await here.run("inspect", "sample", file, "--cert")).code).toBe(64);
  expect((await here.run("inspect", "sample", file, file)).code).toBe(64);
  expect((await here.run("inspect", "sample", `${file}.none`)).code).toBe(3);
  expect((await here.run("inspect", "other", file)).code).toBe(3);
  const options = await here.run("inspect", "sample");
  expect(options.code).toBe(64);
  expect(options.out).toMatch(/--cert +certificate of the sender/);
});
