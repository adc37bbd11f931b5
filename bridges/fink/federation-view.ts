import { describeError, GatewayError } from "../../src/model/errors.ts";
import type { Route } from "./contract.ts";
import type { FederationSettings, RunningFederation } from "./federation/index.ts";

/** The federation as `ping` and `check` see it, and the nodes they may ask. */
export interface FederationView {
  readonly ok: boolean;
  readonly detail: string;
  readonly nodes: readonly Route[];
}

/**
 * Looks at the copy in use. Where there is none (a command that opens no store, a first start) the metadata are fetched
 * and verified as the gateway would, and nothing of them is kept.
 */
export async function viewFederation(
  federation: RunningFederation,
  { metadata }: FederationSettings,
  signal: AbortSignal,
): Promise<FederationView> {
  const { name, standing, entities, validUntil } = federation.state();
  const label = `federation ${name}`;
  if (metadata === undefined)
    return { ok: true, detail: `${label} (no metadata)`, nodes: federation.nodes() };
  if (standing !== "missing") {
    const ok = standing === "current" || standing === "old";
    const detail = `${label}: ${standing}, ${entities} entities${untilText(validUntil)}`;
    return { ok, detail, nodes: federation.nodes() };
  }
  try {
    const listed = await federation.probe(signal);
    const waits = `${label}: no copy here yet, and metadata come only as a file`;
    if (listed === undefined) return { ok: true, detail: waits, nodes: federation.nodes() };
    const until = untilText(listed.validUntil);
    const detail = `${label}: verified, ${listed.entities.size} entities${until}`;
    return { ok: true, detail, nodes: federation.nodes(listed) };
  } catch (error) {
    // Its message names the cause already.
    const text = error instanceof GatewayError ? error.message : describeError(error);
    const detail = `${label}: ${text}`;
    return { ok: false, detail, nodes: federation.nodes() };
  }
}

function untilText(date: Date | undefined): string {
  return date === undefined ? "" : `, until ${date.toISOString().slice(0, 16)}Z`;
}
