/** The OSCI bridge as the conformance suite wants to see it: an account, an intermediary, a court. */
import osci from "../../../bridges/osci/index.ts";
import type {
  Intermediary,
  Mischief,
} from "../../../fixtures/simulators/osci-intermediary/index.ts";
import type { Message } from "../../../src/model/message.ts";
import { CANARY } from "../../conformance/bridge.ts";
import type {
  Behaviour,
  BenchHooks,
  BridgeBench,
  BridgeSubject,
} from "../../conformance/bridge.ts";
import {
  attach,
  clientOf,
  COURT_ID,
  deposit,
  letterTo,
  makeBridge,
  makeKeys,
  never,
  PDF,
  rawSettings,
  startHub,
  type Bench,
  type Keys,
} from "./flows-bench.ts";

type Misbehaviour = Exclude<Behaviour, "ok">;
const FAULTS: Readonly<Record<Misbehaviour, ["GetMessageId" | "StoreDelivery", Mischief]>> = {
  transient: ["GetMessageId", { kind: "status", status: 503 }],
  permanent: ["StoreDelivery", { kind: "feedback", codes: ["9706"] }],
  unknown: ["StoreDelivery", { kind: "acceptThenCut" }],
  silent: ["StoreDelivery", { kind: "delay", ms: 5_000 }],
};

export function osciSubject(): BridgeSubject {
  let made: Keys | undefined;
  const keysOf = (): Keys => {
    if (made === undefined) throw new Error("not prepared");
    return made;
  };
  return {
    definition: osci,
    prepare: async () => void (made = await makeKeys()),
    cleanUp: async () => made?.remove(),
    async open(hooks: BenchHooks) {
      const keys = keysOf();
      const hub = await startHub(keys);
      const raw = await rawSettings(keys, hub.url);
      const bench = makeBridge(keys, raw, hooks);
      return {
        bridge: bench.bridge,
        test: bench,
        rawSettings: raw,
        outbound: {
          letter: () => canaryLetter(bench),
          behave: (behaviour) => {
            if (behaviour !== "ok") hub.faults.next(...FAULTS[behaviour]);
          },
          count: () => hub.deliveries(keys.court.cipher.certPem).length,
        },
        inbound: offers(keys, bench, hub),
        evidence: { offer: () => collected(keys, bench, hub) },
        close: async () => {
          await bench.stop();
          await hub.close();
        },
      } satisfies BridgeBench;
    },
  };
}

async function canaryLetter(bench: Bench): Promise<Message> {
  const attachments = [await attach(bench, `${CANARY}.pdf`, "application/pdf", PDF)];
  return bench.state.add(letterTo(COURT_ID, { subject: CANARY, text: CANARY, attachments }));
}

/** Confirmed is what was fetched and followed by another request in the same dialog. */
function offers(keys: Keys, bench: Bench, hub: Intermediary): NonNullable<BridgeBench["inbound"]> {
  const again = async () => {
    await bench.tick().catch(() => undefined);
    return hub.waiting(keys.us.cipher.certPem).length === 0;
  };
  return {
    async offer() {
      const files = [{ name: `${CANARY}.pdf`, bytes: PDF }];
      await deposit(keys, hub, { subject: CANARY, text: CANARY, files });
      return again();
    },
    again,
  };
}

async function collected(keys: Keys, bench: Bench, hub: Intermediary): Promise<void> {
  if (hub.deliveries(keys.court.cipher.certPem).length === 0) {
    const letter = await canaryLetter(bench);
    await bench.bridge.deliver(letter, letter.id, never);
    const court = clientOf(hub, keys.court);
    await court.initDialog();
    await court.fetchDelivery();
    await court.exitDialog();
    court.close();
  }
  await bench.tick();
}
