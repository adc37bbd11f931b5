import type { Capabilities } from "../bridge/contract.ts";
import { DeliveryError, describeError } from "../model/errors.ts";
import type { Party } from "../model/message.ts";
import { createClaimRooms } from "./claim-rooms.ts";
import { createClient } from "./client.ts";
import type { Matrix, MatrixAccount, MatrixDeps } from "./contract.ts";
import { createConversations } from "./conversations.ts";
import { deliverLetter, findLetter } from "./deliver.ts";
import { createFrame } from "./frame.ts";
import { createGhosts } from "./ghosts.ts";
import { createHttp } from "./http.ts";
import { createIntake } from "./intake.ts";
import { createInvitations } from "./invitations.ts";
import { checkHealth, insist, pingBack } from "./liveness.ts";
import { createLookup } from "./lookup.ts";
import { createMedia } from "./media.ts";
import { createMembers } from "./members.ts";
import { createNames } from "./names.ts";
import { createRecorder } from "./record.ts";
import { createRooms } from "./rooms.ts";
import { createSpaces } from "./spaces.ts";
import { showStatus } from "./status.ts";
import { createSweeper, type Sweeper } from "./sweeper.ts";
import { createUpgrades } from "./upgrades.ts";

/** The sweep before the first transaction after a gap may hold the transaction up so long, milliseconds. */
const GAP_SWEEP_MS = 5_000;
const FRESH_SWEEP_MS = 500;
/** Longest time for what a person or the homeserver waits for, milliseconds. */
const REQUEST_MS = 60_000;

/** What the gateway may count on when it delivers into Matrix. */
export const MATRIX_CAPABILITIES: Capabilities = {
  directions: ["inbound", "outbound"],
  maxMessageBytes: Number.MAX_SAFE_INTEGER,
  mediaTypes: "any",
  receipts: ["delivered", "retrieved"],
  // The transaction id makes it so, and our own mark in the room where the homeserver has forgotten it.
  idempotentDelivery: true,
};

export function createMatrix(deps: MatrixDeps): Matrix {
  const parts = buildParts(deps);
  const { frame, sweeper, conversations, intake, voice } = parts;
  const stopping = new AbortController();
  const background: Promise<unknown>[] = [];
  let listening = false;
  const within = () => AbortSignal.any([stopping.signal, AbortSignal.timeout(REQUEST_MS)]);

  return {
    async start() {
      await frame.listen();
      listening = true;
      background.push(bringUp(deps, parts, stopping.signal));
    },
    async stop() {
      frame.drain();
      listening = false;
      stopping.abort(new Error("the gateway stops"));
      await sweeper.stop();
      await Promise.allSettled(background);
      await frame.close();
      // The client stays usable: lanes that are still at work may finish their letters.
    },
    ping: (signal) => checkHealth(parts.liveness, listening, signal),
    deliver: (message, deliveryId, signal) => deliverLetter(voice, message, deliveryId, signal),
    find: (message, deliveryId, signal) => findLetter(voice, message, deliveryId, signal),
    notify: (message, receipt, signal) => showStatus(voice, message, receipt, signal),
    takeEvent: intake.takeEvent,
    readmit: intake.readmit,
    openConversation: (request, by) => conversations.open(request, by, within()),
    refreshReaders: (account, mailbox) =>
      conversations.refreshReaders(account, mailbox, stopping.signal),
    resolve: (query) => mailboxesOf(deps, query),
  };
}

type Parts = ReturnType<typeof buildParts>;

function buildParts(deps: MatrixDeps) {
  const { homeserver, appservice, store, log, now, accounts } = deps;
  const base = buildBase(deps);
  const { client, names, ghosts, record } = base;
  const sweeper = createSweeper({ ...base, every: homeserver.sweepEvery });
  const conversations = createConversations({ ...base, accounts });
  const upgrades = createUpgrades(base);
  const { refreshReaders } = conversations;
  const claimRooms =
    deps.claims && createClaimRooms({ ...base, desk: deps.claims, refreshReaders });
  const invitations = createInvitations({
    ...base,
    upgrades,
    claimRooms,
    openConversation: (request, by) =>
      conversations.open(request, by, AbortSignal.timeout(REQUEST_MS)),
  });
  const accept = deps.accept.bind(deps);
  const report = deps.report.bind(deps);
  const intake = createIntake({ ...base, invitations, claimRooms, upgrades, accept, report });
  const frame = createFrame({
    homeserver,
    appservice,
    lookup: createLookup({ accounts, ghosts, store, log, now }),
    knowsUser: async (userId) => (await ghosts.whoIs(userId)) !== undefined,
    listener: {
      transactionBytes: deps.limits.transactionBytes,
      log,
      hsToken: () => appservice.hsToken.reveal(),
      count: base.count,
      record: (batch) => record(batch, "push"),
      afterGap: () => sweepBeforePush(sweeper, deps),
    },
  });
  const { id: appserviceId, url: appserviceUrl } = appservice;
  const liveness = { client, names, log, appserviceId, appserviceUrl };
  return { client, ghosts, sweeper, conversations, intake, voice: base, frame, liveness };
}

/** What all others stand on: the connection, our users, rooms and their members, the way into the database. */
function buildBase(deps: MatrixDeps) {
  const { homeserver, appservice, store, blobs, directory, log, now } = deps;
  const count = deps.count.bind(deps);
  const derive = remember(deps.derive.bind(deps));
  const names = createNames(appservice.prefix, homeserver.name);
  const http = createHttp({
    url: homeserver.url,
    requestTimeout: homeserver.requestTimeout,
    log,
    token: () => appservice.asToken.reveal(),
    count,
  });
  const client = createClient(http);
  const account = accountsByName(deps.accounts);
  const given = { homeserver, store, blobs, directory, log, now, count, derive, names, account };
  const ghosts = createGhosts({ ...given, client });
  const members = createMembers({ ...given, client });
  const spaces = createSpaces({ ...given, client, ghosts, members });
  const rooms = createRooms({ ...given, client, ghosts, members, spaces });
  const media = createMedia({ client, blobs, limitBytes: deps.limits.attachmentBytes, now });
  const record = createRecorder({ ...given, ring: deps.ring.bind(deps) });
  return { ...given, client, ghosts, members, spaces, rooms, media, record };
}

/** Until everything stands, letters wait in the database; the homeserver need not be up when the gateway starts. */
async function bringUp(deps: MatrixDeps, parts: Parts, signal: AbortSignal): Promise<void> {
  const { liveness, ghosts, sweeper, conversations } = parts;
  await insist(liveness, "keeper-not-ready", signal, () => ghosts.keeper(signal));
  if (signal.aborted) return;
  sweeper.start();
  const reachable = insist(liveness, "homeserver-does-not-reach-us", signal, async () => {
    await pingBack(liveness, signal);
    deps.log.info({}, "homeserver-reaches-us");
  });
  const followed = insist(liveness, "rooms-not-aligned", signal, () =>
    conversations.followConfiguration(signal),
  );
  await Promise.all([reachable, followed]);
}

/** Better late order than none: when the sweep fails, the transaction is recorded all the same. */
async function sweepBeforePush(sweeper: Sweeper, deps: MatrixDeps): Promise<void> {
  // No homeserver restarts in less: a sweep as young as that came after whatever was lost.
  if (sweeper.age() < FRESH_SWEEP_MS) return;
  const limit = AbortSignal.timeout(GAP_SWEEP_MS);
  try {
    // The sweep may have to wait for one that hangs: that would not end by our signal.
    await Promise.race([sweeper.sweep(limit), rejectOn(limit)]);
  } catch (error) {
    deps.log.warn({ error: describeError(error) }, "sweep-before-push-failed");
  }
}

/** Keys of accounts are needed for every letter and never change; there are a few per account. */
function remember(derive: MatrixDeps["derive"]): MatrixDeps["derive"] {
  const known = new Map<string, Uint8Array>();
  return (account, purpose) => {
    const name = `${account} ${purpose}`;
    const key = known.get(name) ?? derive(account, purpose);
    known.set(name, key);
    return key;
  };
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(asError(signal.reason)), { once: true });
  });
}
function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

function accountsByName(accounts: readonly MatrixAccount[]): (name: string) => MatrixAccount {
  const byName = new Map(accounts.map((account) => [account.config.name, account]));
  return (name) => {
    const account = byName.get(name);
    if (account) return account;
    const message = `account ${name} is not configured any more`;
    throw new DeliveryError("transient", "REMOTE_UNAVAILABLE", message);
  };
}

/** Which mailboxes a Matrix user reads, over all accounts. */
async function mailboxesOf(deps: MatrixDeps, query: string): Promise<readonly Party[]> {
  const found: Party[] = [];
  for (const { config } of deps.accounts)
    for (const address of await deps.directory.mailboxesOf(config.name, query.trim()))
      found.push({ address, name: config.title });
  return found;
}
