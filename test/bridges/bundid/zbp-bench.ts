/** A bridge in front of a simulated ZBP, fresh for every test of a file. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Fault, ZbpSimulator } from "../../../fixtures/simulators/zbp/index.ts";
import type { Delivery } from "../../../src/bridge/contract.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import type { Message } from "../../../src/model/message.ts";
import { MAILBOX, makeBridge, makeKeys, never, senderSettings, startZbp } from "./bench.ts";
import type { Bench, Keys, Raw } from "./bench.ts";

export interface ZbpBed {
  keys: Keys;
  zbp: ZbpSimulator;
  bench: Bench;
  /** Another bridge with these sender settings and profile entries. */
  use(more: Raw, profile?: string): Promise<void>;
  replace(raw: Raw, options?: Parameters<typeof makeBridge>[2]): Promise<void>;
  send(letter: Message, signal?: AbortSignal): Promise<Delivery>;
  failure(letter: Message, signal?: AbortSignal): Promise<DeliveryError>;
  arm(fault: Fault): void;
}

/** Registers the hooks of a file; the returned object is filled before every test. */
export function useZbp(): ZbpBed {
  const bed: Partial<ZbpBed> & Pick<ZbpBed, "use" | "replace" | "send" | "failure" | "arm"> = {
    async replace(raw, options) {
      await get().bench.stop();
      bed.bench = makeBridge(get().keys, raw, options);
    },
    async use(more, profile) {
      const { keys, zbp } = get();
      const own = path.join(keys.folder, "profil.yaml");
      if (profile !== undefined) await writeFile(own, `extends: zbp-v6\n${profile}`);
      const raw = {
        sender: senderSettings(keys, zbp.url, more),
        ...(profile === undefined ? {} : { profile: `file:${own}` }),
      };
      await bed.replace(raw, { timeoutMs: 1_000 });
    },
    send: (letter, signal = never) => get().bench.bridge.deliver(letter, letter.id, signal),
    async failure(letter, signal = never) {
      const outcome = await bed.send(letter, signal).catch((error: unknown) => error);
      if (outcome instanceof DeliveryError) return outcome;
      throw new Error(`not a DeliveryError: ${JSON.stringify(outcome)}`, { cause: outcome });
    },
    arm: (fault) => get().zbp.faults.arm({ route: "send", ...fault }),
  };
  const get = (): ZbpBed => bed as ZbpBed;
  beforeAll(async () => void (bed.keys = await makeKeys()));
  afterAll(() => bed.keys?.remove());
  beforeEach(async () => {
    const { keys } = get();
    bed.zbp = await startZbp(keys);
    bed.zbp.createMailbox({ uuid: MAILBOX });
    bed.bench = makeBridge(keys, { sender: senderSettings(keys, bed.zbp.url) });
  });
  afterEach(async () => {
    await bed.bench?.stop();
    await bed.zbp?.close();
  });
  return get();
}
