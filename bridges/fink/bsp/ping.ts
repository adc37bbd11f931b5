import type { ClientTls, Health } from "../../../src/bridge/contract.ts";
import { describeError } from "../../../src/model/errors.ts";
import type { Route } from "../contract.ts";
import { healthOf, loadIdentity } from "./keys.ts";
import { trustOf } from "./tls.ts";
import type { BspParts } from "./transport.ts";

/** Nodes that one look asks; there are 17 participants. */
const MAX_NODES = 64;
/** A node that says nothing for so long is not reached, milliseconds. */
const NODE_MS = 4_000;
/** Named in the detail, at most. */
const MAX_NAMED = 5;
/** Characters of one fault. */
const MAX_FAULT = 120;

/**
 * Knocks at every node: a GET, which the service answers without doing anything. Any answer means that address, our
 * certificate and theirs fit. One node that is down is told and is no fault of this gateway; all of them together are.
 */
export async function pingNodes(
  parts: BspParts,
  tls: ClientTls,
  nodes: readonly Route[],
  signal: AbortSignal,
): Promise<Health> {
  const own = ownCertificate(parts.settings);
  const places = new Map(nodes.map((node) => [node.endpoint, node]));
  const asked = [...places.values()].slice(0, MAX_NODES);
  const faults = await Promise.all(
    asked.map(async (node) => {
      const fault = await knock(parts, tls, node, signal);
      const { host } = new URL(node.endpoint);
      if (fault === undefined) return [];
      return [fault.includes(host) ? fault : `${host}: ${fault}`];
    }),
  );
  const silent = faults.flat();
  const reached = asked.length - silent.length;
  const more = silent.length > MAX_NAMED ? `, and ${silent.length - MAX_NAMED} more` : "";
  const named = silent.length === 0 ? "" : ` (${silent.slice(0, MAX_NAMED).join(", ")}${more})`;
  const link =
    asked.length === 0
      ? "no mailbox node of BspNachricht to ask"
      : `${reached} of ${asked.length} mailbox nodes answer${named}`;
  const linked = asked.length === 0 || reached > 0;
  return { ...own, ok: own.ok && linked, detail: [own.detail ?? [], link].flat().join("; ") };
}

/** undefined: it answered. */
async function knock(
  { context, settings }: BspParts,
  tls: ClientTls,
  node: Route,
  signal: AbortSignal,
): Promise<string | undefined> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(NODE_MS)]);
  try {
    const request = { signal: limited, tls: { ...tls, ...trustOf(node, settings) } };
    const answer = await context.fetch(node.endpoint, request);
    await answer.body?.cancel();
    return undefined;
  } catch (error) {
    // Without the cause: the message holds its text.
    return error instanceof Error ? error.message.slice(0, MAX_FAULT) : describeError(error);
  }
}

function ownCertificate({ certificate, key, keyPassphrase }: BspParts["settings"]): Health {
  if (certificate === undefined || key === undefined) return { ok: true };
  const identity = loadIdentity(certificate, key, keyPassphrase, "soap");
  const ok = identity.certificate.validToDate > new Date();
  return {
    ok,
    ...(ok ? {} : { detail: "the client certificate has expired" }),
    certificates: [healthOf(identity.certificate, "client certificate for mailbox nodes")],
  };
}
