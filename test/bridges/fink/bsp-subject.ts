import fink from "../../../bridges/fink/index.ts";
import { renderNachricht } from "../../../fixtures/simulators/postkorb/index.ts";
import type { Mischief } from "../../../fixtures/simulators/postkorb/index.ts";
import {
  attach,
  letterTo,
  MAILBOX,
  makeKeys,
  openServerBench,
  PDF,
  REMOTE_ADDRESS,
  startNode,
} from "./bench.ts";
import type { Keys } from "./bench.ts";
import { CANARY } from "../../conformance/bridge.ts";
import type {
  Behaviour,
  BenchHooks,
  BridgeBench,
  BridgeSubject,
} from "../../conformance/bridge.ts";

const MISCHIEF: Readonly<Record<Exclude<Behaviour, "ok">, Mischief>> = {
  transient: { kind: "quittung", status: "99", hints: CANARY },
  permanent: { kind: "quittung", status: "31", hints: CANARY },
  unknown: { kind: "acceptThenCut", socket: "destroy" },
  silent: { kind: "acceptThenCut", socket: "hang" },
};

/** BspNachricht over SOAP: letters to a node of the old platform, and the server to which legacy authorities write. */
export function bspSubject(): BridgeSubject {
  let keys: Keys | undefined;
  return {
    definition: fink,
    prepare: async () => void (keys = await makeKeys()),
    cleanUp: async () => keys?.remove(),
    async open(hooks: BenchHooks) {
      if (keys === undefined) throw new Error("not prepared");
      const node = await startNode(keys);
      const bench = await openServerBench(keys, { node: node.url }, hooks);
      await bench.bridge.stop();
      const letter = renderNachricht({
        mailbox: MAILBOX,
        subject: CANARY,
        text: CANARY,
        files: [{ name: `${CANARY}.pdf`, type: "application/pdf", bytes: PDF }],
      });
      return {
        bridge: bench.bridge,
        test: bench,
        rawSettings: bench.raw,
        outbound: {
          async letter() {
            const file = await attach(bench, `${CANARY}.pdf`, "application/pdf", PDF);
            const more = { subject: CANARY, text: CANARY, attachments: [file] };
            return bench.state.add(letterTo(REMOTE_ADDRESS, more));
          },
          behave: (behaviour) => {
            if (behaviour !== "ok") node.arm(MISCHIEF[behaviour]);
          },
          count: () => node.letters.length,
        },
        inbound: {
          offer: async () => (await bench.authority.sendNative(letter)).accepted === true,
        },
        close: async () => {
          await bench.stop();
          await node.close();
        },
      } satisfies BridgeBench;
    },
  };
}
