import { setTimeout as sleep } from "node:timers/promises";
import { recordsOf } from "../bridge/context.ts";
import type { BridgeDefinition, Log } from "../bridge/contract.ts";
import type { AccountConfig, CoreConfig } from "../config/schema.ts";
import { createClient } from "../matrix/client.ts";
import { createHttp } from "../matrix/http.ts";
import { createNames } from "../matrix/names.ts";
import { GatewayError } from "../model/errors.ts";
import type { Store } from "../store/store.ts";
import { openFolder } from "./folder.ts";
import { openJsonl } from "./jsonl.ts";
import { openMailbox, type Access } from "./mailbox.ts";
import type { HistorySource } from "./source.ts";
import { verifyHistory, type VerifyReport } from "./verify.ts";

const LOOK_MS = 500;
/** Nothing moved for so long: whoever waits is told what is left instead, milliseconds. */
const STILL_MS = 60_000;

/**
 * `jsonl:<file>` (or a file that ends in .jsonl), `archive:<folder>` in the format of the account's bridge, `mailbox` for
 * what lies in the old mailbox itself. Without `access` there is no database: the first two can still be looked at. Throws
 * NOT_FOUND; NOT_ALLOWED when that bridge reads no exports, or cannot be asked what lies in a mailbox.
 */
export async function openSource(
  given: string,
  account: AccountConfig,
  definition: BridgeDefinition | undefined,
  access?: Access,
): Promise<HistorySource> {
  if (given === "mailbox") {
    if (definition === undefined)
      throw new GatewayError("NOT_FOUND", `no bridge ${account.bridge}`);
    if (access === undefined)
      throw new GatewayError("NOT_ALLOWED", "there is no database yet; `run` creates it");
    return openMailbox(account, definition, access);
  }
  const [, kind, place = ""] = /^(jsonl|archive):(.+)$/.exec(given) ?? [];
  if (kind === "archive") {
    const archive = definition?.archive;
    if (!archive) throw new GatewayError("NOT_ALLOWED", `${account.bridge} reads no exports`);
    return openFolder(place, archive, account, access && recordsOf(access.store, account.name));
  }
  if (kind === "jsonl" || given.endsWith(".jsonl"))
    return openJsonl(kind === undefined ? given : place, definition?.caseKey);
  const known = "jsonl:<file>, archive:<folder> or mailbox";
  throw new GatewayError("NOT_FOUND", `${given} is no source that is known; write ${known}`);
}

/** Until the gateway has handed over what waits; answers how many letters of the account still do. */
export async function waitForDelivery(
  store: Pick<Store, "stats">,
  account: string,
  signal: AbortSignal,
  { stillMs = STILL_MS, now = () => new Date() } = {},
): Promise<number> {
  let left = Number.POSITIVE_INFINITY;
  for (let since = performance.now(); performance.now() - since < stillMs;) {
    const { messages } = await store.stats(now());
    const waiting = messages
      .filter((one) => one.account === account && one.origin === "legacy")
      .filter(({ state }) => state === "pending" || state === "sending" || state === "unknown")
      .reduce((sum, { count }) => sum + count, 0);
    if (waiting === 0) return 0;
    if (waiting !== left) since = performance.now();
    left = waiting;
    await sleep(LOOK_MS, undefined, { signal });
  }
  return left;
}

/** Reads the rooms back from the configured homeserver, as the keeper of all rooms. */
export async function verifyAccount(
  config: CoreConfig,
  store: Store,
  account: { readonly name: string; readonly bridge: string },
  log: Log,
  signal: AbortSignal,
): Promise<VerifyReport> {
  const { homeserver, appservice } = config;
  const http = createHttp({
    url: homeserver.url,
    requestTimeout: homeserver.requestTimeout,
    log,
    token: () => appservice.asToken.reveal(),
    count: () => undefined,
  });
  try {
    const { keeper } = createNames(appservice.prefix, homeserver.name);
    const client = createClient(http);
    const deps = { store, client, keeper, account: account.name, bridge: account.bridge };
    return await verifyHistory(deps, signal);
  } finally {
    await http.close();
  }
}
