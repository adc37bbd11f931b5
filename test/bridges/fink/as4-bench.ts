/** Two gateways, each behind its simulated access point, connected in process; nothing but 127.0.0.1. */
import { randomUUID } from "node:crypto";
import { as4ProfileFor, as4Settings, createAs4Transport } from "../../../bridges/fink/as4/index.ts";
import type {
  As4Profile,
  As4Settings,
  As4Transport,
  PayloadCodec,
} from "../../../bridges/fink/as4/index.ts";
import type { Route } from "../../../bridges/fink/contract.ts";
import { startAccessPoint } from "../../../fixtures/simulators/access-point/index.ts";
import type {
  AccessPointOptions,
  AccessPointSimulator,
  ProcessingMode,
} from "../../../fixtures/simulators/access-point/index.ts";
import { DeliveryError, GatewayError } from "../../../src/model/errors.ts";
import { newId } from "../../../src/model/id.ts";
import type { Message } from "../../../src/model/message.ts";
import { testContext } from "../../support/bridge-context.ts";
import type { MemoryState, TestContext } from "../../support/bridge-context.ts";
import { loadSettings } from "../../support/settings.ts";

export const UNREGISTERED = "urn:oasis:names:tc:ebcore:partyid-type:unregistered";
export const NORTH = { entityId: "https://nord.example/idp", party: "nord-postfach" };
export const SOUTH = { entityId: "https://sued.example/idp", party: "sued-postfach" };

const profile = as4ProfileFor(undefined);
export const MODE: ProcessingMode = {
  service: { id: profile.exchange.service.value, type: profile.exchange.service.type ?? "" },
  actions: Object.values(profile.exchange.actions),
  roles: profile.exchange.roles,
  properties: ["originalSender", "finalRecipient"],
};

/** A payload of one line; whatever it cannot read is refused as a codec would refuse it. */
export const lineCodec: PayloadCodec = {
  encode: async (message) => {
    if (message.text === "unschreibbar")
      throw new DeliveryError("permanent", "CONTENT_REJECTED", "cannot be expressed");
    const attachments = message.attachments.map(({ name, mediaType, blob }) => ({
      name,
      mediaType,
      blob,
    }));
    return {
      document: Buffer.from(`letter:${message.text}`),
      attachments,
      level: message.level,
      legalBasis: "OZG",
    };
  },
  decode: async ({ document, attachments, envelope }) => {
    const [kind, text = ""] = document.toString().split(/:(.*)/s);
    if (kind !== "letter") throw new GatewayError("INPUT_INVALID", "not a letter");
    if (text === "abgelehnt")
      return { kind: "refused", code: "RECIPIENT_UNKNOWN", detail: "no such mailbox" };
    if (text === "Programmfehler") throw new TypeError("a bug");
    const { from, to, sentAt } = envelope;
    const hold = { code: "RECIPIENT_UNLINKED", detail: "nobody reads it" } as const;
    return {
      kind: "letter",
      ...(text === "unverknüpft" ? { options: { hold } } : {}),
      message: {
        sentAt,
        from: { address: `${from.entityId}|${from.mailbox}`, role: "authority" },
        to: [{ address: to.mailbox, role: "citizen" }],
        text,
        attachments: attachments.map(({ name = "?", mediaType, blob }) => ({
          name,
          mediaType,
          blob,
        })),
        level: envelope.level === "3" ? 3 : 1,
        replyPolicy: "possible",
      },
    };
  },
  writeAcknowledgement: ({ accepted, code = "" }) => Buffer.from(`ack:${accepted}:${code}`),
  readAcknowledgement: (document) => {
    const [kind, accepted] = Buffer.from(document).toString().split(":");
    if (kind !== "ack") throw new GatewayError("INPUT_INVALID", "not an acknowledgement");
    return accepted === "true"
      ? { accepted: true, detail: "0" }
      : { accepted: false, code: "RECIPIENT_UNKNOWN", detail: "30" };
  },
  readReadReceipt: (document) => new Date(Buffer.from(document).toString()),
};

export interface Side {
  readonly transport: As4Transport;
  readonly state: MemoryState;
  readonly test: TestContext<unknown>;
  readonly accessPoint: AccessPointSimulator;
  readonly settings: As4Settings;
  clock: Date;
  poll(): Promise<void>;
  /** A restart: memory gone, records and blobs there. */
  restart(): Side;
  close(): Promise<void>;
}

export interface SideOptions {
  readonly accessPoint?: Partial<AccessPointOptions>;
  readonly settings?: Record<string, unknown>;
  readonly profile?: (profile: As4Profile) => As4Profile;
  readonly codec?: PayloadCodec;
  /** Entities that left the federation; looked at every time. */
  readonly excluded?: ReadonlySet<string>;
}

export async function startSide(
  own: typeof NORTH,
  other: typeof NORTH,
  options: SideOptions = {},
): Promise<Side> {
  const accessPoint = await startAccessPoint({
    own: { id: own.party, type: UNREGISTERED },
    mode: MODE,
    user: "bruecke",
    password: "geheim-42",
    ...options.accessPoint,
  });
  process.env.AS4_TEST_PASSWORD = "geheim-42";
  const settings = loadSettings(
    as4Settings,
    {
      url: accessPoint.url,
      rest: accessPoint.rest,
      user: "bruecke",
      password: "env:AS4_TEST_PASSWORD",
      entityId: own.entityId,
      party: { id: own.party },
      domain: "bruecke.example",
      parties: [{ entityId: other.entityId, id: other.party }],
      ...options.settings,
    },
    "/",
  );
  return makeSide(accessPoint, settings, options);
}

function makeSide(
  accessPoint: AccessPointSimulator,
  settings: As4Settings,
  options: SideOptions,
  state?: MemoryState,
): Side {
  const test = testContext<unknown>({
    config: {},
    account: settings.entityId,
    allow: [accessPoint.url, accessPoint.rest],
    ...(state === undefined ? {} : { state }),
    timeoutMs: 2_000,
  });
  const { context } = test;
  const side: Side = {
    transport: createAs4Transport({
      context,
      settings,
      profile: (options.profile ?? ((whole) => whole))(profile),
      codec: options.codec ?? lineCodec,
      isExcluded: (entityId) => options.excluded?.has(entityId) ?? false,
      now: () => side.clock,
    }),
    state: test.state,
    test,
    accessPoint,
    settings,
    clock: new Date("2026-11-21T10:00:00Z"),
    poll: () => side.transport.poll(new AbortController().signal),
    restart: () => makeSide(accessPoint, settings, options, test.state),
    close: async () => {
      await side.transport.stop();
      await test.close();
      await accessPoint.close();
    },
  };
  return side;
}

/** A letter of a citizen in Matrix to a mailbox of the other side, known to the state as the gateway would know it. */
export function letter(side: Side, more: Partial<Message> = {}): Message {
  return side.state.add({
    id: newId(),
    account: side.settings.entityId,
    sourceId: randomUUID(),
    conversation: "fall-1",
    sentAt: new Date("2026-11-21T09:59:00Z"),
    from: { address: "buerger-1", role: "citizen" },
    to: [{ address: `${SOUTH.entityId}|amt-7`, role: "authority" }],
    text: "Guten Tag",
    attachments: [],
    level: 3,
    replyPolicy: "possible",
    ...more,
  });
}

export function routeTo(other: typeof NORTH, mailbox = "amt-7"): Route {
  return {
    entityId: other.entityId,
    participant: "TH",
    mailbox,
    transport: "as4-access-point",
    endpoint: "https://as4.example/msh",
    certificates: [],
    by: "metadata",
  };
}

export const signal = new AbortController().signal;
export function deliver(side: Side, message: Message, to = SOUTH, mailbox = "amt-7") {
  return side.transport.deliver(message, routeTo(to, mailbox), message.id, signal);
}
export function find(side: Side, message: Message) {
  return side.transport.find?.(message, routeTo(SOUTH), message.id, signal);
}
/** The fault a promise ends with, as far as the gateway acts on it. */
export function faultOf(
  work: Promise<unknown> | undefined,
): Promise<{ fault?: string; code?: string } | undefined> {
  return Promise.resolve(work).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof DeliveryError) return { fault: error.fault, code: error.code };
      if (error instanceof GatewayError) return { code: error.code };
      throw error;
    },
  );
}
export function blobOf(side: Side, ref: { digest: string } | undefined): Buffer {
  return side.state.blobs.get(ref?.digest.slice("sha256:".length) ?? "") ?? Buffer.alloc(0);
}
