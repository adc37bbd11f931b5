import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import {
  makeAuthority,
  makeIdentity,
  makeMailbox,
  makeVhn,
  packPkcs12,
  startIntermediary,
  type Intermediary,
  type KeyPem,
} from "../../../fixtures/simulators/osci-intermediary/index.ts";
import { Party } from "../../../fixtures/simulators/osci-intermediary/party.ts";
import type { Place, World } from "./world.ts";

export const LEGAL_OFFICE_ACCOUNT = "rechtsamt";
export const LEGAL_OFFICE = "Stadt Beispielhausen, Rechtsamt";
export const LEGAL_OFFICE_SAFE_ID = "DE.BeBPo.5a1f0000-1111-4222-8333-444455556666.a1b2";
export const COURT = "Amtsgericht Musterstadt";
export const COURT_SAFE_ID = "DE.Justiz.6b2e0000-1111-4222-8333-444455556666.c3d4";

export interface EgvpOptions {
  readonly pollEvery?: string;
  readonly cardsEvery?: string;
}

/** Somebody with a mailbox: its key, and the key of the proof of origin (VHN). */
export interface Participant {
  readonly safeId: string;
  readonly name: string;
  readonly cipher: KeyPem;
  readonly vhn: KeyPem;
}

/** An intermediary with two mailboxes: a court, and an authority whose clerks work in Matrix. */
export interface EgvpWorld extends World {
  readonly intermediary: Intermediary;
  readonly court: Participant;
  readonly office: Participant;
  /** Signs what the intermediary answers. */
  readonly manager: KeyPem;
  /** The court's own software; shares nothing with the gateway. */
  readonly desk: Party;
}

export async function startEgvpWorld(place: Place, options: EgvpOptions = {}): Promise<EgvpWorld> {
  const folder = join(place.dir, "egvp");
  mkdirSync(folder, { recursive: true });
  const keep = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return `file:egvp/${name}`;
  };
  const pin = randomBytes(8).toString("hex");
  const justice = await makeAuthority("Justiz VHN CA 2026", "Vorführung");
  const authorities = await makeAuthority("beBPo VHN CA 2026", "Vorführung");
  const court: Participant = {
    ...{ safeId: COURT_SAFE_ID, name: COURT },
    cipher: await makeMailbox(COURT),
    vhn: await makeVhn("justice", COURT_SAFE_ID, justice),
  };
  const office: Participant = {
    ...{ safeId: LEGAL_OFFICE_SAFE_ID, name: LEGAL_OFFICE },
    cipher: await makeMailbox(LEGAL_OFFICE),
    vhn: await makeVhn("authority", LEGAL_OFFICE_SAFE_ID, authorities),
  };
  const cipher = await makeIdentity({ cn: "OSCI-Manager Demo", use: "cipher" });
  const signature = await makeIdentity({ cn: "OSCI-Manager Demo", use: "signature" });
  const intermediary = await startIntermediary({
    ...{ cipher, signature },
    trustedSigners: [justice.ca.certPem, authorities.ca.certPem],
    mailboxes: [court.cipher.certPem, office.cipher.certPem],
    stateDir: join(folder, "intermediary"),
  });
  const desk = new Party({ intermediary, cipher: court.cipher, signature: court.vhn });
  const book = stringify({
    version: 1,
    intermediaries: {
      demo: {
        url: intermediary.url,
        cipher: { pem: cipher.certPem },
        signature: { pem: signature.certPem },
      },
    },
    entries: [court, office].map((one) => ({
      safeId: one.safeId,
      name: one.name,
      role: "authority",
      cipher: { pem: one.cipher.certPem },
      signature: [{ pem: one.vhn.certPem }],
      intermediary: "demo",
    })),
  });
  const settings = {
    mailbox: {
      safeId: LEGAL_OFFICE_SAFE_ID,
      organisation: LEGAL_OFFICE,
      card: { street: "Marktplatz", houseNumber: "1", postcode: "12345", city: "Beispielhausen" },
    },
    keys: {
      cipher: {
        pkcs12: keep("mailbox.p12", packPkcs12(office.cipher, pin)),
        pin: keep("pin", pin),
      },
      signature: { pkcs12: keep("vhn.p12", packPkcs12(office.vhn, pin)), pin: keep("pin", pin) },
    },
    intermediary: {
      url: intermediary.url,
      cipher: keep("manager-cipher.pem", cipher.certPem),
      signatures: [keep("manager-signature.pem", signature.certPem)],
      demandsSignatures: true,
    },
    addressBook: {
      file: keep("address-book.yaml", book),
      sha256: [createHash("sha256").update(book).digest("hex")],
    },
    policy: {
      vhnAuthorities: [
        keep("justice-vhn-ca.pem", justice.ca.certPem),
        keep("bebpo-vhn-ca.pem", authorities.ca.certPem),
      ],
    },
    pollEvery: options.pollEvery ?? "2s",
    cardsEvery: options.cardsEvery ?? "2s",
  };
  return {
    ...{ intermediary, court, office, desk, manager: signature },
    accounts: [
      {
        name: LEGAL_OFFICE_ACCOUNT,
        bridge: "osci",
        title: LEGAL_OFFICE,
        clerks: [`@rechtsamt:${place.serverName}`],
        privateNetworks: ["127.0.0.0/8"],
        settings,
      },
    ],
    async close() {
      desk.close();
      await intermediary.close();
    },
  };
}
