/** An intermediary with the mailboxes of a court and of an authority, and the authority's bridge: fresh for each test. */
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Intermediary } from "../../../fixtures/simulators/osci-intermediary/index.ts";
import { MemoryState } from "../../support/bridge-context.ts";
import {
  deposit,
  makeBridge,
  makeKeys,
  rawSettings,
  startHub,
  type Bench,
  type Deposit,
  type Keys,
  type Raw,
} from "./flows-bench.ts";

/** Those of the running test; import them, they follow. */
export let keys: Keys;
export let hub: Intermediary;
export let bench: Bench;

interface Site {
  readonly hub?: Parameters<typeof startHub>[1];
  /** false: the test starts the bridge itself, or needs it for sending only. */
  readonly starts?: boolean;
  beforeAccept?(): void;
}
let site: Site = {};

/** Registers the hooks of the test file. */
export function useSite(wanted: Site = {}): void {
  site = wanted;
  beforeAll(async () => void (keys = await makeKeys()));
  afterAll(() => keys.remove());
  beforeEach(async () => {
    hub = await startHub(keys, site.hub);
    await open({}, new MemoryState());
  });
  afterEach(async () => {
    await bench.stop();
    await hub.close();
  });
}

/** The gateway starts again, with other settings, or without its memory. */
export async function reopen(
  more: Raw = {},
  state = bench.state,
  parts: Parameters<typeof makeBridge>[3] = {},
): Promise<void> {
  await bench.stop();
  await open(more, state, parts);
}

async function open(
  more: Raw,
  state: MemoryState,
  parts: Parameters<typeof makeBridge>[3] = {},
): Promise<void> {
  const { starts = true, beforeAccept } = site;
  const options = { state, ...(beforeAccept ? { beforeAccept } : {}) };
  bench = makeBridge(keys, await rawSettings(keys, hub.url, more), options, parts);
  if (starts) await bench.bridge.start();
}

export const put = (wish: Deposit = {}) => deposit(keys, hub, wish);
export const letters = () => bench.state.accepted.filter(({ origin }) => origin === "legacy");
export const quarantined = () => [...bench.state.quarantined.values()];
/** Message ids that lie in the authority's mailbox, not confirmed. */
export const waiting = () => hub.waiting(keys.us.cipher.certPem).map(({ messageId }) => messageId);
