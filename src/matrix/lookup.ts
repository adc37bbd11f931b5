import { DeliveryError, describeError } from "../model/errors.ts";
import type { Log } from "../bridge/contract.ts";
import type { Store } from "../store/store.ts";
import type { MatrixAccount } from "./contract.ts";
import { SCOPE } from "./facts.ts";
import type { Ghosts } from "./ghosts.ts";

/** A look-up waits for a directory at most so long, milliseconds; homeservers give up after a minute. */
const LOOKUP_MS = 30_000;
const MAX_RESULTS = 20;
const MAX_QUERY = 500;
/** Invitations of a ghost that was given away are looked for during this time, milliseconds. */
const WATCH_MS = 24 * 3_600_000;

type Fields = Readonly<Record<string, unknown>>;
export interface FoundUser {
  readonly userid: string;
  readonly protocol: string;
  readonly fields: Record<string, unknown>;
}
export interface Protocol {
  readonly user_fields: string[];
  readonly location_fields: string[];
  readonly icon: string;
  readonly field_types: Record<string, { regexp: string; placeholder: string }>;
  readonly instances: {
    desc: string;
    icon: string;
    network_id: string;
    fields: Record<string, unknown>;
  }[];
}

/**
 * Third-party look-up (Application Service API v1.17, "Third-party networks"): finds the ghost of a mailbox. Anybody on
 * the homeserver may ask and the homeserver does not say who does, so an answer holds nothing that was not asked with.
 */
export interface Lookup {
  readonly protocols: readonly string[];
  protocol(name: string): Protocol;
  user(protocol: string, fields: Fields): Promise<FoundUser[]>;
  byUserId(userId: string): Promise<FoundUser[]>;
}

export interface LookupDeps {
  readonly accounts: readonly MatrixAccount[];
  readonly ghosts: Ghosts;
  readonly store: Store;
  readonly log: Log;
  readonly now: () => Date;
}

export function createLookup(deps: LookupDeps): Lookup {
  const accountsOf = (protocol: string) =>
    deps.accounts.filter((account) => account.bridgeName === protocol);
  return {
    protocols: [...new Set(deps.accounts.map((account) => account.bridgeName))].sort(),
    protocol: (name) => describe(accountsOf(name)),
    async user(protocol, fields) {
      const wanted = text(fields["account"]);
      const found: FoundUser[] = [];
      for (const account of accountsOf(protocol)) {
        if (wanted !== undefined && wanted !== account.config.name) continue;
        found.push(...(await search(deps, account, fields)));
      }
      return found.slice(0, MAX_RESULTS);
    },
    async byUserId(userId) {
      const fact = await deps.ghosts.whoIs(userId);
      const account = deps.accounts.find((one) => one.config.name === fact?.account);
      if (!account) return [];
      return [
        { userid: userId, protocol: account.bridgeName, fields: { account: account.config.name } },
      ];
    },
  };
}

async function search(
  deps: LookupDeps,
  account: MatrixAccount,
  fields: Fields,
): Promise<FoundUser[]> {
  const asked = Object.keys(account.lookupFields).find((name) => text(fields[name]) !== undefined);
  const query = asked === undefined ? undefined : text(fields[asked]);
  if (!account.resolve || asked === undefined || query === undefined) return [];
  const signal = AbortSignal.timeout(LOOKUP_MS);
  const { name } = account.config;
  try {
    const parties = await account.resolve(query, signal);
    const found: FoundUser[] = [];
    for (const party of parties.slice(0, MAX_RESULTS)) {
      const userid = await deps.ghosts.prepare(account, party, signal);
      const until = new Date(deps.now().getTime() + WATCH_MS).toISOString();
      await deps.store.putFact(SCOPE.lookedUp, userid, until);
      found.push({
        userid,
        protocol: account.bridgeName,
        fields: { account: name, [asked]: query },
      });
    }
    return found;
  } catch (error) {
    deps.log.warn({ account: name, error: describeError(error) }, "look-up-failed");
    // One of several accounts may be down; a definite "nobody" would be a wrong answer.
    if (error instanceof DeliveryError && error.fault === "permanent") return [];
    throw error;
  }
}

function describe(accounts: readonly MatrixAccount[]): Protocol {
  const fieldTypes = Object.assign({}, ...accounts.map((one) => one.lookupFields)) as Record<
    string,
    { regexp: string; placeholder: string }
  >;
  return {
    user_fields: ["account", ...Object.keys(fieldTypes)],
    location_fields: [],
    icon: "",
    field_types: {
      account: { regexp: "[a-z][a-z0-9-]*", placeholder: accounts[0]?.config.name ?? "account" },
      ...fieldTypes,
    },
    instances: accounts.map(({ config }) => ({
      desc: config.title,
      icon: "",
      network_id: config.name,
      fields: { account: config.name },
    })),
  };
}

/** Homeservers pass query parameters on as they came: once or several times. The first one counts. */
function text(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  if (typeof first !== "string" || first.trim() === "") return undefined;
  return first.length > MAX_QUERY ? undefined : first.trim();
}
