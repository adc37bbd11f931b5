/**
 * The way of a letter to a mailbox, or why there is none. Pure: settings, roll-out facts, the metadata and a clock go in.
 * Order of discovery: override in the configuration, extension in the metadata, documented error (bundid-fink.md §7.6).
 */
import { noticeFor } from "../../../src/model/errors.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";
import type { FederationState, Route, RouteDecision, TransportKind } from "../contract.ts";
import { certificatesOf, isCurrent } from "./certificates.ts";
import type { Entity } from "./entity.ts";
import type { Participant } from "./participants.ts";
import { germanDay } from "./plan-date.ts";
import type { MetadataProfile } from "./profile.ts";
import { ROLLOUT_RULES } from "./rollout-rules.ts";
import type { FederationConfig, Override } from "./settings.ts";

export interface RoutingView {
  readonly settings: FederationConfig;
  readonly profile: MetadataProfile;
  readonly standing: FederationState["standing"];
  readonly entities: ReadonlyMap<string, Entity>;
  /** Entities that left the metadata, and when (ISO). */
  readonly gone: Readonly<Record<string, string>>;
  readonly now: Date;
}

type None = Extract<RouteDecision, { kind: "none" }>;
/** What a rule answers: undefined lets the letter pass. */
export type Obstacle = Omit<None, "kind" | "because">;

const MAX_MAILBOX = 512;
const PLAIN = /^[^\p{Cc}\p{Cf}\s]+$/u;

/** Everything that the rules look at. */
interface Question extends RoutingView {
  readonly entityId: string;
  readonly override: Override | undefined;
  readonly entity: Entity | undefined;
  readonly participant: Participant | undefined;
  readonly because: string[];
}

export function resolveRoute(view: RoutingView, entityId: string, mailbox: string): RouteDecision {
  const { federation, participants } = view.settings;
  const question: Question = {
    ...view,
    entityId,
    override: federation.overrides.find((it) => it.entityId === entityId),
    entity: view.entities.get(entityId),
    participant: participants.list.find(({ account }) => account.entityIds.includes(entityId)),
    because: [],
  };
  const obstacle = refuseMailbox(mailbox) ?? refuseListing(question) ?? refuseParticipant(question);
  if (obstacle !== undefined) return none(question, obstacle);
  const found = findNode(question);
  if ("reason" in found) return none(question, found);
  const code = question.participant?.code ?? "";
  const route: Route = { ...found, entityId, mailbox, participant: code };
  return { kind: "route", route, because: question.because };
}

function none({ because }: Question, obstacle: Obstacle): None {
  return { kind: "none", ...obstacle, because: [...because, `stopped: ${obstacle.reason}`] };
}

function wait(reason: string, code: ErrorCode, explanation: string): Obstacle {
  return { reason, code, outlook: "wait", explanation };
}
function never(reason: string, code: ErrorCode, explanation: string): Obstacle {
  return { reason, code, outlook: "never", explanation };
}

function refuseMailbox(mailbox: string): Obstacle | undefined {
  if (mailbox.length <= MAX_MAILBOX && PLAIN.test(mailbox)) return undefined;
  return never("MAILBOX_INVALID", "RECIPIENT_UNKNOWN", "Die Postfachkennung ist nicht gültig.");
}

/** Requests go to entities of the metadata only (bundid-fink.md §2.2 rule 7); a removed one stops at once (rule 13). */
function refuseListing(question: Question): Obstacle | undefined {
  const { override, standing, entity, gone, entityId, because, now } = question;
  if (Object.hasOwn(gone, entityId)) {
    const at = germanDay(new Date(gone[entityId] ?? 0));
    because.push(`left the metadata on ${at}`);
    return wait("PARTICIPANT_REMOVED", "PARTICIPANT_REMOVED", noticeFor("PARTICIPANT_REMOVED"));
  }
  if (override?.listed === false) {
    because.push("override: need not stand in the metadata");
    return undefined;
  }
  if (standing === "missing" || standing === "expired")
    return wait(
      standing === "missing" ? "METADATA_MISSING" : "METADATA_EXPIRED",
      "METADATA_EXPIRED",
      noticeFor("METADATA_EXPIRED"),
    );
  because.push(`metadata: ${standing}`);
  if (entity === undefined) return refuseUnlisted(question);
  if (entity.validUntil !== undefined && entity.validUntil <= now)
    return wait(
      "ENTITY_EXPIRED",
      "CERTIFICATE_INVALID",
      "Die Angaben der Gegenseite in den Metadaten der Föderation sind abgelaufen. Das Schreiben wartet.",
    );
  because.push("listed in the metadata");
  return undefined;
}

function refuseUnlisted({ participant }: Question): Obstacle {
  if (participant === undefined)
    return never(
      "PARTICIPANT_UNKNOWN",
      "RECIPIENT_UNKNOWN",
      "Das Nutzerkonto der Gegenseite ist in der Föderation nicht bekannt.",
    );
  return wait(
    "NOT_LISTED",
    "REMOTE_UNAVAILABLE",
    `Das Nutzerkonto (${participant.code}) steht noch nicht in den Metadaten der Föderation. Das Schreiben wartet.`,
  );
}

/** The roll-out facts, by `rollout-rules.ts`. */
function refuseParticipant(question: Question): Obstacle | undefined {
  const { participant, because, settings, now } = question;
  if (participant === undefined)
    return wait(
      "PARTICIPANT_UNCONFIGURED",
      "REMOTE_UNAVAILABLE",
      "Für die Gegenseite ist noch nicht eingetragen, wo sie im Roll-out steht. Das Schreiben wartet.",
    );
  because.push(`participant ${participant.code}, facts of ${settings.participants.snapshot}`);
  for (const rule of ROLLOUT_RULES) {
    const obstacle = rule(participant, settings.federation.stage, now);
    if (obstacle !== undefined) return obstacle;
  }
  const { since } = participant.mailbox;
  because.push(
    `agreement ${participant.agreement}; account ${participant.account.state}; mailbox ${participant.mailbox.state}${since === undefined ? "" : ` since ${since}`}`,
  );
  return undefined;
}

type Found = Pick<Route, "transport" | "endpoint" | "certificates" | "by" | "level">;

function findNode(question: Question): Found | Obstacle {
  const { override, entity, because } = question;
  if (
    override === undefined &&
    entity !== undefined &&
    entity.mailbox === undefined &&
    entity.faults.length > 0
  )
    return broken(entity);
  const endpoint = override?.endpoint ?? entity?.mailbox?.endpoint;
  if (endpoint === undefined)
    return wait("NO_MAILBOX_NODE", "NO_MAILBOX_NODE", noticeFor("NO_MAILBOX_NODE"));
  const by = override === undefined ? "metadata" : "override";
  because.push(`endpoint by ${by}: ${endpoint}`);
  const transport = transportOf(question);
  if (typeof transport === "object") return transport;
  because.push(`transport ${transport}`);
  if (transport === "bsp-soap" && by === "metadata" && !mayCall(question, endpoint))
    return wait(
      "NODE_NOT_ALLOWED",
      "EGRESS_REFUSED",
      "Die Adresse des Postfachknotens ist noch nicht freigegeben. Das Schreiben wartet.",
    );
  const certificates = nodeCertificates(question);
  if (certificates.length === 0)
    return wait(
      "NO_CERTIFICATE",
      "CERTIFICATE_INVALID",
      "Zum Postfachknoten der Gegenseite liegt kein gültiges Zertifikat vor. Das Schreiben wartet.",
    );
  because.push(`${String(certificates.length)} valid certificate(s)`);
  const level = entity?.mailbox?.maxLevel;
  return { transport, endpoint, certificates, by, ...(level === undefined ? {} : { level }) };
}

function broken({ faults }: Entity): Obstacle {
  return wait(
    "ENTITY_INVALID",
    "INPUT_INVALID",
    `Die Angaben der Gegenseite in den Metadaten sind fehlerhaft (${(faults[0] ?? "").slice(0, 120)}). Das Schreiben wartet.`,
  );
}

/** Override, then what the roll-out facts say, then what the node itself publishes; the last two must agree. */
function transportOf(question: Question): TransportKind | Obstacle {
  const { override, participant, entity, profile } = question;
  if (override?.transport !== undefined) return override.transport;
  const configured = participant?.mailbox.adapter;
  const published = override === undefined ? entity?.mailbox?.adapter : undefined;
  if (configured !== undefined && published !== undefined && configured !== published)
    return wait(
      "ADAPTER_MISMATCH",
      "REMOTE_UNAVAILABLE",
      "Metadaten und Konfiguration nennen verschiedene Schnittstellen des Postfachknotens. Das Schreiben wartet.",
    );
  const adapter = configured ?? published ?? "";
  const transport = Object.hasOwn(profile.transports, adapter)
    ? profile.transports[adapter]
    : undefined;
  return (
    transport ??
    wait(
      "NO_TRANSPORT",
      "REMOTE_UNAVAILABLE",
      "Die Schnittstelle des Postfachknotens wird hier nicht gesprochen. Das Schreiben wartet.",
    )
  );
}

/** An address out of the metadata is called only where the operator allowed it: nobody listed reaches inner networks. */
function mayCall({ settings }: Question, endpoint: string): boolean {
  const { origin } = new URL(endpoint);
  const { nodes, overrides } = settings.federation;
  return [...nodes, ...overrides.map((it) => it.endpoint)].some(
    (allowed) => new URL(allowed).origin === origin,
  );
}

/** During a change both certificates of the entity count. */
function nodeCertificates({ override, entity, now }: Question): Route["certificates"] {
  if (override?.certificates !== undefined)
    return certificatesOf([override.certificates]).filter((it) => isCurrent(it, now));
  const uses = entity?.mailbox?.keyUses ?? [];
  const found = (entity?.keys ?? []).filter(
    ({ use, certificate }) =>
      (use === "both" || uses.length === 0 || uses.includes(use)) && isCurrent(certificate, now),
  );
  const unique = new Map(found.map(({ fingerprint, certificate }) => [fingerprint, certificate]));
  return [...unique.values()];
}
