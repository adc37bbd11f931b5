import type {
  BridgeCommand,
  BridgeContext,
  CommandInput,
  CommandResult,
} from "../../../src/bridge/contract.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { FederationState } from "../contract.ts";
import { fingerprintOf } from "./certificates.ts";
import { createFederation, type RunningFederation } from "./federation.ts";
import { dateOf, type Participant } from "./participants.ts";
import { describePlanDate } from "./plan-date.ts";
import { NAMES } from "./rollout-rules.ts";
import type { FederationConfig } from "./settings.ts";
import { readPushed } from "./sources.ts";

/** `postfach-bridge fink …`. `pick` finds the two sections in the settings of an account. */
export function federationCommands<C>(
  pick: (config: C) => FederationConfig,
): readonly BridgeCommand<C>[] {
  const open = async (context: BridgeContext<C>, now: Date): Promise<RunningFederation> => {
    const settings = pick(context.config);
    const federation = createFederation({ context, settings, now: () => now });
    await federation.load();
    return federation;
  };
  return [
    {
      name: "participants",
      description: "Where every participant stands in the roll-out, and whether it is listed.",
      run: async (context, { now }) =>
        showParticipants(pick(context.config), await open(context, now)),
    },
    {
      name: "resolve",
      description: "Explains how a letter to a mailbox would go, or why it cannot.",
      arguments: [
        { name: "entityId", description: "entity id of the account" },
        { name: "mailbox", description: "reference of the mailbox there" },
      ],
      run: async (context, { arguments: given, now }) =>
        explain(await open(context, now), given["entityId"] ?? "", given["mailbox"] ?? ""),
    },
    {
      name: "refresh",
      description: "Takes the metadata now: fetched, or out of a file that was pushed.",
      options: [
        { name: "file", value: "metadata.xml", description: "take this file instead of fetching" },
        {
          name: "allow-older",
          description: "take a file that expires before the copy in use",
        },
      ],
      run: async (context, given) => refresh(await open(context, given.now), given),
    },
  ];
}

function stateLines({ name, standing, loadedAt, validUntil, lastFault }: FederationState) {
  const until = validUntil === undefined ? "" : `, valid until ${validUntil.toISOString()}`;
  const taken = loadedAt === undefined ? "" : `, last confirmed ${loadedAt.toISOString()}`;
  const fault = lastFault && [`last fault: ${lastFault.code}: ${lastFault.detail}`];
  return [`federation ${name}: metadata ${standing}${until}${taken}`, ...(fault ?? [])];
}

function showParticipants(
  { participants }: FederationConfig,
  federation: RunningFederation,
): CommandResult {
  const state = federation.state();
  const entities = federation.metadata?.entities ?? new Map();
  const views = participants.list.map((participant) => {
    const ids = participant.account.entityIds;
    const listed = ids.filter((id) => entities.has(id)).length;
    const removed = ids.filter((id) => Object.hasOwn(federation.gone, id)).length;
    return { participant, listed, removed };
  });
  return {
    document: {
      federation: state,
      snapshot: participants.snapshot,
      participants: views.map(({ participant, ...more }) => ({
        name: NAMES[participant.code],
        ...participant,
        ...more,
      })),
    },
    lines: [...stateLines(state), `roll-out facts of ${participants.snapshot}`, ""],
    table: {
      head: [
        ...["CODE", "PARTICIPANT", "AGREEMENT", "ACCOUNT", "MAILBOX", "COUPLED"],
        ...["ADAPTER", "LISTED", "REMARK"],
      ],
      rows: views.map(({ participant, listed, removed }) => [
        participant.code,
        NAMES[participant.code],
        participant.agreement === "none" ? "-" : participant.agreement.toUpperCase(),
        placeText(participant.account),
        placeText(participant.mailbox),
        participant.coupled ? "yes" : "",
        participant.mailbox.adapter ?? "",
        `${listed}/${participant.account.entityIds.length}${removed === 0 ? "" : ` (${removed} removed)`}`,
        remarkOf(participant),
      ]),
    },
    ok: state.standing !== "expired",
  };
}

/** `production 07/2020`, `planned (Q2 2021)`. */
function placeText(place: Participant["account"] | Participant["mailbox"]): string {
  const since = dateOf(place, place.since);
  const planned = dateOf(place, place.plannedFor);
  if (since !== undefined) return `${place.state} ${describePlanDate(since)}`;
  return planned === undefined ? place.state : `${place.state} (${describePlanDate(planned)})`;
}

function remarkOf({ blockedBecause, successor, postalFallback }: Participant): string {
  const parts = [
    ...(blockedBecause === null ? [] : [`blocked: ${blockedBecause}`]),
    ...(successor === undefined ? [] : [`successor ${successor.code} from ${successor.from}`]),
    ...(postalFallback ? ["by post"] : []),
  ];
  return parts.join("; ");
}

function explain(federation: RunningFederation, entityId: string, mailbox: string): CommandResult {
  const decision = federation.resolve(entityId, mailbox);
  const state = federation.state();
  const steps = decision.because.map((step, index) => `${index + 1}. ${step}`);
  if (decision.kind === "none") {
    const { reason, code, outlook, explanation } = decision;
    const fate = outlook === "wait" ? "the letter waits" : "the sender is told";
    const lines = [...stateLines(state), ...steps, "", `${reason} (${code}; ${fate})`, explanation];
    return { document: { federation: state, decision }, lines, ok: false };
  }
  const { certificates, ...route } = decision.route;
  const shown = certificates.map((certificate) => ({
    subject: certificate.subject.replaceAll("\n", ", "),
    notAfter: certificate.validToDate,
    sha256: fingerprintOf(certificate),
  }));
  const goes = `goes to ${NAMES[route.participant as Participant["code"]] ?? "a node outside of the federation"} by ${route.transport}: ${route.endpoint}`;
  return {
    document: {
      federation: state,
      decision: { ...decision, route: { ...route, certificates: shown } },
    },
    lines: [
      ...stateLines(state),
      ...steps,
      "",
      goes,
      ...shown.map(({ subject, notAfter, sha256 }) =>
        ["certificate", subject, `until ${notAfter.toISOString()}`, sha256].join("  "),
      ),
    ],
  };
}

async function refresh(
  federation: RunningFederation,
  { options, signal }: CommandInput,
): Promise<CommandResult> {
  const { file } = options;
  const allowOlder = options["allow-older"] === "true";
  if (file === undefined) {
    if (allowOlder)
      throw new GatewayError("NOT_ALLOWED", "--allow-older needs --file: look at what you take");
    return taken(await federation.refresh(signal));
  }
  const bytes = await readPushed(file);
  if (bytes === undefined) throw new GatewayError("NOT_FOUND", `${file} does not exist`);
  return taken(await federation.take(bytes, { allowOlder }, signal));
}

function taken(state: FederationState): CommandResult {
  const note = `${state.entities} entities; a running gateway follows within seconds`;
  return { document: { federation: state }, lines: [...stateLines(state), note] };
}
