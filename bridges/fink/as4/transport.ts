import { randomUUID, X509Certificate } from "node:crypto";
import type { CertificateHealth, Health } from "../../../src/bridge/contract.ts";
import { describeError } from "../../../src/model/errors.ts";
import { createAccessPoint } from "./access-point.ts";
import type { AccessPoint } from "./access-point.ts";
import { Admission } from "./admission.ts";
import { stageOf } from "./codes.ts";
import type { As4Parts, As4Transport } from "./contract.ts";
import { Debts } from "./debts.ts";
import { createIdentity } from "./identity.ts";
import { Intake } from "./intake.ts";
import { Ledger } from "./ledger.ts";
import { Sender } from "./sender.ts";
import type { As4Settings } from "./settings.ts";
import { Watch } from "./watch.ts";

/** The transport `as4-access-point`: letters through the backend interface of an AS4 access point. */
export function createAs4Transport(parts: As4Parts): As4Transport {
  const { context, settings, profile } = parts;
  const ledger = new Ledger(context.records);
  const identity = createIdentity(context, settings.domain);
  const accessPoint = createAccessPoint(context, settings, profile);
  const sender = new Sender(parts, accessPoint, ledger, identity);
  const intake = new Intake(parts, accessPoint, ledger, new Admission(parts, ledger));
  const debts = new Debts(parts, accessPoint, ledger, identity);
  const watch = new Watch(parts, accessPoint, ledger);
  let stopped = false;
  let polled = false;
  const rounds = [intake, debts, watch];
  const poll = async (signal: AbortSignal) => {
    const faults: Error[] = [];
    for (const part of rounds) {
      if (stopped || signal.aborted) return;
      // One that fails must not keep the others from their work; all faults are reported.
      await part.round(signal).catch((error: unknown) => {
        faults.push(error instanceof Error ? error : new Error(String(error)));
      });
    }
    const [first, ...others] = faults;
    for (const error of others)
      context.log.warn({ error: describeError(error) }, "as4-round-failed");
    if (first !== undefined) throw first;
  };
  return {
    async start() {
      stopped = false;
      // Once: what the gateway repeats for us it stops by itself, and a second start must not double it.
      if (!polled) context.every(settings.pollEvery, poll);
      polled = true;
    },
    stop: async () => void (stopped = true),
    poll,
    deliver: (message, route, deliveryId, signal) =>
      sender.deliver(message, route, deliveryId, signal),
    find: (_message, _route, deliveryId, signal) => sender.find(deliveryId, signal),
    readmit: (item, signal) => intake.readmit(item, signal),
    dismiss: (item) => intake.dismiss(item),
    ping: (signal) => ping(accessPoint, settings, signal),
  };
}

/** Asks for the state of a message that cannot exist: link, credentials and operation in one, without an effect. */
async function ping(
  accessPoint: AccessPoint,
  settings: As4Settings,
  signal: AbortSignal,
): Promise<Health> {
  const certificates = certificatesOf(settings);
  try {
    const { status } = await accessPoint.status(`${randomUUID()}@ping.invalid`, signal);
    if (stageOf(status) === "absent") return { ok: true, ...certificates };
    return {
      ok: false,
      detail: `an unknown message has state ${status.slice(0, 40)}`,
      ...certificates,
    };
  } catch (error) {
    return { ok: false, detail: describeError(error), ...certificates };
  }
}

function certificatesOf({ certificate }: As4Settings): {
  certificates?: readonly CertificateHealth[];
} {
  if (certificate === undefined) return {};
  const { subject, validToDate } = new X509Certificate(certificate.bytes);
  const health = { subject, purpose: "access point (client)", notAfter: validToDate };
  return { certificates: [health] };
}
