import { AppServiceRegistration, AppserviceHttpError, Bridge } from "matrix-appservice-bridge";
import type { AppserviceConfig, HomeserverConfig } from "../config/schema.ts";
import { DurableAppService, type DurableAppServiceOptions } from "./appservice.ts";
import type { Lookup } from "./lookup.ts";
import { buildRegistration } from "./registration.ts";

/** Connections that wait to be accepted. */
const BACKLOG = 128;
const LOOKUP_FAILED = { code: 502, err: "the directory does not answer" };

export interface FrameDeps {
  readonly homeserver: HomeserverConfig;
  readonly appservice: AppserviceConfig;
  readonly lookup: Lookup;
  readonly listener: DurableAppServiceOptions;
  /** Does this id stand for a party, or for the gateway itself? */
  knowsUser(userId: string): Promise<boolean>;
}

/**
 * The library's Bridge as a frame: registration, listener, look-ups, queries. Its queue, stores, event validation,
 * sending and media proxy stay unused (matrix.md §1: they forget, reorder, double, or let strangers in).
 */
export interface Frame {
  listen(): Promise<void>;
  /** New requests get 503 from now on. */
  drain(): void;
  close(): Promise<void>;
}

export function createFrame(deps: FrameDeps): Frame {
  const { homeserver, appservice } = deps;
  const listener = new DurableAppService(deps.listener);
  const bridge = new Bridge({
    homeserverUrl: homeserver.url,
    domain: homeserver.name,
    registration: registrationOf(deps),
    disableStores: true,
    disableContext: true,
    queue: { type: "none" },
    eventValidation: {},
    logRequestOutcome: false,
    suppressEcho: true,
    intentOptions: {
      bot: { dontCheckPowerLevel: true },
      clients: { dontCheckPowerLevel: true, dontJoin: true },
    },
    controller: {
      // Never called: a transaction is recorded by the listener and taken in from the database.
      onEvent: () => undefined,
      // Its lines hold whole URLs, and with them what somebody looked up.
      onLog: () => undefined,
      onUserQuery: async (user) => {
        if (!(await deps.knowsUser(user.getId()))) throw unknown("user");
        return null;
      },
      // Rooms are made by letters only: an alias that the homeserver has to ask for does not exist.
      onAliasQuery: () => {
        throw unknown("alias");
      },
      thirdPartyLookup: lookups(deps.lookup),
    },
  });
  let listening = false;
  return {
    async listen() {
      await bridge.initialise();
      const { host, port } = appservice.listen;
      // The fourth argument must only look like the library's class; its private members are not used.
      await bridge.listen(port, host, BACKLOG, listener as never);
      listening = true;
    },
    drain: () => listener.drain(),
    async close() {
      if (!listening) return;
      listening = false;
      await bridge.close();
    },
  };
}

function lookups(lookup: Lookup) {
  return {
    protocols: [...lookup.protocols],
    getProtocol: (protocol: string) => lookup.protocol(protocol),
    getUser: (protocol: string, fields: Record<string, string[] | string>) =>
      answered(lookup.user(protocol, fields)),
    parseUser: (userId: string) => answered(lookup.byUserId(userId)) as Promise<never[]>,
    // Legacy systems know no places where people meet.
    getLocation: () => [],
    parseLocation: () => [],
  };
}

/** The library turns `{code, err}` into a status; anything else would become a 500 with our text in it. */
async function answered<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the form that the library understands
    throw LOOKUP_FAILED;
  }
}

function unknown(what: string): AppserviceHttpError {
  return new AppserviceHttpError({ errcode: "M_NOT_FOUND", error: `unknown ${what}` }, 404);
}

function registrationOf(deps: FrameDeps): AppServiceRegistration {
  const registration = buildRegistration(deps.homeserver, deps.appservice, deps.lookup.protocols);
  return AppServiceRegistration.fromObject(JSON.parse(JSON.stringify(registration)) as never);
}
