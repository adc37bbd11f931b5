/** Pins that change, files that are pushed, copies of other processes, and large federations. */
import { utimesSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createFederation, verifyFederation } from "../../../bridges/fink/federation/index.ts";
import { MemoryState } from "../../support/bridge-context.ts";
import { events, fate, look, useOffice } from "./federation-office.ts";
import { entityOf, NW, settingsOf } from "./federation-support.ts";

const office = useOffice();

describe("the certificate of the federation", () => {
  test("changes over while both are pinned; the copy of a dropped one is not served", async () => {
    office.server.publish();
    const gateway = await office.run();
    await gateway.tick();
    office.server.signWith(office.people.nextOffice);
    office.server.publish();
    await expect(gateway.federation.refresh(AbortSignal.timeout(5_000))).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
    });
    const both = {
      pins: [office.folder.pem("both.pem", office.people.office, office.people.nextOffice)],
    };
    const second = await office.run(gateway.state, both);
    expect(fate(second)).toBe("https://as4.th.example/msh");
    await second.federation.refresh(AbortSignal.timeout(5_000));
    expect(second.federation.metadata?.signed.signer.subject).toContain("neu");
    expect(second.federation.certificates()).toHaveLength(2);
    const files = {
      pins: [
        office.folder.pem("one.pem", office.people.office),
        office.folder.pem("two.pem", office.people.nextOffice),
      ],
    };
    expect(fate(await office.run(gateway.state, files))).toBe("https://as4.th.example/msh");
    const dropped = await office.run(second.state);
    expect(dropped.federation.state()).toMatchObject({
      standing: "missing",
      lastFault: { code: "SIGNATURE_INVALID" },
    });
    expect(fate(dropped)).toBe("METADATA_MISSING");
    // Judged once, not every ten seconds.
    office.server.publish("unavailable");
    for (let n = 0; n < 3; n += 1) await look(dropped);
    const refusals = dropped.log.filter(({ fields }) => fields["code"] === "SIGNATURE_INVALID");
    expect(refusals).toHaveLength(1);
  });

  test("`check` reads what the settings name, and says what is wrong with a file", () => {
    const pins = [office.folder.pem("pin.pem", office.people.office)];
    const metadata = { url: "https://md.example/metadata.xml", pins };
    const [pin] = verifyFederation(settingsOf({ metadata }));
    expect(pin?.subject).toContain("Föderationsverwaltung");
    const bad = { ...metadata, pins: [`file:${office.folder.write("bad.pem", "no certificate")}`] };
    expect(() => verifyFederation(settingsOf({ metadata: bad }))).toThrow("bad.pem");
  });
});

describe("pushed", () => {
  test("a file is taken when it changes, once, and a bad one is told and left", async () => {
    office.server.publish("unavailable");
    const file = `${office.folder.path}/pushed.xml`;
    const more = { file, url: undefined };
    const gateway = await office.run(new MemoryState(), more);
    await gateway.tick();
    expect(gateway.federation.state().standing).toBe("missing");
    writeFileSync(file, office.server.publish());
    await gateway.tick();
    expect(gateway.federation.state()).toMatchObject({ standing: "current", entities: 2 });
    office.server.remove(NW);
    writeFileSync(file, office.server.publish("wrong-key"));
    await expect(gateway.tick()).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
    await gateway.tick();
    utimesSync(file, new Date(), new Date(Date.now() + 5_000));
    await gateway.tick();
    expect(events(gateway).filter((event) => event.endsWith("refused"))).toHaveLength(1);
    writeFileSync(file, office.server.publish());
    await gateway.tick();
    expect(fate(gateway, NW)).toBe("PARTICIPANT_REMOVED");
    const restarted = await office.run(gateway.state, more);
    await restarted.tick();
    expect(restarted.state.audits.filter(({ action }) => action.endsWith("taken"))).toHaveLength(2);
  });

  test("what another process took is served within one look", async () => {
    office.server.publish();
    const gateway = await office.run();
    await gateway.tick();
    const command = await office.run(gateway.state);
    office.server.remove(NW);
    await command.federation.take(Buffer.from(office.server.publish()));
    expect(fate(gateway, NW)).toBe("https://as4.th.example/msh");
    await gateway.tick();
    expect(fate(gateway, NW)).toBe("PARTICIPANT_REMOVED");
    expect(gateway.state.audits.filter(({ action }) => action.endsWith("removed"))).toHaveLength(1);
  });
});

test("federations are kept apart: a copy of the test federation never serves the other", async () => {
  office.server.publish();
  const gateway = await office.run();
  await gateway.tick();
  const other = settingsOf({
    name: "test",
    stage: "test",
    metadata: {
      url: office.server.url,
      pins: [office.folder.pem("pin.pem", office.people.office)],
    },
  });
  const federation = createFederation({
    context: gateway.context,
    settings: other,
    now: office.now,
  });
  await federation.load();
  expect(federation.state()).toMatchObject({ name: "test", standing: "missing" });
});

test("a probe verifies and keeps nothing", async () => {
  office.server.publish();
  const gateway = await office.run();
  expect((await gateway.federation.probe(AbortSignal.timeout(5_000)))?.entities.size).toBe(2);
  expect(gateway.federation.state().standing).toBe("missing");
  expect(gateway.state.records.size).toBe(0);
});

test("two thousand participants are read without holding the event loop", async () => {
  const many = Array.from({ length: 2_000 }, (_, n) =>
    entityOf(office.people, { entityId: `https://idp${n}.example/saml` }),
  );
  for (const entity of many) office.server.put(entity);
  const text = office.server.publish();
  expect(text.length).toBeGreaterThan(7_000_000);
  const gateway = await office.run();
  let turns = 0;
  const counter = setInterval(() => (turns += 1), 1);
  await gateway.federation.take(Buffer.from(text));
  clearInterval(counter);
  expect(gateway.federation.state().entities).toBe(2_002);
  // Without pauses there would be a handful.
  expect(turns).toBeGreaterThan(20);
}, 120_000);
