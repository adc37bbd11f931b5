import { describeError } from "../model/errors.ts";
import type { Log } from "../bridge/contract.ts";
import type { Party } from "../model/message.ts";
import type { Store } from "../store/store.ts";
import { DEVICE, type Client } from "./client.ts";
import type { MatrixAccount } from "./contract.ts";
import { SCOPE, readGhost, type GhostFact } from "./facts.ts";
import { HomeserverError, hasErrcode, refusedWith } from "./homeserver-error.ts";
import { path } from "./http.ts";
import { localpartOf, type Names } from "./names.ts";
import { BoundedMap, SingleFlight } from "./single-flight.ts";

const CACHED_GHOSTS = 20_000;
/** Synapse refuses longer display names. */
const MAX_NAME = 200;
const DEVICE_NAME = "Postfachbrücke";

export interface GhostDeps {
  readonly client: Client;
  readonly store: Store;
  readonly names: Names;
  readonly log: Log;
  derive(account: string, purpose: string): Uint8Array;
}

/** Users that stand for legacy parties. Facts about them are durable, so a restart costs no request. */
export interface Ghosts {
  readonly keeperId: string;
  idOf(account: MatrixAccount, party: Party): string;
  /** Registered, with its device and its present display name. */
  ensure(account: MatrixAccount, party: Party, signal: AbortSignal): Promise<string>;
  /**
   * Registered for a look-up: its profile says nothing yet, because anybody on the homeserver may look up and read
   * profiles, and a name belongs to the readers of a case only.
   */
  prepare(account: MatrixAccount, party: Party, signal: AbortSignal): Promise<string>;
  keeper(signal: AbortSignal): Promise<string>;
  whoIs(userId: string): Promise<GhostFact | undefined>;
  /** The homeserver denies what we believed: everything is done again next time. */
  forget(userId: string): Promise<void>;
}

export function createGhosts(deps: GhostDeps): Ghosts {
  const book = createBook(deps.store);
  const flights = new SingleFlight<string>();
  const idOf: Ghosts["idOf"] = (account, party) => {
    const key = deps.derive(account.config.name, "ghost");
    return deps.names.ghost(account.bridgeName, key, party.address);
  };
  const once = (who: Who, userId: string, name: string | undefined, signal: AbortSignal) =>
    flights.run(`${userId} ${name ?? ""}`, () => bring(deps, book, who, userId, name, signal));
  const whoOf = (account: MatrixAccount, party: Party) => ({ account: account.config.name, party });
  const keeper: Who = { account: "-", party: { address: "keeper", name: "Postfachbrücke" } };

  return {
    keeperId: deps.names.keeper,
    idOf,
    ensure: (account, party, signal) =>
      once(whoOf(account, party), idOf(account, party), displayName(party), signal),
    prepare: (account, party, signal) =>
      once(whoOf(account, party), idOf(account, party), undefined, signal),
    keeper: (signal) => once(keeper, deps.names.keeper, keeper.party.name, signal),
    whoIs: (userId) => book.read(userId),
    async forget(userId) {
      const known = await book.read(userId);
      if (!known) return;
      await book.write(userId, { account: known.account, party: known.party, ready: false });
    },
  };
}

type Who = Pick<GhostFact, "account" | "party">;

/** What is known of ghosts, in the database and, for the busy ones, in memory. */
interface Book {
  read(userId: string): Promise<GhostFact | undefined>;
  write(userId: string, fact: GhostFact): Promise<void>;
}
function createBook(store: Store): Book {
  const cache = new BoundedMap<GhostFact>(CACHED_GHOSTS);
  return {
    async read(userId) {
      const known = cache.get(userId) ?? (await readGhost(store, userId));
      if (known) cache.set(userId, known);
      return known;
    },
    async write(userId, fact) {
      await store.putFact(SCOPE.ghost, userId, JSON.stringify(fact));
      cache.set(userId, fact);
    },
  };
}

async function bring(
  deps: GhostDeps,
  book: Book,
  { account, party }: Who,
  userId: string,
  name: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const known = await book.read(userId);
  const shown = name ?? known?.shown;
  const sameParty = known?.party.name === party.name && known?.party.role === party.role;
  if (known?.ready && sameParty && known.shown === shown) return userId;
  // First who it is: an invitation may come before the rest is done.
  if (!known) await book.write(userId, { account, party, ready: false });
  if (!known?.ready) await register(deps, userId, signal);
  if (shown !== undefined && shown !== known?.shown) await setName(deps, userId, shown, signal);
  const fact = { account, party, ready: true, ...(shown === undefined ? {} : { shown }) };
  await book.write(userId, fact);
  return userId;
}

/** What people see in the member list. Control characters and line breaks could imitate another line. */
export function displayName(party: Party): string {
  const roles = { citizen: "Bürgerpostfach", authority: "Behörde", organisation: "Organisation" };
  const plain = (party.name ?? "").replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim();
  if (plain !== "") return plain.slice(0, MAX_NAME);
  return party.role ? roles[party.role] : "Postfach";
}

async function register(deps: GhostDeps, userId: string, signal: AbortSignal): Promise<void> {
  const json = {
    type: "m.login.application_service",
    username: localpartOf(userId),
    // Homeservers with an authentication service give application services no access tokens (MSC4190).
    inhibit_login: true,
  };
  const request = { method: "POST" as const, path: "/_matrix/client/v3/register", json };
  try {
    await deps.client.call(request, { signal });
  } catch (error) {
    if (!hasErrcode(error, "M_USER_IN_USE")) throw error;
  }
  await ensureDevice(deps, userId, signal);
}

/** MSC4190 (v1.17): a device by PUT. Older homeservers create one by an application service's log-in. */
async function ensureDevice(deps: GhostDeps, userId: string, signal: AbortSignal): Promise<void> {
  const json = { display_name: DEVICE_NAME };
  const to = path`/_matrix/client/v3/devices/${DEVICE}`;
  try {
    await deps.client.call({ method: "PUT", path: to, json }, { as: userId, signal });
  } catch (error) {
    if (!refusedWith(error, 400, 403, 404, 405)) throw error;
    await logInForDevice(deps, userId, error, signal);
  }
}

async function logInForDevice(
  deps: GhostDeps,
  userId: string,
  refusal: unknown,
  signal: AbortSignal,
): Promise<void> {
  const json = {
    type: "m.login.application_service",
    identifier: { type: "m.id.user", user: localpartOf(userId) },
    device_id: DEVICE,
    initial_device_display_name: DEVICE_NAME,
  };
  try {
    await deps.client.call({ method: "POST", path: "/_matrix/client/v3/login", json }, { signal });
  } catch (cause) {
    if (!refusedWith(cause, 400, 403, 404)) throw cause;
    const remedy =
      "write the registration anew (io.element.msc4190: true) and restart the homeserver";
    deps.log.error({ userId, refusal: describeError(refusal), remedy }, "ghost-without-device");
    throw new HomeserverError("transient", "AUTH_REFUSED", `no device for ${userId}: ${remedy}`, {
      cause,
    });
  }
}

async function setName(
  deps: GhostDeps,
  userId: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const to = path`/_matrix/client/v3/profile/${userId}/displayname`;
  const request = { method: "PUT" as const, path: to, json: { displayname: name } };
  await deps.client.call(request, { as: userId, signal });
}
