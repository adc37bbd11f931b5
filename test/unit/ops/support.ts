import { readFileSync, writeFileSync } from "node:fs";
import type { RunningAccount } from "../../../src/bridge/accounts.ts";
import type { AcceptOptions, Bridge, Log } from "../../../src/bridge/contract.ts";
import type { IncomingMessage } from "../../../src/model/message.ts";
import type { Matrix } from "../../../src/matrix/contract.ts";
import { createDirectory } from "../../../src/pipeline/directory.ts";
import { adminEndpoints } from "../../../src/ops/api.ts";
import { startAdmin, type AdminDeps } from "../../../src/ops/http.ts";
import { createMetrics } from "../../../src/ops/metrics.ts";
import type { Store } from "../../../src/store/store.ts";
import { openStorage } from "../../../src/store/open.ts";
import { createActivePlans } from "../../../src/transition/active.ts";
import { planAtStart } from "../../../src/transition/applying.ts";
import { environment, GOOD, load, sampleBridge, writeSample } from "../config/sample.ts";
import { T0 } from "../../support/stores.ts";
import { createWireCheck, type Exchange } from "../../support/admin-wire.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
}
export interface AdminSite {
  readonly url: string;
  readonly store: Store;
  readonly logged: { event: string; fields: Record<string, unknown> }[];
  readonly refreshed: string[];
  readonly opened: unknown[];
  /** Letters that the gateway wrote itself. */
  readonly letters: { message: IncomingMessage; options: AcceptOptions | undefined }[];
  /** What the next calls meet; tests change it. */
  readonly world: {
    probe: () => Promise<void>;
    doorbell: { ok: boolean; detail?: string };
    ping: () => Promise<{ ok: boolean; detail?: string }>;
    refresh: () => Promise<void>;
    readmit: Bridge["readmit"] | undefined;
  };
  readonly deps: AdminDeps;
  /**
   * `as`: name of a token, or a whole Authorization header. Every answer is held to the OpenAPI document: it throws for
   * a status, media type or field that the document does not name.
   */
  ask(as: string, method: string, path: string, body?: unknown): Promise<Answer>;
  /** Changes the configuration file. */
  rewrite(change: (text: string) => string): void;
  stop(): Promise<void>;
}

const TOKENS = ["viewer", "operator", "admin"] as const;

/** The admin API over a real store, with a homeserver and a bridge that do as they are told. */
export async function openAdmin(options: { started?: boolean } = {}): Promise<AdminSite> {
  const env = { ...environment() };
  const tokens = TOKENS.map((role) => {
    const variable = `TOKEN_${role.toUpperCase()}`;
    Object.assign(env, { [variable]: `${role}-${environment().ADMIN}` });
    return `    - { name: ${role}-1, role: ${role}, token: "env:${variable}" }\n`;
  });
  const text = GOOD.replace(/ {4}- name: operations\n.*\n.*\n/, tokens.join("")).replace(
    "127.0.0.1:9010",
    "127.0.0.1:0",
  );
  const file = writeSample(text);
  const reload = () => load(file, env);
  const loaded = await reload();
  const { config } = loaded;
  const storage = await openStorage(config);
  const site = { logged: [], refreshed: [], opened: [], letters: [] } as Pick<
    AdminSite,
    "logged" | "refreshed" | "opened" | "letters"
  >;
  const world: AdminSite["world"] = {
    probe: () => storage.store.probe(),
    doorbell: { ok: true },
    ping: () => Promise.resolve({ ok: true, detail: "fine" }),
    refresh: () => Promise.resolve(),
    readmit: undefined,
  };
  const now = () => T0;
  const { store } = storage;
  const log = logInto(site.logged);
  const plans = createActivePlans(store, await planAtStart({ loaded, store, log, now: now() }));
  const [account] = config.accounts;
  if (!account) throw new Error("the sample has an account");
  const running = {
    config: account,
    definition: sampleBridge,
    bridge: bridgeOf(world),
    stop: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const deps: AdminDeps = {
    config,
    log,
    desk: { plans, reload },
    storage: { ...storage, store: withProbe(storage.store, () => world.probe()) },
    doorbell: {
      start: () => Promise.resolve(),
      ring: () => undefined,
      stop: () => Promise.resolve(),
      health: () => Promise.resolve(world.doorbell),
    },
    directory: createDirectory(config.accounts, storage.store),
    acceptor: {
      fromLegacy(_account, message, options) {
        site.letters.push({ message, options });
        return Promise.resolve({ outcome: "stored", id: "letter-1" });
      },
    },
    metrics: createMetrics(storage.store, now),
    matrix: matrixOf(site, world),
    accounts: new Map<string, RunningAccount>([[account.name, running]]),
    started: new Set(options.started === false ? [] : [account.name]),
    now,
  };
  const admin = await startAdmin(deps);
  const check = createWireCheck(adminEndpoints(deps));
  return {
    ...site,
    url: admin.url,
    store: storage.store,
    world,
    deps,
    async ask(as, method, path, body) {
      const answer = await ask(admin.url, authorization(env, as), method, path, body);
      check(exchangeOf(method, path, answer));
      return answer;
    },
    rewrite: (change) => writeFileSync(file, change(readFileSync(file, "utf8"))),
    async stop() {
      await admin.stop();
      await storage.close();
    },
  };
}

function exchangeOf(method: string, path: string, { status, headers, text }: Answer): Exchange {
  return { method, path, status, text, type: headers.get("content-type") ?? "" };
}

function authorization(env: Record<string, string>, as: string): string | undefined {
  if (as === "nobody") return undefined;
  return env[`TOKEN_${as.toUpperCase()}`] === undefined
    ? as
    : `Bearer ${env[`TOKEN_${as.toUpperCase()}`]}`;
}

async function ask(
  url: string,
  authorizationHeader: string | undefined,
  method: string,
  path: string,
  body: unknown,
): Promise<Answer> {
  const isText = typeof body === "string";
  const answer = await fetch(url + path, {
    method,
    redirect: "manual",
    headers: {
      ...(authorizationHeader === undefined ? {} : { authorization: authorizationHeader }),
      ...(body === undefined ? {} : { "content-type": isText ? "text/csv" : "application/json" }),
    },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get("content-type")?.includes("json") === true;
  const json = (isJson ? JSON.parse(text) : {}) as Record<string, unknown>;
  return { status: answer.status, headers: answer.headers, text, json };
}

function withProbe(store: Store, probe: () => Promise<void>): Store {
  return { ...store, probe };
}

function bridgeOf(world: AdminSite["world"]): Bridge {
  return {
    start: () => Promise.resolve(),
    deliver: () => Promise.reject(new Error("not in this test")),
    ping: () => world.ping(),
    stop: () => Promise.resolve(),
    get readmit() {
      return world.readmit as NonNullable<Bridge["readmit"]>;
    },
  };
}

function matrixOf(
  site: Pick<AdminSite, "refreshed" | "opened">,
  world: AdminSite["world"],
): Matrix {
  return {
    ...bridgeOf(world),
    takeEvent: () => Promise.reject(new Error("not in this test")),
    async openConversation(request, by) {
      site.opened.push({ ...request, by });
      const { account, to, subject } = request;
      const conversation = {
        id: "c-1",
        account,
        key: "k",
        counterpart: to,
        local: { address: "authority" },
        subject,
        level: 1,
        replyPolicy: "possible",
        createdAt: T0,
      } as const;
      return { conversation, roomId: "!room:example.org" };
    },
    async refreshReaders(account, mailbox) {
      await world.refresh();
      site.refreshed.push(`${account}/${mailbox ?? "*"}`);
    },
  };
}

function logInto(logged: AdminSite["logged"]): Log {
  const keep = (fields: Record<string, unknown>, event: string) =>
    void logged.push({ event, fields });
  return { debug: keep, info: keep, warn: keep, error: keep };
}
