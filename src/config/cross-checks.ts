import type { Fault } from "./messages.ts";
import { fieldOf, walkValues, type Outline } from "./outline.ts";
import { isGuessable, PLACEHOLDER } from "./secrets.ts";

/**
 * What no single key can tell: contradictions between keys. Works on the file as it was read, so that these faults are
 * named together with all others; a value of the wrong kind is skipped here, the schema has named it.
 */
export interface CrossCheckInput {
  readonly raw: unknown;
  /** Of the whole file, with the settings of every account by its own bridge. */
  readonly outline: Outline;
  /** Secrets by path joined with dots, as far as they could be read. */
  readonly secrets: ReadonlyMap<string, string>;
}
type Path = readonly PropertyKey[];

const KEY_BYTES = 32;

export function crossCheck(input: CrossCheckInput): readonly Fault[] {
  return [
    ...repeatedNames(input.raw),
    ...listenConflicts(input),
    ...sharedTokens(input.secrets),
    ...wrongKeys(input.secrets),
    ...wrongUrls(input.secrets),
    ...wrongUsers(input.raw),
    ...repeatedLinks(input.raw),
    ...wrongOrderOfTimes(input.raw),
    ...unknownInCohorts(input.raw),
  ];
}

function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = path.reduce<unknown>(fieldOf, value);
  return Array.isArray(found) ? found : [];
}
function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = path.reduce<unknown>(fieldOf, value);
  return typeof found === "string" && !found.includes(PLACEHOLDER) ? found : undefined;
}

/** The second and every further one of a value; `keyOf` undefined: does not take part. */
function repeats<T>(
  items: readonly T[],
  keyOf: (item: T) => string | undefined,
): { index: number; first: number }[] {
  const seen = new Map<string, number>();
  const found: { index: number; first: number }[] = [];
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else found.push({ index, first });
  }
  return found;
}

function repeatedNames(raw: unknown): Fault[] {
  const lists = [
    { path: ["accounts"], field: "name", what: "account name" },
    { path: ["keys"], field: "id", what: "key id" },
    { path: ["admin", "tokens"], field: "name", what: "token name" },
    { path: ["transition", "cohorts"], field: "name", what: "cohort name" },
    { path: ["transition", "participants"], field: "code", what: "participant" },
  ];
  const desks = listAt(raw, "accounts").map((_, a) => ({
    path: ["accounts", String(a), "functionMailboxes"],
    field: "name",
    what: "function mailbox",
  }));
  return [...lists, ...desks].flatMap(({ path, field, what }) => {
    const items = listAt(raw, ...path);
    return repeats(items, (item) => textAt(item, field)).map(({ index, first }) => ({
      path: [...path, index, field],
      message: `${what} ${JSON.stringify(textAt(items[index], field))} is used twice; it is already that of ${path.join(".")}[${first}]`,
    }));
  });
}

interface Listening {
  readonly path: Path;
  readonly host: string;
  readonly port: string;
}
const EVERY_HOST = ["0.0.0.0", "[::]", "::", "*"];

function listenConflicts({ raw, outline }: CrossCheckInput): Fault[] {
  const all: Listening[] = [];
  walkValues(outline, raw, (path, value, { kind }) => {
    // A bridge may use the same form for an address that it connects to; only `listen` opens it here.
    if (kind !== "listen" || path.at(-1) !== "listen" || typeof value !== "string") return;
    const colon = value.lastIndexOf(":");
    const port = value.slice(colon + 1);
    if (port !== "0") all.push({ path, host: value.slice(0, colon).toLowerCase(), port });
  });
  return all.flatMap((later, index) => {
    const earlier = all.slice(0, index).find((other) => collide(other, later));
    if (!earlier) return [];
    const message = `this address is already taken by ${keyText(earlier.path)}; choose another port`;
    return [{ path: later.path, message }];
  });
}

function collide(one: Listening, other: Listening): boolean {
  if (one.port !== other.port) return false;
  const everywhere = EVERY_HOST.includes(one.host) || EVERY_HOST.includes(other.host);
  const name = (host: string) => (host === "localhost" ? "127.0.0.1" : host);
  return everywhere || name(one.host) === name(other.host);
}

/** Whoever holds two roles with one token cannot be told apart in the audit log, or can speak for the other side. */
function sharedTokens(secrets: ReadonlyMap<string, string>): Fault[] {
  const tokens = [...secrets].filter(([key]) =>
    /^(appservice\.(asToken|hsToken)|admin\.tokens\.\d+\.token)$/.test(key),
  );
  return repeats(tokens, ([, value]) => value).map(({ index, first }) => ({
    path: pathOf(tokens[index]?.[0] ?? ""),
    message: `is the same secret as ${keyText(pathOf(tokens[first]?.[0] ?? ""))}; every token needs its own`,
  }));
}

function wrongKeys(secrets: ReadonlyMap<string, string>): Fault[] {
  const keys = [...secrets].filter(([key]) => /^keys\.\d+\.secret$/.test(key));
  const faults = keys.flatMap(([key, value]): Fault[] => {
    const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(value);
    const size = isBase64 ? Buffer.from(value, "base64").length : 0;
    if (size === KEY_BYTES) return [];
    const found = isBase64 ? `${size} bytes` : "something that is not base64";
    const message = `must hold ${KEY_BYTES} random bytes in base64, found ${found}; make one with: openssl rand -base64 32`;
    return [{ path: pathOf(key), message }];
  });
  const shared = repeats(keys, ([, value]) => value).map(({ index, first }) => ({
    path: pathOf(keys[index]?.[0] ?? ""),
    message: `is the same key as ${keyText(pathOf(keys[first]?.[0] ?? ""))}`,
  }));
  return [...faults, ...shared];
}

function wrongUrls(secrets: ReadonlyMap<string, string>): Fault[] {
  const wanted = {
    "store.url": ["postgres:", "postgresql:"],
    "doorbell.url": ["redis:", "rediss:"],
  };
  return Object.entries(wanted).flatMap(([key, schemes]): Fault[] => {
    const value = secrets.get(key);
    if (value === undefined) return [];
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (!url || !schemes.includes(url.protocol))
      return [{ path: pathOf(key), message: `must hold a URL that begins with ${schemes[0]}//` }];
    if (!isGuessable(decodeURIComponent(url.password))) return [];
    return [{ path: pathOf(key), message: "the password in it is one that everybody can guess" }];
  });
}

/** People of other servers cannot be invited while federation is off, and ghosts are no people. */
function wrongUsers(raw: unknown): Fault[] {
  const server = textAt(raw, "homeserver", "name");
  const federate = fieldOf(fieldOf(raw, "homeserver"), "federate") === true;
  const prefix = textAt(raw, "appservice", "prefix") ?? "_postfach_";
  return usersIn(raw).flatMap(({ path, user }): Fault[] => {
    if (user.startsWith(`@${prefix}`))
      return [{ path, message: `${user} belongs to the gateway itself; name a person` }];
    const theirs = user.slice(user.indexOf(":") + 1);
    if (server === undefined || federate || theirs === server || !user.includes(":")) return [];
    const message = `${user} is not a user of ${server}; correct it, or set homeserver.federate: true`;
    return [{ path, message }];
  });
}

function usersIn(raw: unknown): { path: Path; user: string }[] {
  return listAt(raw, "accounts")
    .flatMap((account, a) => [
      ...listAt(account, "clerks").map((user, n) => ({ path: ["accounts", a, "clerks", n], user })),
      ...listAt(account, "functionMailboxes").flatMap((desk, d) =>
        listAt(desk, "clerks").map((user, n) => ({
          path: ["accounts", a, "functionMailboxes", d, "clerks", n],
          user,
        })),
      ),
      ...listAt(account, "substitutions").flatMap((one, n) =>
        ["absent", "deputy"].map((key) => ({
          path: ["accounts", a, "substitutions", n, key],
          user: fieldOf(one, key),
        })),
      ),
      ...listAt(account, "links").map((link, n) => ({
        path: ["accounts", a, "links", n, "user"],
        user: fieldOf(link, "user"),
      })),
    ])
    .filter(
      (entry): entry is { path: (string | number)[]; user: string } =>
        typeof entry.user === "string" && !entry.user.includes(PLACEHOLDER),
    );
}

function repeatedLinks(raw: unknown): Fault[] {
  return listAt(raw, "accounts").flatMap((account, a) => {
    const links = listAt(account, "links");
    const clerks = listAt(account, "clerks");
    const linkKey = (link: unknown) => {
      const [mailbox, user] = [textAt(link, "mailbox"), textAt(link, "user")];
      return mailbox === undefined || user === undefined
        ? undefined
        : JSON.stringify([mailbox, user]);
    };
    return [
      ...repeats(links, linkKey).map(({ index, first }) => ({
        path: ["accounts", a, "links", index],
        message: `this link stands twice; it is the same as links[${first}]`,
      })),
      ...repeats(clerks, (user) => (typeof user === "string" ? user : undefined)).map(
        ({ index, first }) => ({
          path: ["accounts", a, "clerks", index],
          message: `this clerk stands twice; it is the same as clerks[${first}]`,
        }),
      ),
    ];
  });
}

/** A cohort that names something which does not exist never matches: a slip that nobody would notice. */
function unknownInCohorts(raw: unknown): Fault[] {
  const accounts = listAt(raw, "accounts");
  const named = (field: string) => accounts.map((account) => textAt(account, field));
  const known = {
    accounts: { names: named("name"), what: "account" },
    participants: { names: named("participant"), what: "participant of an account" },
    lands: { names: named("land"), what: "Land of an account" },
  };
  return listAt(raw, "transition", "cohorts").flatMap((cohort, c) =>
    Object.entries(known).flatMap(([key, { names, what }]) =>
      listAt(cohort, key).flatMap((name, n): Fault[] =>
        typeof name !== "string" || name.includes(PLACEHOLDER) || names.includes(name)
          ? []
          : [
              {
                path: ["transition", "cohorts", c, key, n],
                message: `${name} is not the ${what}; the cohort would never match by it`,
              },
            ],
      ),
    ),
  );
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

function wrongOrderOfTimes(raw: unknown): Fault[] {
  const order = [
    ["firstRetry", "maxRetry"],
    ["maxRetry", "giveUpAfter"],
  ] as const;
  return order.flatMap(([small, large]): Fault[] => {
    const [low, high] = [small, large].map((name) => textAt(raw, "delivery", name));
    if (low === undefined || high === undefined || milliseconds(low) <= milliseconds(high))
      return [];
    const message = `${low} is longer than delivery.${large} (${high}); allowed: at most that`;
    return [{ path: ["delivery", small], message }];
  });
}

function milliseconds(text: string): number {
  return Number.parseInt(text, 10) * (UNITS[text.replace(/^\d+/, "")] ?? Number.NaN);
}

function pathOf(key: string): Path {
  return key.split(".").map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

/** `accounts[0].settings.inlet.listen` */
export function keyText(path: Path): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === "number"
        ? `${text}[${step}]`
        : text === ""
          ? String(step)
          : `${text}.${String(step)}`,
    "",
  );
}
