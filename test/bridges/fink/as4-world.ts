/** Whole FINK accounts whose letters go through simulated access points; nothing but 127.0.0.1. */
import fink from "../../../bridges/fink/index.ts";
import { settingsSchema } from "../../../bridges/fink/settings.ts";
import type { Settings } from "../../../bridges/fink/settings.ts";
import { startAccessPoint } from "../../../fixtures/simulators/access-point/index.ts";
import type { AccessPointSimulator } from "../../../fixtures/simulators/access-point/index.ts";
import type { Bridge } from "../../../src/bridge/contract.ts";
import { testContext } from "../../support/bridge-context.ts";
import type { TestContext, TestContextOptions } from "../../support/bridge-context.ts";
import { loadSettings } from "../../support/settings.ts";
import { MODE, UNREGISTERED } from "./as4-bench.ts";
import type { Keys, Raw } from "./bench.ts";

/** One side of an exchange: an account of a Land, as the other side knows it. */
export interface As4Place {
  readonly code: string;
  readonly entityId: string;
  readonly party: string;
  /** Where its authority takes letters. */
  readonly mailbox: string;
}
export const TH_PLACE: As4Place = {
  ...{ code: "TH", entityId: "https://konto.th.example/idp", party: "th-postfach" },
  mailbox: "bbbbbbbb-2222-4333-8444-555555555555",
};
export const NW_PLACE: As4Place = {
  ...{ code: "NW", entityId: "https://konto.nw.example/idp", party: "nw-postfach" },
  mailbox: "aaaaaaaa-2222-4333-8444-555555555555",
};

export interface As4Account extends TestContext<Settings> {
  readonly bridge: Bridge;
  readonly accessPoint: AccessPointSimulator;
  readonly raw: Raw;
  close(): Promise<void>;
}

export async function openAs4Account(
  keys: Keys,
  own: As4Place,
  other: As4Place,
  options: Partial<TestContextOptions<Settings>> = {},
): Promise<As4Account> {
  const accessPoint = await startAccessPoint({
    own: { id: own.party, type: UNREGISTERED },
    mode: MODE,
    user: "bruecke",
    password: "geheim-42",
  });
  process.env["AS4_TEST_PASSWORD"] = "geheim-42";
  const raw = as4Settings(keys, accessPoint, own, other);
  const config = loadSettings(settingsSchema, raw, keys.folder);
  const test = testContext({ config, allow: fink.remotes(config), ...options });
  const bridge = fink.create(test.context);
  const close = async () => {
    await bridge.stop();
    await test.close();
    await accessPoint.close();
  };
  return { ...test, bridge, accessPoint, raw, close };
}

export function as4Settings(
  keys: Keys,
  { url, rest }: AccessPointSimulator,
  own: As4Place,
  other: As4Place,
): Raw {
  const live = { state: "production", since: "2025-01-01" };
  return {
    federation: {
      ...{ name: "test", stage: "production" },
      overrides: [
        {
          ...{ entityId: other.entityId, endpoint: "https://as4.example/msh", listed: false },
          certificates: `file:${keys.server.certFile}`,
        },
      ],
    },
    participants: {
      snapshot: "2026-11-01",
      list: [
        {
          ...{ code: other.code, agreement: "va" },
          account: { ...live, entityIds: [other.entityId] },
          mailbox: { ...live, adapter: "as4-pfisk" },
        },
      ],
    },
    authority: {
      ...{ name: `Amt in ${own.code}`, service: "Bauvoranfrage", mailbox: own.mailbox },
    },
    as4: {
      ...{ url, rest, user: "bruecke", password: "env:AS4_TEST_PASSWORD" },
      ...{ entityId: own.entityId, party: { id: own.party }, domain: "bruecke.example" },
      parties: [{ entityId: other.entityId, id: other.party }],
    },
  };
}
