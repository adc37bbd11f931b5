/** A FINK account between a simulated mailbox node of the old platform and legacy authorities; nothing but 127.0.0.1. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fink from "../../../bridges/fink/index.ts";
import { settingsSchema } from "../../../bridges/fink/settings.ts";
import type { Settings } from "../../../bridges/fink/settings.ts";
import { openPki } from "../../../fixtures/simulators/pki/index.ts";
import type { StoredIdentity, StoredPki } from "../../../fixtures/simulators/pki/index.ts";
import {
  createLegacyAuthority,
  startPostkorb,
} from "../../../fixtures/simulators/postkorb/index.ts";
import type {
  LegacyAuthority,
  PostkorbSimulator,
} from "../../../fixtures/simulators/postkorb/index.ts";
import type { Bridge } from "../../../src/bridge/contract.ts";
import type { Message } from "../../../src/model/message.ts";
import { testContext } from "../../support/bridge-context.ts";
import type { MemoryState, TestContext, TestContextOptions } from "../../support/bridge-context.ts";
import { deadPort } from "../../support/dead-port.ts";
import { attach, failureOf, letterFromMatrix, lettersIn } from "../../support/bridge-letters.ts";
import { loadSettings } from "../../support/settings.ts";

export interface Keys {
  readonly folder: string;
  readonly pki: StoredPki;
  readonly gateway: StoredIdentity;
  readonly authority: StoredIdentity;
  readonly stranger: StoredIdentity;
  readonly server: StoredIdentity;
  /** A server that the operator did not name. */
  readonly otherServer: StoredIdentity;
  remove(): Promise<void>;
}

/** Made once per test file: RSA keys take their time. */
export async function makeKeys(): Promise<Keys> {
  const folder = await mkdtemp(path.join(tmpdir(), "fink-"));
  const pki = await openPki(folder);
  const [gateway, authority, stranger, server, otherServer] = await Promise.all([
    pki.obtain("gateway", { cn: "Postfachbrücke" }),
    pki.obtain("authority", { cn: "Stadt Beispielhausen, Bauamt" }),
    pki.obtain("stranger", { cn: "Unbekannt" }),
    pki.obtain("server", { cn: "127.0.0.1", kind: "server" }),
    pki.obtain("other", { cn: "127.0.0.1", kind: "server" }),
  ]);
  const remove = () => rm(folder, { recursive: true, force: true });
  return { folder, pki, gateway, authority, stranger, server, otherServer, remove };
}

export const ENTITY = "https://konto.land.example/idp";
export const PAUSED = "https://konto.pause.example/idp";
export const MAILBOX = "11111111-2222-4333-8444-555555555555";
/** In the node of ENTITY. */
export const REMOTE = "99999999-2222-4333-8444-555555555555";
export const REMOTE_ADDRESS = `${ENTITY}|${REMOTE}`;
/** Where the authority that delivers here takes answers. */
export const AUTHORITY_MAILBOX = "aaaaaaaa-2222-4333-8444-555555555555";

export type Raw = Record<string, unknown>;
export interface Wish {
  /** Endpoint of the node of ENTITY. */
  readonly node?: string;
  readonly port?: number;
  readonly soap?: Raw;
  readonly server?: Raw;
  readonly sender?: Raw;
  readonly authority?: Raw;
  readonly more?: Raw;
}

const participant = (code: string, entityId: string, more: Raw = {}): Raw => ({
  code,
  agreement: "va",
  account: { state: "production", since: "2025-01-01", entityIds: [entityId] },
  mailbox: { state: "production", since: "2025-01-01", adapter: "bsp-soap" },
  ...more,
});

export function rawSettings(keys: Keys, wish: Wish): Raw {
  const { node = "https://127.0.0.1:9/none", port } = wish;
  const certificates = `file:${keys.server.certFile}`;
  return {
    federation: {
      name: "test",
      stage: "production",
      overrides: [
        { entityId: ENTITY, endpoint: node, listed: false, certificates },
        { entityId: PAUSED, endpoint: node, listed: false, certificates },
      ],
    },
    participants: {
      snapshot: "2026-11-01",
      list: [participant("TH", ENTITY), participant("HE", PAUSED, { blockedBecause: "Umbau" })],
    },
    authority: {
      name: "Stadt Größe & Söhne",
      service: "Bauvoranfrage",
      link: "https://stadt.example/bau",
      mailbox: "bbbbbbbb-2222-4333-8444-555555555555",
      ...wish.authority,
    },
    soap: {
      certificate: `file:${keys.gateway.certFile}`,
      key: `file:${keys.gateway.keyFile}`,
      ...wish.soap,
    },
    ...(port === undefined
      ? {}
      : {
          server: {
            listen: `127.0.0.1:${port}`,
            tls: {
              certificate: `file:${keys.server.certFile}`,
              key: `file:${keys.server.keyFile}`,
            },
            senders: [
              {
                name: "bauamt",
                certificate: `file:${keys.authority.certFile}`,
                entityId: ENTITY,
                ...wish.sender,
              },
            ],
            ...wish.server,
          },
        }),
    ...wish.more,
  };
}

export interface Bench extends TestContext<Settings> {
  readonly bridge: Bridge;
  readonly state: MemoryState;
  readonly raw: Raw;
  stop(): Promise<void>;
}

/** A bridge that is not started yet. */
export function makeBridge(
  keys: Keys,
  wish: Wish,
  options: Partial<TestContextOptions<Settings>> = {},
): Bench {
  const raw = rawSettings(keys, wish);
  const config = loadSettings(settingsSchema, raw, keys.folder);
  const test = testContext({ config, allow: fink.remotes(config), ...options });
  const bridge = fink.create(test.context);
  const stop = async () => {
    await bridge.stop();
    await test.close();
  };
  return { ...test, bridge, raw, stop };
}

export function startNode(keys: Keys, server = keys.server): Promise<PostkorbSimulator> {
  return startPostkorb({
    server,
    trustedCas: [keys.pki.ca.certPem],
    mailboxes: [REMOTE, AUTHORITY_MAILBOX],
  });
}

export interface ServerBench extends Bench {
  readonly origin: string;
  readonly authority: LegacyAuthority;
  as(identity?: StoredIdentity): LegacyAuthority;
}

/** A started bridge whose server takes letters; MAILBOX is read in Matrix. */
export async function openServerBench(
  keys: Keys,
  wish: Wish = {},
  options: Partial<TestContextOptions<Settings>> = {},
): Promise<ServerBench> {
  const port = await deadPort();
  const bench = makeBridge(keys, { port, ...wish }, options);
  bench.state.links.add(MAILBOX);
  await bench.bridge.start();
  const origin = `https://127.0.0.1:${port}`;
  const caPem = keys.pki.ca.certPem;
  const as = (identity?: StoredIdentity) =>
    createLegacyAuthority({ origin, caPem, ...(identity ? { identity } : {}) });
  return { ...bench, origin, as, authority: as(keys.authority) };
}

/** A letter written in Matrix by an authority. */
export function letterTo(address: string, more: Partial<Message> = {}): Message {
  return letterFromMatrix({
    from: { address: "konto", name: "Stadt Größe & Söhne", role: "authority" },
    to: [{ address, role: "citizen" }],
    subject: "Nachforderung zu Ihrem Antrag",
    text: "Guten Tag,\nbitte reichen Sie Unterlagen nach.",
    level: 3,
    ...more,
  });
}
export function blobOf(state: MemoryState, digest: string | undefined): Buffer {
  return state.blobs.get((digest ?? "").slice("sha256:".length)) ?? Buffer.alloc(0);
}

export const PDF = Buffer.from("%PDF-1.7\n% Bescheid\n%%EOF\n");
export const never = new AbortController().signal;

export { attach, failureOf, lettersIn as letters };
