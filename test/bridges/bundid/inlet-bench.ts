/** An open inlet with legacy systems in front of it. */
import { createLegacySender } from "../../../fixtures/simulators/zbp/client.ts";
import type { LegacyLetter, LegacySender } from "../../../fixtures/simulators/zbp/client.ts";
import type { StoredIdentity } from "../../../fixtures/simulators/pki/index.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import { deadPort } from "../../support/dead-port.ts";
import { MemoryState } from "../../support/bridge-context.ts";
import type { KeptMessage, TestContextOptions } from "../../support/bridge-context.ts";
import type { Settings } from "../../../bridges/bundid/settings.ts";
import { inletSettings, MAILBOX, makeBridge, never, PDF } from "./bench.ts";
import type { Bench, Keys, Raw } from "./bench.ts";

export interface InletBench extends Bench {
  readonly url: string;
  readonly port: number;
  readonly legacy: LegacySender;
  as(identity: StoredIdentity): LegacySender;
  close(): Promise<void>;
}

export interface InletWish {
  readonly sender?: Raw;
  readonly inlet?: Raw;
  /** Settings beside `inlet`. */
  readonly more?: Raw;
  readonly state?: MemoryState;
  readonly options?: Partial<TestContextOptions<Settings>>;
}

export async function openInletBench(keys: Keys, wish: InletWish = {}): Promise<InletBench> {
  const port = await deadPort();
  const inlet = inletSettings(keys, wish.sender, { listen: `127.0.0.1:${port}`, ...wish.inlet });
  const state = wish.state ?? new MemoryState();
  const bench = makeBridge(keys, { ...wish.more, inlet }, { state, ...wish.options });
  await bench.bridge.start();
  const url = `https://127.0.0.1:${port}`;
  const open: LegacySender[] = [];
  const as = (identity: StoredIdentity) => {
    const made = createLegacySender({ baseUrl: url, caPem: keys.pki.ca.certPem, identity });
    open.push(made);
    return made;
  };
  const close = async () => {
    for (const sender of open) sender.close();
    await bench.stop();
  };
  return { ...bench, url, port, legacy: as(keys.legacy), as, close };
}

export const LETTER: LegacyLetter = {
  mailboxUuid: MAILBOX,
  title: "Nachforderung äöü 🏛️",
  content: "<p>Guten Tag,<br>bitte reichen Sie Unterlagen nach.</p>",
  service: "Bauvoranfrage",
  sender: "Stadt Beispielhausen, Bauamt",
  level: 3,
  senderUrl: "https://stadt.example/bauamt",
  reference: "AZ 12/34",
  routingInfo: "undurchsichtig-42",
  applicationId: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
  attachments: [
    { filename: "Bescheid über Gebühren.pdf", mediaType: "application/pdf", bytes: PDF },
  ],
};

export function letters(state: MemoryState): readonly KeptMessage[] {
  return state.accepted.filter(({ origin }) => origin === "legacy");
}

/** Plays the lanes: hands every pending letter to the bridge that is meant for the legacy side, one after another. */
export function runLanes(bench: Bench): () => Promise<void> {
  let stopped = false;
  const round = async () => {
    for (const kept of bench.state.accepted) {
      if (stopped || kept.destination !== "legacy" || kept.state !== "pending") continue;
      kept.state = "sending";
      const { id } = kept.message;
      try {
        const { remoteId } = await bench.bridge.deliver(kept.message, id, never);
        bench.state.settle(id, "delivered", { remoteId });
      } catch (error) {
        if (!(error instanceof DeliveryError)) throw error;
        const states = { transient: "pending", permanent: "failed", unknown: "unknown" } as const;
        bench.state.settle(id, states[error.fault], { code: error.code });
        if (error.fault === "transient") return;
      }
    }
  };
  let running = Promise.resolve();
  const onChange = () => void (running = running.then(round));
  bench.state.changed.on("change", onChange);
  onChange();
  return async () => {
    stopped = true;
    bench.state.changed.off("change", onChange);
    await running;
  };
}
