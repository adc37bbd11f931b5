import bundid from "../../bridges/bundid/index.ts";
import type { Fault, ZbpSimulator } from "../../fixtures/simulators/zbp/index.ts";
import { newId } from "../../src/model/id.ts";
import type { Message } from "../../src/model/message.ts";
import {
  attach,
  inletSettings,
  letterTo,
  MAILBOX,
  makeBridge,
  makeKeys,
  PDF,
  senderSettings,
  startZbp,
} from "../bridges/bundid/bench.ts";
import type { Bench, Keys } from "../bridges/bundid/bench.ts";
import { LETTER, letters, openInletBench } from "../bridges/bundid/inlet-bench.ts";
import { as4Subject } from "../bridges/fink/as4-subject.ts";
import { bspSubject } from "../bridges/fink/bsp-subject.ts";
import { osciSubject } from "../bridges/osci/conformance-subject.ts";
import { MemoryState } from "../support/bridge-context.ts";
import { deadPort } from "../support/dead-port.ts";
import { bridgeConformance, CANARY } from "./bridge.ts";
import type { Behaviour, BenchHooks, BridgeBench, BridgeSubject } from "./bridge.ts";

const FAULTS: Readonly<Record<Exclude<Behaviour, "ok">, Fault>> = {
  transient: { kind: "status", status: 503 },
  permanent: { kind: "status", status: 422 },
  unknown: { kind: "timeoutAfterAccept", socket: "destroy" },
  silent: { kind: "timeoutAfterAccept", socket: "hang" },
};

function keysOnce(): { get(): Keys; prepare(): Promise<void>; cleanUp(): Promise<void> } {
  let keys: Keys | undefined;
  return {
    get() {
      if (keys === undefined) throw new Error("not prepared");
      return keys;
    },
    prepare: async () => void (keys = await makeKeys()),
    cleanUp: async () => keys?.remove(),
  };
}

async function canaryLetter(bench: Bench, more: Partial<Message> = {}): Promise<Message> {
  const file = await attach(bench, `${CANARY}.pdf`, "application/pdf", PDF);
  return bench.state.add(
    letterTo(MAILBOX, { subject: CANARY, text: CANARY, attachments: [file], ...more }),
  );
}

/** The way to ZBP: letters out, replies and confirmation mails in. */
function senderSubject(): BridgeSubject {
  const keys = keysOnce();
  return {
    definition: bundid,
    prepare: keys.prepare,
    cleanUp: keys.cleanUp,
    async open(hooks: BenchHooks) {
      const mailPort = await deadPort();
      const zbp = await startZbp(keys.get(), { smtp: { host: "127.0.0.1", port: mailPort } });
      zbp.createMailbox({ uuid: MAILBOX });
      const rawSettings = {
        sender: senderSettings(keys.get(), zbp.url, { replies: { enabled: true } }),
        receipts: { listen: `127.0.0.1:${mailPort}`, domain: "gw.example" },
      };
      const bench = makeBridge(keys.get(), rawSettings, hooks);
      return {
        bridge: bench.bridge,
        test: bench,
        rawSettings,
        outbound: {
          letter: () => canaryLetter(bench),
          behave: (behaviour) => {
            if (behaviour !== "ok") zbp.faults.arm({ route: "send", ...FAULTS[behaviour] });
          },
          count: () => zbp.letters().length,
        },
        inbound: replyOffers(bench, zbp),
        evidence: { offer: () => openedMail(bench, zbp) },
        close: async () => {
          await bench.stop();
          await zbp.close();
        },
      } satisfies BridgeBench;
    },
  };
}

/** A reply is acknowledged for good (ACCEPTED) only after its letter was accepted and delivered. */
function replyOffers(bench: Bench, zbp: ZbpSimulator): NonNullable<BridgeBench["inbound"]> {
  let replyId: string | undefined;
  const pull = async () => {
    await bench.tick();
    const kept = letters(bench.state)[0];
    if (kept?.state === "pending") bench.state.settle(kept.message.id, "delivered");
    await bench.tick();
    return zbp.state.reply(replyId ?? "")?.status === "ACCEPTED";
  };
  return {
    async offer() {
      const letter = await canaryLetter(bench);
      const signal = new AbortController().signal;
      const { remoteId } = await bench.bridge.deliver(letter, letter.id, signal);
      const attachments = [{ filename: `${CANARY}.pdf`, mediaType: "application/pdf", bytes: PDF }];
      replyId ??= zbp.reply(remoteId, { text: CANARY, title: CANARY, attachments }).id;
      return pull();
    },
    again: pull,
  };
}

async function openedMail(bench: Bench, zbp: ZbpSimulator): Promise<void> {
  const [sent] = zbp.letters();
  if (sent === undefined) {
    const letter = await canaryLetter(bench);
    await bench.bridge.deliver(letter, letter.id, new AbortController().signal);
  }
  const { id, letter } = zbp.letters()[0] ?? {};
  const to = letter?.retrievalConfirmationAddress ?? "";
  const at = new Date().toISOString();
  const mail = { id: newId(), kind: "retrieved", to, letterId: id ?? "", at } as const;
  zbp.state.record({ type: "mailQueued", mail });
  await zbp.until(() => zbp.state.pendingMails.length === 0);
}

/** The inlet: letters of legacy systems in, answers of citizens back onto the shelf. */
function inletSubject(): BridgeSubject {
  const keys = keysOnce();
  return {
    definition: bundid,
    prepare: keys.prepare,
    cleanUp: keys.cleanUp,
    async open(hooks: BenchHooks) {
      const { state = new MemoryState(), ...options } = hooks;
      state.links.add(MAILBOX);
      const bench = await openInletBench(keys.get(), { state, options });
      await bench.bridge.stop();
      const letter = {
        ...LETTER,
        title: CANARY,
        content: CANARY,
        attachments: [{ filename: `${CANARY}.pdf`, mediaType: "application/pdf", bytes: PDF }],
      };
      let shelved: string | undefined;
      const offer = async () => (await bench.legacy.sendLetter(letter)).status === 200;
      const answer = async () => {
        if (letters(state).length === 0) await offer();
        const received = letters(state)[0]?.message;
        if (received === undefined) throw new Error("nothing came");
        const { conversation, from } = received;
        return canaryLetter(bench, {
          conversation,
          from: { address: MAILBOX, role: "citizen" },
          to: [from],
        });
      };
      return {
        bridge: bench.bridge,
        test: bench,
        rawSettings: { inlet: inletSettings(keys.get()) },
        inbound: { offer },
        shelf: { letter: answer, count: async () => (await bench.legacy.pullReplies()).length },
        evidence: {
          async offer() {
            const message = await answer();
            const signal = new AbortController().signal;
            shelved ??= (await bench.bridge.deliver(message, message.id, signal)).remoteId;
            await bench.legacy.setReplyStatus(shelved, "COLLECTED");
          },
        },
        close: bench.close,
      } satisfies BridgeBench;
    },
  };
}
bridgeConformance("bundid, to and from ZBP", senderSubject());
bridgeConformance("bundid, inlet", inletSubject());
bridgeConformance("osci", osciSubject());
bridgeConformance("fink, BspNachricht over SOAP", bspSubject());
bridgeConformance("fink, BspNachricht through an AS4 access point", as4Subject());
