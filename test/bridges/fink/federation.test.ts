/** The federation over its metadata server: what is taken, what is kept, what is told, and what stops. */
import { describe, expect, test } from "vitest";
import { createFederation, type FederationConfig } from "../../../bridges/fink/federation/index.ts";
import { events, fate, look, useOffice, type Running } from "./federation-office.ts";
import { DAY_MS, entityOf, NW, TH } from "./federation-support.ts";

const office = useOffice();

describe("pulling", () => {
  test("takes good metadata, keeps them durably, and serves them after a restart without the server", async () => {
    office.server.publish();
    const first = await office.run();
    expect(first.federation.state()).toMatchObject({ standing: "missing", entities: 0 });
    expect(fate(first)).toBe("METADATA_MISSING");
    await first.tick();
    expect(first.federation.state()).toMatchObject({ standing: "current", entities: 2 });
    expect(fate(first)).toBe("https://as4.th.example/msh");
    expect(first.state.audits).toEqual([
      expect.objectContaining({ action: "federation-metadata-taken", subject: "production" }),
    ]);
    office.server.publish("unavailable");
    const second = await office.run(first.state);
    expect(fate(second)).toBe("https://as4.th.example/msh");
  });

  test("a kept copy that is damaged is no reason not to start, and is repaired by the same bytes", async () => {
    office.server.publish();
    const first = await office.run();
    await first.tick();
    const blobs = new Map(first.state.blobs);
    first.state.blobs.clear();
    const second = await office.run(first.state);
    expect(second.federation.state()).toMatchObject({ standing: "missing" });
    for (let n = 0; n < 3; n += 1) await look(second);
    expect(events(second).filter((event) => event.endsWith("refused"))).toHaveLength(1);
    await second.federation.refresh(AbortSignal.timeout(5_000));
    expect(fate(second)).toBe("https://as4.th.example/msh");
    expect([...first.state.blobs.keys()]).toEqual([...blobs.keys()]);
    expect(first.state.audits).toHaveLength(1);
  });

  test("asks again only when it is time, and after a failure sooner", async () => {
    office.server.publish();
    const gateway = await office.run();
    for (let n = 0; n < 3; n += 1) await gateway.tick();
    expect(office.server.requests).toBe(1);
    office.later(6 * 3_600_000);
    office.server.publish("unavailable");
    for (let n = 0; n < 3; n += 1) await look(gateway);
    expect(office.server.requests).toBe(2);
    expect(gateway.federation.state().lastFault?.code).toBe("REMOTE_UNAVAILABLE");
    office.later(15 * 60_000);
    office.server.publish();
    await gateway.tick();
    expect(office.server.requests).toBe(3);
    expect(gateway.federation.state().lastFault).toBeUndefined();
  });

  test.each([
    ["expired", "METADATA_EXPIRED"],
    ["wrong-key", "SIGNATURE_INVALID"],
    ["wrapped", "SIGNATURE_INVALID"],
    ["unsigned", "SIGNATURE_INVALID"],
    ["cut", "REMOTE_UNAVAILABLE"],
    ["endless", "REMOTE_UNAVAILABLE"],
    ["unavailable", "REMOTE_UNAVAILABLE"],
  ] as const)("what is %s is refused, and the last good copy serves on", async (manner, code) => {
    office.server.publish();
    const gateway = await office.run();
    await gateway.tick();
    const before = gateway.federation.state();
    office.server.remove(TH);
    office.server.publish(manner);
    await expect(gateway.federation.refresh(AbortSignal.timeout(20_000))).rejects.toMatchObject({
      code,
    });
    expect(gateway.federation.state()).toMatchObject({ ...before, lastFault: { code } });
    expect(fate(gateway)).toBe("https://as4.th.example/msh");
    expect(gateway.state.audits).toHaveLength(1);
  });

  test("an old copy that is played again does not bring a removed participant back", async () => {
    office.server.publish("good", 5);
    const gateway = await office.run();
    await gateway.tick();
    const old = office.server.publish("good", 5);
    office.later(1_000);
    office.server.remove(TH);
    office.server.publish("good", 6);
    await gateway.federation.refresh(AbortSignal.timeout(5_000));
    await expect(gateway.federation.take(Buffer.from(old))).rejects.toMatchObject({
      code: "NOT_ALLOWED",
    });
    expect(fate(gateway)).toBe("PARTICIPANT_REMOVED");
    await gateway.federation.take(Buffer.from(old), { allowOlder: true });
    expect(fate(gateway)).toBe("https://as4.th.example/msh");
    expect(gateway.state.audits.map(({ action }) => action)).toContain(
      "federation-participant-back",
    );
  });
});

describe("age", () => {
  test("alarm after a day, refusal after the end, once each; and back", async () => {
    office.server.publish("good", 3);
    const gateway = await office.run();
    await gateway.tick();
    office.server.publish("unavailable");
    office.later(DAY_MS + 1_000);
    await look(gateway);
    await look(gateway);
    expect(gateway.federation.state().standing).toBe("old");
    expect(fate(gateway)).toBe("https://as4.th.example/msh");
    office.later(2 * DAY_MS);
    expect(fate(gateway)).toBe("METADATA_EXPIRED");
    await look(gateway);
    await look(gateway);
    const told = events(gateway).filter((event) => /metadata-(old|expired)$/.test(event));
    expect(told).toEqual(["federation-metadata-old", "federation-metadata-expired"]);
    const again = await office.run(gateway.state);
    expect(again.federation.state()).toMatchObject({ standing: "expired", entities: 2 });
    expect(fate(again)).toBe("METADATA_EXPIRED");
    office.server.publish();
    office.later(DAY_MS);
    await look(gateway);
    expect(fate(gateway)).toBe("https://as4.th.example/msh");
    expect(events(gateway)).toContain("federation-metadata-current");
  });

  test("unchanged metadata that are fetched again count as confirmed", async () => {
    office.server.publish("good", 30);
    const gateway = await office.run();
    await gateway.tick();
    for (let n = 0; n < 5; n += 1) {
      office.later(6 * 3_600_000);
      await gateway.tick();
    }
    expect(office.server.requests).toBe(6);
    expect(gateway.federation.state().standing).toBe("current");
    expect(gateway.state.audits).toHaveLength(1);
  });
});

describe("changes", () => {
  const actions = ({ state }: Running) =>
    state.audits.slice(1).map(({ action, subject }) => `${action} ${subject}`);

  test("a list that is only published anew changes nobody", async () => {
    office.server.put(
      entityOf(office.people, { entityId: NW, validUntil: new Date(Date.now() + 3 * DAY_MS) }),
    );
    office.server.publish();
    const gateway = await office.run();
    await gateway.tick();
    office.later(3_600_000);
    office.server.put(
      entityOf(office.people, { entityId: NW, validUntil: new Date(Date.now() + 4 * DAY_MS) }),
    );
    office.server.publish();
    await gateway.federation.refresh(AbortSignal.timeout(5_000));
    expect(actions(gateway)).toEqual(["federation-metadata-taken production"]);
  });

  test("every one is an entry of the audit log", async () => {
    office.server.publish();
    const gateway = await office.run();
    await gateway.tick();
    const third = "https://idp.by.example/saml";
    office.server.remove(NW);
    office.server.put(entityOf(office.people, { entityId: third, name: "Bayern" }));
    office.server.put(
      entityOf(office.people, {
        keys: [{ certPem: office.people.nextNode.certPem }],
        mailbox: { endpoint: "https://as4-neu.th.example/msh", land: "TH" },
      }),
    );
    office.server.publish();
    await gateway.federation.refresh(AbortSignal.timeout(5_000));
    expect(actions(gateway)).toEqual([
      `federation-participant-removed ${NW}`,
      `federation-certificates-changed ${TH}`,
      `federation-endpoint-changed ${TH}`,
      `federation-entity-changed ${TH}`,
      `federation-participant-new ${third}`,
      "federation-metadata-taken production",
    ]);
    const moved = gateway.state.audits.find(({ action }) => action.endsWith("endpoint-changed"));
    expect(moved?.detail).toEqual({
      federation: "production",
      before: "https://as4.th.example/msh",
      after: "https://as4-neu.th.example/msh",
    });
  });

  test("a removed participant stops at once, its letters wait, also after a restart", async () => {
    office.server.publish();
    const gateway = await office.run();
    await gateway.tick();
    expect(fate(gateway, NW)).toBe("https://as4.th.example/msh");
    office.server.remove(NW);
    office.server.publish();
    await gateway.federation.refresh(AbortSignal.timeout(5_000));
    for (const running of [gateway, await office.run(gateway.state)]) {
      const decision = running.federation.resolve(NW, "postfach-1");
      expect(decision).toMatchObject({
        kind: "none",
        reason: "PARTICIPANT_REMOVED",
        outlook: "wait",
      });
      expect(fate(running)).toBe("https://as4.th.example/msh");
    }
  });

  test("an entry that could not be written is written at the next pull: a change is never taken unseen", async () => {
    office.server.publish();
    const gateway = await office.run();
    await gateway.tick();
    office.server.remove(NW);
    office.server.publish();
    const { audit } = gateway.context;
    const broken = { ...gateway.context, audit: () => Promise.reject(new Error("disk full")) };
    const { config } = gateway.context;
    const settings = config as FederationConfig;
    const second = createFederation({ context: broken, settings, now: office.now });
    await second.load();
    await expect(second.refresh(AbortSignal.timeout(5_000))).rejects.toThrow("disk full");
    expect(second.state().entities).toBe(2);
    const third = createFederation({ context: { ...broken, audit }, settings, now: office.now });
    await third.load();
    await third.refresh(AbortSignal.timeout(5_000));
    expect(actions(gateway)[0]).toBe(`federation-participant-removed ${NW}`);
  });
});
