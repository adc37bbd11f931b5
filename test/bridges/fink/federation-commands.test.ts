/** `fink participants`, `fink resolve`, `fink refresh` and `inspect fink <metadata>`. */
import { describe, expect, test } from "vitest";
import {
  federationCommands,
  type FederationConfig,
} from "../../../bridges/fink/federation/index.ts";
import { inspectMetadata } from "../../../bridges/fink/inspect-metadata.ts";
import type { BridgeContext } from "../../../src/bridge/contract.ts";
import { MemoryState } from "../../support/bridge-context.ts";
import { fate, useOffice, type Running } from "./federation-office.ts";
import { entityOf, NW, signed, TH } from "./federation-support.ts";

const office = useOffice();
const commands = federationCommands<unknown>((config) => config as FederationConfig);

async function command(
  { context }: Running,
  name: string,
  given: { arguments?: Record<string, string>; options?: Record<string, string> } = {},
) {
  const found = commands.find((it) => it.name === name);
  if (!found) throw new Error(`no command ${name}`);
  const signal = AbortSignal.timeout(10_000);
  const input = { arguments: {}, options: {}, ...given, now: office.now(), signal };
  const result = await found.run(context as BridgeContext<unknown>, input);
  return { ...result, text: (result.lines ?? []).join("\n") };
}

describe("participants", () => {
  test("shows the country, and who is listed", async () => {
    office.server.publish();
    const gateway = await office.run();
    const before = await command(gateway, "participants");
    expect(before.text).toContain("metadata missing");
    await gateway.tick();
    office.server.remove(NW);
    office.server.publish();
    await gateway.federation.refresh(AbortSignal.timeout(5_000));
    const { text, table, document } = await command(gateway, "participants");
    expect(text).toContain("federation production: metadata current");
    expect(text).toContain("2026-11-01");
    expect(table?.rows).toEqual([
      [
        "TH",
        "Thüringen",
        "VA",
        "production 01.07.2020",
        "production 01.07.2020",
        "",
        "as4-pfisk",
        "1/1",
        "",
      ],
      [
        "NW",
        "Nordrhein-Westfalen",
        "LOI",
        "production 01.07.2020",
        "production 01.07.2020",
        "",
        "as4-pfisk",
        "0/1 (1 removed)",
        "",
      ],
    ]);
    expect(JSON.parse(JSON.stringify(document))).toMatchObject({
      participants: [
        { code: "TH", listed: 1 },
        { code: "NW", removed: 1 },
      ],
    });
  });
});

describe("resolve", () => {
  const ask = (gateway: Running, entityId: string) =>
    command(gateway, "resolve", { arguments: { entityId, mailbox: "p-1" } });

  test("explains the way, and why there is none", async () => {
    office.server.publish();
    const gateway = await office.run();
    await gateway.tick();
    const way = await ask(gateway, TH);
    expect(way.text).toContain("goes to Thüringen by as4-access-point: https://as4.th.example/msh");
    expect(way.text).toContain(office.people.node.fingerprint);
    expect(way.ok).not.toBe(false);
    const none = await ask(gateway, "https://nobody.example");
    expect(none).toMatchObject({
      ok: false,
      document: { decision: { reason: "PARTICIPANT_UNKNOWN" } },
    });
    expect(none.text).toContain("the sender is told");
    // Keys and certificates of node:crypto must not end as {} or kilobytes in JSON.
    expect(JSON.stringify(way.document).length).toBeLessThan(3_000);
  });
});

describe("refresh", () => {
  test("fetches, or takes a file; an older one only when it is said", async () => {
    const old = office.server.publish("good", 5);
    office.server.publish("good", 6);
    const gateway = await office.run(new MemoryState());
    expect((await command(gateway, "refresh")).text).toContain("metadata current");
    await gateway.tick();
    expect(fate(gateway)).toBe("https://as4.th.example/msh");
    const file = office.folder.write("old.xml", old);
    await expect(command(gateway, "refresh", { options: { file } })).rejects.toMatchObject({
      code: "NOT_ALLOWED",
    });
    const forced = { file, "allow-older": "true" };
    expect((await command(gateway, "refresh", { options: forced })).text).toContain("2 entities");
    await expect(
      command(gateway, "refresh", { options: { "allow-older": "true" } }),
    ).rejects.toMatchObject({ code: "NOT_ALLOWED" });
    await expect(
      command(gateway, "refresh", { options: { file: `${file}.nowhere` } }),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("inspect", () => {
  const inspect = (text: string, pin?: string) => {
    const file = office.folder.write("inspect.xml", text);
    const options = { pin: pin ?? office.folder.pem("pin.pem", office.people.office).slice(5) };
    return inspectMetadata(file, { options, now: office.now() });
  };
  const good = () => signed(office.people, [entityOf(office.people)]);

  test("verifies and shows", async () => {
    const found = await inspect(good());
    expect(found.code).toBeUndefined();
    expect(found.checks.map(({ name, ok }) => `${name} ${String(ok)}`)).toEqual([
      "pin true",
      "form true",
      "signature true",
      "validity true",
      "entities true",
    ]);
    expect(found.facts).toMatchObject({ entities: [{ entityId: TH, mailbox: { maxLevel: 4 } }] });
  });

  test("two pins, with a comma between", async () => {
    const { folder, people } = office;
    const pins = [folder.pem("a.pem", people.stranger), folder.pem("b.pem", people.office)];
    expect((await inspect(good(), pins.map((it) => it.slice(5)).join(","))).code).toBeUndefined();
  });

  test.each([
    [
      "changed",
      (text: string) => text.replace("th.example/msh", "th.example/evil"),
      "signature",
      "SIGNATURE_INVALID",
    ],
    ["hostile", (text: string) => text.replace("?>", "?><!DOCTYPE x>"), "form", "INPUT_HOSTILE"],
    ["something else", () => "<a/>", "form", "INPUT_INVALID"],
  ])("what is %s is refused at its step", async (_name, change, step, code) => {
    const found = await inspect(change(good()));
    expect(found).toMatchObject({ code });
    expect(found.checks.at(-1)).toMatchObject({ name: step, ok: false });
    expect(found.facts).not.toHaveProperty("entities");
  });

  test("shows nothing that nobody vouches for", async () => {
    const file = office.folder.write("inspect.xml", good());
    const found = await inspectMetadata(file, { options: {}, now: office.now() });
    expect(found).toMatchObject({ code: "CERTIFICATE_INVALID", facts: {} });
  });
});
