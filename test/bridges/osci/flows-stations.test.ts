/** Courts at several intermediaries: each letter, each question goes to the one of its addressee. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  makeMailbox,
  startIntermediary,
  type Intermediary,
  type KeyPem,
} from "../../../fixtures/simulators/osci-intermediary/index.ts";
import { newId } from "../../../src/model/id.ts";
import {
  COURT_ID,
  letterTo,
  makeBridge,
  makeKeys,
  never,
  rawSettings,
  startHub,
  STRANGER_ID,
  type Bench,
  type Keys,
} from "./flows-bench.ts";

let keys: Keys;
let far: { readonly cipher: KeyPem; readonly old: KeyPem; readonly next: KeyPem };
let home: Intermediary;
let away: Intermediary;
let bench: Bench;
beforeAll(async () => {
  keys = await makeKeys();
  far = {
    cipher: await makeMailbox("Intermediär Süd"),
    old: await keys.authority.issue({ cn: "Intermediär Süd", use: "signature" }),
    next: await keys.authority.issue({ cn: "Intermediär Süd (neu)", use: "signature" }),
  };
});
afterAll(() => keys.remove());
beforeEach(async () => {
  home = await startHub(keys);
  away = await startAway(far.old);
});
afterEach(async () => {
  await bench.stop();
  await home.close();
  await away.close();
});

function startAway(signature: KeyPem): Promise<Intermediary> {
  const trustedSigners = [keys.authority.ca.certPem];
  return startIntermediary({ cipher: far.cipher, signature, trustedSigners });
}

/** The court lies at home, the other addressee at the second intermediary. */
async function open(signature: unknown): Promise<Bench> {
  const pem = ({ certPem }: KeyPem) => ({ pem: certPem });
  const entry = ({ safeId, name, cipher }: Keys["court"], intermediary: string) => ({
    ...{ safeId, name, role: "authority", intermediary, cipher: pem(cipher) },
  });
  const text = JSON.stringify({
    version: 1,
    intermediaries: {
      home: { url: home.url, cipher: pem(keys.hub.cipher), signature: pem(keys.hub.signature) },
      away: { url: away.url, cipher: pem(far.cipher), signature },
    },
    entries: [entry(keys.court, "home"), entry(keys.stranger, "away")],
  });
  const file = path.join(keys.folder, `book-${newId()}.yaml`);
  await writeFile(file, text);
  const sha256 = [createHash("sha256").update(text).digest("hex")];
  const raw = await rawSettings(keys, home.url, { addressBook: { file: `file:${file}`, sha256 } });
  return makeBridge(keys, raw, { allow: [home.url, away.url] });
}
const pemOf = ({ certPem }: KeyPem) => ({ pem: certPem });
const send = (safeId: string) => {
  const letter = bench.state.add(letterTo(safeId));
  return { letter, delivered: bench.bridge.deliver(letter, letter.id, never) };
};

describe("an addressee at another intermediary", () => {
  it("gets its letter there, and only there", async () => {
    bench = await open(pemOf(far.old));
    const [near, distant] = [send(COURT_ID), send(STRANGER_ID)];
    const ids = [(await near.delivered).remoteId, (await distant.delivered).remoteId];
    expect(home.deliveries().map(({ messageId }) => messageId)).toEqual([ids[0]]);
    expect(away.deliveries().map(({ messageId }) => messageId)).toEqual([ids[1]]);
    expect([home.observations.refusals, away.observations.refusals]).toEqual([[], []]);
  });

  it("has its letter looked for there when the answer was lost", async () => {
    bench = await open(pemOf(far.old));
    away.faults.next("StoreDelivery", { kind: "acceptThenCut" });
    const { letter, delivered } = send(STRANGER_ID);
    await expect(delivered).rejects.toMatchObject({ fault: "unknown" });
    const found = await bench.bridge.find(letter, letter.id, never);
    expect(found).toMatchObject({ remoteId: away.deliveries()[0]?.messageId });
    expect([away.deliveries().length, home.observations.count]).toEqual([1, 0]);
  });

  it("is asked there whether it collected its letter, also while the other is away", async () => {
    bench = await open(pemOf(far.old));
    await bench.bridge.start();
    const sent = [send(COURT_ID), send(STRANGER_ID)];
    for (const { delivered } of sent) await delivered;
    const [, distant] = sent;
    away.state.stampReception(away.deliveries()[0]?.messageId ?? "", new Date());
    home.faults.next("FetchProcessCard", { kind: "soapFault", code: "9000" });
    await bench.tick();
    expect(bench.state.reports).toMatchObject([
      { kind: "retrieved", target: { id: distant?.letter.id } },
    ]);
  });

  it("is reached through a change of the intermediary's signature certificate", async () => {
    bench = await open([pemOf(far.old), pemOf(far.next)]);
    await send(STRANGER_ID).delivered;
    const { port } = away;
    await away.close();
    const trustedSigners = [keys.authority.ca.certPem];
    const options = { cipher: far.cipher, signature: far.next, trustedSigners, port };
    away = await startIntermediary(options);
    await send(STRANGER_ID).delivered;
    expect(away.deliveries()).toHaveLength(1);
  });

  it("is not believed under the certificate of the other intermediary", async () => {
    bench = await open(pemOf(keys.hub.signature));
    await expect(send(STRANGER_ID).delivered).rejects.toBeInstanceOf(Error);
    expect(away.deliveries()).toEqual([]);
  });
});
