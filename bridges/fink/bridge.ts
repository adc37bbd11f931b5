import type {
  Bridge,
  BridgeContext,
  Delivery,
  Health,
  QuarantinedInput,
  Refusal,
} from "../../src/bridge/contract.ts";
import { DeliveryError, describeError, GatewayError } from "../../src/model/errors.ts";
import type { IncomingMessage, Message, Party } from "../../src/model/message.ts";
import { normaliseMailbox, parseRemoteAddress, remoteAddress } from "./address.ts";
import { as4ProfileFor, createAs4Transport, isFromAccessPoint } from "./as4/index.ts";
import type { As4Settings, As4Transport } from "./as4/index.ts";
import { createBspPayload } from "./bsp/as4-payload.ts";
import { letterOf } from "./bsp/codec.ts";
import { prepareFiles } from "./bsp/files.ts";
import { loadPeers } from "./bsp/peers.ts";
import { profileFor } from "./bsp/profile.ts";
import type { Profile } from "./bsp/profile.ts";
import { openServer } from "./bsp/server.ts";
import type { ServerParts } from "./bsp/server.ts";
import { createTakenLetters, KEPT_MS, PURGE_EVERY_MS } from "./bsp/taken.ts";
import { answeredLetter, createBspTransport } from "./bsp/transport.ts";
import type { FinkTransport, Route, TransportKind } from "./contract.ts";
import { createFederation } from "./federation/index.ts";
import type { RunningFederation } from "./federation/index.ts";
import type { Settings } from "./settings.ts";
import { certificatesOf } from "./verify.ts";
import { viewFederation } from "./federation-view.ts";
import { routeFor } from "./ways.ts";

/**
 * One FINK account: the federation says where a mailbox is reached, a transport carries the letter there, and the server
 * takes what legacy authorities send to people who read in Matrix.
 */
export class FinkBridge implements Bridge {
  readonly #context: BridgeContext<Settings>;
  readonly #profile: Profile;
  readonly #federation: RunningFederation;
  readonly #transports: Partial<Record<TransportKind, FinkTransport>>;
  readonly #server: ServerParts | undefined;
  readonly #as4: As4Transport | undefined;
  readonly #listeners: { close(): Promise<void> }[] = [];
  #started = false;
  #purges = false;

  /** @throws GatewayError for keys, certificates or profiles that cannot be used */
  constructor(context: BridgeContext<Settings>) {
    const { authority, soap, server, unlinked, federation, participants, as4 } = context.config;
    this.#context = context;
    const profile = profileFor(context.config.profile);
    this.#profile = profile;
    this.#federation = createFederation({ context, settings: { federation, participants } });
    this.#as4 = as4 && this.#makeAs4(as4);
    this.#transports = {
      ...(soap && {
        "bsp-soap": createBspTransport({ context, settings: soap, authority, profile }),
      }),
      ...(this.#as4 && { "as4-access-point": this.#as4 }),
    };
    this.#server = server && {
      context,
      settings: server,
      profile,
      authority,
      unlinked,
      peers: loadPeers(server.senders),
      isExcluded: (entityId) => Object.hasOwn(this.#federation.gone, entityId),
    };
  }

  #makeAs4(settings: As4Settings): As4Transport {
    const context = this.#context;
    const { authority, unlinked } = context.config;
    return createAs4Transport({
      context,
      settings,
      profile: as4ProfileFor(settings.profile),
      codec: createBspPayload({ context, authority, unlinked, profile: this.#profile }),
      partyOf: (entityId) => this.#partyOf(entityId),
      isExcluded: (entityId) => Object.hasOwn(this.#federation.gone, entityId),
    });
  }

  /** The access point that an entity publishes; nothing counts from metadata that are missing or expired. */
  #partyOf(entityId: string): { readonly id: string; readonly type?: string } | undefined {
    const { standing } = this.#federation.state();
    if (standing === "missing" || standing === "expired") return undefined;
    const party = this.#federation.metadata?.entities.get(entityId)?.mailbox?.partyId;
    if (party === undefined) return undefined;
    return { id: party.value, ...(party.type === undefined ? {} : { type: party.type }) };
  }

  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    try {
      await this.#federation.start();
      for (const transport of this.#all()) await transport.start();
      this.#purgeRegularly();
      if (this.#server !== undefined) this.#listeners.push(await openServer(this.#server));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Once: what the gateway repeats for us it stops by itself, and a second start must not double it. */
  #purgeRegularly(): void {
    if (this.#server === undefined || this.#purges) return;
    this.#purges = true;
    const taken = createTakenLetters(this.#context.records);
    this.#context.every(PURGE_EVERY_MS, () => taken.purge(new Date(Date.now() - KEPT_MS)));
  }

  /** The server first: what is not accepted stays with its sender. */
  async stop(): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
    for (const transport of this.#all()) await transport.stop();
    await this.#federation.stop();
    this.#started = false;
  }

  async deliver(message: Message, deliveryId: string, signal: AbortSignal): Promise<Delivery> {
    if (signal.aborted)
      throw new DeliveryError(
        "transient",
        "REMOTE_UNAVAILABLE",
        "stopped before anything was sent",
      );
    const route = routeFor(this.#federation, message.to);
    return this.#transportFor(route).deliver(message, route, deliveryId, signal);
  }

  /** The old SOAP interface cannot be asked; an access point can. */
  async find(
    message: Message,
    deliveryId: string,
    signal: AbortSignal,
  ): Promise<Delivery | "absent" | undefined> {
    let route: Route;
    try {
      route = routeFor(this.#federation, message.to);
    } catch (error) {
      // No way there any more: whether the letter had arrived before, nobody can tell from here.
      if (error instanceof DeliveryError) return undefined;
      throw error;
    }
    return this.#transports[route.transport]?.find?.(message, route, deliveryId, signal);
  }

  /** Only messages of the access point are set aside unread; what the server refuses stays with its sender. */
  async readmit(item: QuarantinedInput, signal: AbortSignal): Promise<void> {
    if (!isFromAccessPoint(item))
      throw new GatewayError("NOT_ALLOWED", "the first copy of this BspNachricht is here already");
    if (this.#as4 === undefined)
      throw new GatewayError("NOT_ALLOWED", "the access point that sent this is not configured");
    return this.#as4.readmit(item, signal);
  }
  async dismiss(item: QuarantinedInput): Promise<void> {
    if (isFromAccessPoint(item)) await this.#as4?.dismiss(item);
  }

  async review(letter: IncomingMessage, signal: AbortSignal): Promise<Refusal | undefined> {
    const { authority, soap } = this.#context.config;
    try {
      try {
        routeFor(this.#federation, letter.to);
      } catch (error) {
        // What may open up later is accepted and waits visibly.
        if (!(error instanceof DeliveryError) || error.fault === "permanent") throw error;
      }
      const files = await prepareFiles(letter, this.#context, this.#profile, signal);
      const answered = await answeredLetter(this.#context, letter);
      const form = (soap?.formatting ?? "text") === "text" ? "text" : "html";
      letterOf(
        letter,
        files,
        { authority, form, ...(answered ? { answered } : {}) },
        this.#profile,
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      if (error.fault !== "permanent") return undefined;
      return { code: error.code, detail: error.message, notice: error.notice };
    }
  }

  /** A pasted address of another account, when there is a way to it. */
  async resolve(query: string, _signal: AbortSignal): Promise<readonly Party[]> {
    const remote = parseRemoteAddress(query.trim());
    if (remote === undefined) return [];
    const mailbox = normaliseMailbox(remote.mailbox);
    const decision = this.#federation.resolve(remote.entityId, mailbox);
    if (decision.kind === "none" && decision.outlook === "never") return [];
    return [{ address: remoteAddress({ ...remote, mailbox }), role: "citizen" }];
  }

  async ping(signal: AbortSignal): Promise<Health> {
    const certificates = certificatesOf(this.#context.config);
    const view = await viewFederation(this.#federation, this.#context.config.federation, signal);
    const found = await Promise.all(
      Object.entries(this.#transports).map(([kind, transport]) => {
        const nodes = view.nodes.filter((node) => node.transport === kind);
        return transport.ping(signal, nodes).catch((error: unknown): Health => {
          return { ok: false, detail: describeError(error) };
        });
      }),
    );
    const details = [
      view.detail,
      ...(this.#listeners.length > 0 ? ["the server listens"] : []),
      ...found.flatMap(({ detail }) => (detail === undefined ? [] : [detail])),
    ];
    return {
      ok: view.ok && found.every(({ ok }) => ok),
      detail: details.join("; "),
      certificates: [...certificates, ...as4Certificates(found)],
    };
  }

  #all(): FinkTransport[] {
    return Object.values(this.#transports);
  }
  #transportFor({ transport }: Route): FinkTransport {
    const found = this.#transports[transport];
    if (found !== undefined) return found;
    const message = `this account has no transport ${transport}`;
    throw new DeliveryError("transient", "CONFIG_INVALID", message);
  }
}

/** Those of the settings are named once, by `certificatesOf`. */
function as4Certificates(found: readonly Health[]) {
  const own = "client certificate for mailbox nodes";
  return found.flatMap(({ certificates = [] }) =>
    certificates.filter(({ purpose }) => purpose !== own),
  );
}
