/** A BundID bridge between a simulated ZBP and legacy senders, with a test PKI; nothing but 127.0.0.1. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import bundid from "../../../bridges/bundid/index.ts";
import { settingsSchema } from "../../../bridges/bundid/settings.ts";
import type { Settings } from "../../../bridges/bundid/settings.ts";
import { openPki } from "../../../fixtures/simulators/pki/index.ts";
import type { StoredIdentity, StoredPki } from "../../../fixtures/simulators/pki/index.ts";
import { startZbpSimulator } from "../../../fixtures/simulators/zbp/index.ts";
import type { ZbpOptions, ZbpSimulator } from "../../../fixtures/simulators/zbp/index.ts";
import type { Bridge } from "../../../src/bridge/contract.ts";
import type { Message } from "../../../src/model/message.ts";
import { testContext } from "../../support/bridge-context.ts";
import type { MemoryState, TestContext, TestContextOptions } from "../../support/bridge-context.ts";
import { attach, letterFromMatrix } from "../../support/bridge-letters.ts";
import { loadSettings } from "../../support/settings.ts";

export interface Keys {
  readonly folder: string;
  readonly pki: StoredPki;
  /** Our mailbox certificate. */
  readonly gateway: StoredIdentity;
  /** A legacy system's, and one that nobody knows. */
  readonly legacy: StoredIdentity;
  readonly second: StoredIdentity;
  readonly stranger: StoredIdentity;
  readonly server: StoredIdentity;
  remove(): Promise<void>;
}

/** Made once per test file: RSA keys take their time. */
export async function makeKeys(): Promise<Keys> {
  const folder = await mkdtemp(path.join(tmpdir(), "bundid-"));
  const pki = await openPki(folder);
  const [gateway, legacy, second, stranger, server] = await Promise.all([
    pki.obtain("gateway", { cn: "Postfachbrücke Beispielhausen" }),
    pki.obtain("legacy", { cn: "Stadt Beispielhausen, Bauamt" }),
    pki.obtain("second", { cn: "Landkreis Muster" }),
    pki.obtain("stranger", { cn: "Unbekannt" }),
    pki.obtain("server", { cn: "127.0.0.1", kind: "server" }),
  ]);
  const remove = () => rm(folder, { recursive: true, force: true });
  return { folder, pki, gateway, legacy, second, stranger, server, remove };
}

export function startZbp(keys: Keys, options: Partial<ZbpOptions> = {}): Promise<ZbpSimulator> {
  return startZbpSimulator({
    server: keys.server,
    trustedCas: [keys.pki.ca.certPem],
    clients: [{ certPem: keys.gateway.certPem }, { certPem: keys.legacy.certPem }],
    ...options,
  });
}

export type Raw = Record<string, unknown>;

export function senderSettings(keys: Keys, url: string, more: Raw = {}): Raw {
  return {
    url,
    certificate: `file:${keys.gateway.certFile}`,
    key: `file:${keys.gateway.keyFile}`,
    ca: `file:${keys.pki.caFile}`,
    name: "Stadt Beispielhausen, Bauamt",
    service: "Bauvoranfrage",
    ...more,
  };
}

export function inletSettings(keys: Keys, sender: Raw = {}, more: Raw = {}): Raw {
  return {
    listen: "127.0.0.1:0",
    tls: { certificate: `file:${keys.server.certFile}`, key: `file:${keys.server.keyFile}` },
    senders: [
      {
        name: "bauamt",
        certificate: `file:${keys.legacy.certFile}`,
        unlinked: "reject",
        ...sender,
      },
      { name: "kreis", certificate: `file:${keys.second.certFile}`, unlinked: "reject" },
    ],
    ...more,
  };
}

export function parseSettings(keys: Keys, raw: Raw): Settings {
  return loadSettings(settingsSchema, raw, keys.folder);
}

export interface Bench extends TestContext<Settings> {
  readonly bridge: Bridge;
  readonly state: MemoryState;
  stop(): Promise<void>;
}

/** A bridge that is not started yet. */
export function makeBridge(
  keys: Keys,
  raw: Raw,
  options: Partial<TestContextOptions<Settings>> = {},
): Bench {
  const config = parseSettings(keys, raw);
  const allow = config.sender === undefined ? [] : [config.sender.url];
  const test = testContext({ config, allow, ...options });
  const bridge = bundid.create(test.context);
  const stop = async () => {
    await bridge.stop();
    await test.close();
  };
  return { ...test, bridge, stop };
}

export const MAILBOX = "11111111-2222-4333-8444-555555555555";
export const OTHER_MAILBOX = "99999999-2222-4333-8444-555555555555";

/** A letter written in Matrix by an authority. */
export function letterTo(mailbox: string, more: Partial<Message> = {}): Message {
  return letterFromMatrix({
    from: { address: "konto", name: "Stadt Beispielhausen, Bauamt", role: "authority" },
    to: [{ address: mailbox, role: "citizen" }],
    subject: "Nachforderung zu Ihrem Antrag",
    text: "Guten Tag,\nbitte reichen Sie Unterlagen nach.",
    level: 3,
    ...more,
  });
}

export { attach };
export const PDF = Buffer.from("%PDF-1.7\n% Bescheid\n%%EOF\n");
export const never = new AbortController().signal;
