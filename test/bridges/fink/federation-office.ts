/** A metadata server, a clock that a test moves, and gateways that start and restart: for tests of the federation. */
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import {
  createFederation,
  federationRemotes,
  type RunningFederation,
} from "../../../bridges/fink/federation/index.ts";
import type { FinkMetadata } from "../../../fixtures/simulators/fink-metadata/index.ts";
import { MemoryState, testContext, type TestContext } from "../../support/bridge-context.ts";
import {
  entityOf,
  Folder,
  makePeople,
  NW,
  settingsOf,
  startOffice,
  TH,
  type People,
} from "./federation-support.ts";

export interface Running extends TestContext<unknown> {
  readonly federation: RunningFederation;
}

export interface Office {
  readonly people: People;
  /** With TH and NW in it, nothing published yet. */
  readonly server: FinkMetadata;
  readonly folder: Folder;
  now(): Date;
  later(ms: number): void;
  /** A gateway with one account; with the same state it is a restart, or a second node. */
  run(state?: MemoryState, more?: Record<string, unknown>): Promise<Running>;
}

/** Call it at the top of a test file; everything is fresh for each test but keys and folder. */
export function useOffice(): Office {
  const folder = new Folder();
  const open: (() => Promise<void>)[] = [];
  let people: People | undefined;
  let server: FinkMetadata | undefined;
  let clock = new Date();
  const now = () => clock;
  beforeAll(async () => {
    people = await makePeople();
  });
  beforeEach(async () => {
    clock = new Date(Date.now() + 60_000);
    const everybody = present(people);
    server = await startOffice(everybody, now);
    open.push(server.close);
    server.put(entityOf(everybody));
    server.put(entityOf(everybody, { entityId: NW, name: "Nordrhein-Westfalen" }));
  });
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });
  afterAll(() => folder.remove());
  return {
    folder,
    now,
    get people() {
      return present(people);
    },
    get server() {
      return present(server);
    },
    later: (ms) => void (clock = new Date(clock.getTime() + ms)),
    async run(state = new MemoryState(), more = {}) {
      const { office, pki } = present(people);
      const settings = settingsOf({
        metadata: {
          url: present(server).url,
          pins: [folder.pem("pin.pem", office)],
          ca: folder.pem("ca.pem", pki.ca),
          ...more,
        },
      });
      const allow = federationRemotes(settings.federation);
      const test = testContext<unknown>({ config: settings, state, allow });
      open.push(test.close);
      const federation = createFederation({ context: test.context, settings, now });
      await federation.start();
      return { ...test, federation };
    },
  };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("only within a test");
  return value;
}

export const events = ({ log }: Running) => log.map(({ event }) => event);

/** Where a letter would go, or why not. */
export function fate({ federation }: Running, entityId = TH): string {
  const decision = federation.resolve(entityId, "postfach-1");
  return decision.kind === "route" ? decision.route.endpoint : decision.reason;
}

/** One look; a refusal is thrown by the task, counted by the gateway, and seen in the state. */
export const look = ({ tick }: Running) => tick().catch(() => undefined);
