import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Bridge, BridgeDefinition } from "../../src/bridge/contract.ts";
import { DeliveryError, ERRORS } from "../../src/model/errors.ts";
import type { Message } from "../../src/model/message.ts";
import { RECEIPT_RANK } from "../../src/model/receipt.ts";
import { undescribed, withSurplus } from "./bridge-settings.ts";
import type { MemoryState, TestContext, TestContextOptions } from "../support/bridge-context.ts";

/**
 * What every bridge must keep, whoever wrote it (contract: src/bridge/contract.ts). A bridge's author supplies a subject:
 * the bridge in front of a remote system that can be told how to behave. Hooks that a system has no means for are left
 * out, and their tests with them.
 */
export interface BridgeSubject {
  readonly definition: BridgeDefinition;
  /** Once before everything, for keys and the like. */
  prepare?(): Promise<void>;
  cleanUp?(): Promise<void>;
  /** A fresh remote system and a bridge that is not started. `state`: goes on with what an earlier bench left. */
  open(hooks: BenchHooks): Promise<BridgeBench>;
}
export type BenchHooks = Pick<TestContextOptions<never>, "beforeAccept"> & {
  readonly state?: MemoryState;
};

/** ok: takes it. transient: refuses for now. permanent: for ever. unknown: takes it and hides that. silent: never answers. */
export type Behaviour = "ok" | "transient" | "permanent" | "unknown" | "silent";

export interface BridgeBench {
  readonly bridge: Bridge;
  readonly test: Pick<TestContext<unknown>, "state" | "log">;
  /** As it stands in the file of an operator. */
  readonly rawSettings: Readonly<Record<string, unknown>>;
  /** The way out. A new letter each time, with CANARY in every text and file name. */
  readonly outbound?: {
    letter(): Promise<Message>;
    /** For the next request that hands a letter over. */
    behave(behaviour: Behaviour): void;
    /** Letters that the remote system has. */
    count(): number;
  };
  /** The way in: the remote system offers a letter, always the same one, with CANARY in every text and file name. */
  readonly inbound?: {
    /** Resolves with whether the remote system was told that the letter is safe here. */
    offer(): Promise<boolean>;
    /** Before the first offer: how the letter is offered anew after an offer that was not acknowledged. Default: offer. */
    again?(): Promise<boolean>;
  };
  /** Late evidence that the remote system may send more than once. */
  readonly evidence?: { offer(): Promise<void> };
  /** A letter whose hand-over may be repeated: goes somewhere in our own keeping. `count`: how often it lies there. */
  readonly shelf?: { letter(): Promise<Message>; count(): Promise<number> };
  close(): Promise<void>;
}

export const CANARY = "KANARIENVOGEL-4711";

export function bridgeConformance(name: string, subject: BridgeSubject): void {
  describe(`bridge ${name}`, () => {
    beforeAll(() => subject.prepare?.());
    afterAll(() => subject.cleanUp?.());
    checkDefinition(subject);
    checkRunning(subject);
    checkOutbound(subject);
    checkInbound(subject);
    checkKeeping(subject);
  });
}

const never = new AbortController().signal;

/** Opens a bench for every test of a group and looks for canaries in its log afterwards. */
function useBench(subject: BridgeSubject, hooks: BenchHooks = {}): () => BridgeBench {
  let bench: BridgeBench | undefined;
  beforeEach(async () => void (bench = await subject.open(hooks)));
  afterEach(async () => {
    await bench?.close();
    const log = JSON.stringify(bench?.test.log);
    bench = undefined;
    expect(log, "content in the log").not.toContain(CANARY);
  });
  return () => {
    if (bench === undefined) throw new Error("no bench");
    return bench;
  };
}

function checkDefinition({ definition, open }: BridgeSubject): void {
  describe("definition", () => {
    it("has a name, a title, a way in or out", () => {
      expect(definition.name).toMatch(/^[a-z][a-z0-9-]{0,39}$/);
      expect(definition.title.length).toBeGreaterThan(10);
      expect(definition.capabilities.directions.length).toBeGreaterThan(0);
      expect(definition.capabilities.maxMessageBytes).toBeGreaterThan(0);
      for (const kind of definition.capabilities.receipts)
        expect(RECEIPT_RANK).toHaveProperty(kind);
    });
    it("has look-up fields whose patterns fit their own placeholders", () => {
      for (const { regexp, placeholder } of Object.values(definition.lookupFields))
        expect(placeholder).toMatch(new RegExp(`^(?:${regexp})$`));
    });
    it("names the hosts it talks to as base URLs", async () => {
      const bench = await open({});
      await bench.close();
      const settings = definition.schema.parse(bench.rawSettings);
      for (const remote of definition.remotes(settings)) expect(URL.canParse(remote)).toBe(true);
    });
    it("describes every setting in words", () => {
      const schema = z.toJSONSchema(definition.schema, { io: "input", unrepresentable: "any" });
      expect(undescribed(schema, "settings")).toEqual([]);
    });
    it("takes good settings and refuses every unknown key", async () => {
      const bench = await open({});
      const { rawSettings } = bench;
      await bench.close();
      expect(definition.schema.safeParse(rawSettings).success).toBe(true);
      for (const [place, changed] of withSurplus(rawSettings, "settings"))
        expect(definition.schema.safeParse(changed).success, `unknown key in ${place}`).toBe(false);
    });
  });
}

function checkRunning(subject: BridgeSubject): void {
  describe("running", () => {
    const bench = useBench(subject);
    it("stops unstarted, starts twice, stops twice, starts again", async () => {
      const { bridge } = bench();
      await bridge.stop();
      await bridge.start();
      await bridge.start();
      await bridge.stop();
      await bridge.stop();
      await bridge.start();
      await bridge.stop();
    });
    it("pings without leaving a trace", async () => {
      const { bridge, outbound, test } = bench();
      await bridge.start();
      const health = await bridge.ping(never);
      expect(health.ok).toBe(true);
      for (const certificate of health.certificates ?? [])
        expect(certificate.notAfter.getTime()).toBeGreaterThan(0);
      expect(outbound?.count() ?? 0).toBe(0);
      expect([test.state.accepted.length, test.state.reports.length]).toEqual([0, 0]);
    });
    it("finds nobody for nonsense, and the same for the same question", async () => {
      const { bridge } = bench();
      const ask = () => bridge.resolve?.("gibt es sicher nicht", never);
      expect((await ask()) ?? []).toEqual([]);
      expect(await ask()).toEqual(await ask());
    });
  });
}

async function failureOf(deliver: Promise<unknown>): Promise<DeliveryError> {
  const error = await deliver.then(
    () => new Error("it was delivered"),
    (caught: unknown) => caught,
  );
  if (!(error instanceof DeliveryError)) throw new Error("not a DeliveryError", { cause: error });
  expect(ERRORS).toHaveProperty(error.code);
  expect(error.notice.length).toBeGreaterThan(5);
  expect(error.message).not.toContain(CANARY);
  return error;
}

function checkOutbound(subject: BridgeSubject): void {
  describe("the way out", () => {
    const bench = useBench(subject);
    const out = (skip: () => void) => {
      const { bridge, outbound } = bench();
      if (outbound === undefined) skip();
      return { bridge, outbound: outbound as NonNullable<typeof outbound> };
    };
    it("hands a letter over", async ({ skip }) => {
      const { bridge, outbound } = out(skip);
      const letter = await outbound.letter();
      const delivery = await bridge.deliver(letter, letter.id, never);
      expect(delivery.remoteId).not.toBe("");
      expect(outbound.count()).toBe(1);
    });
    it.for(["transient", "permanent"] as const)(
      "calls a refusal %s when it is",
      async (behaviour, { skip }) => {
        const { bridge, outbound } = out(skip);
        outbound.behave(behaviour);
        const letter = await outbound.letter();
        const error = await failureOf(bridge.deliver(letter, letter.id, never));
        expect([error.fault, outbound.count()]).toEqual([behaviour, 0]);
      },
    );
    it("never calls a letter refused that the other side may have", async ({ skip }) => {
      const { bridge, outbound } = out(skip);
      outbound.behave("unknown");
      const letter = await outbound.letter();
      const error = await failureOf(bridge.deliver(letter, letter.id, never));
      const repeatable = subject.definition.capabilities.idempotentDelivery;
      expect(repeatable ? ["unknown", "transient"] : ["unknown"]).toContain(error.fault);
      const found = await bridge.find?.(letter, letter.id, never);
      expect(found).not.toBe("absent");
    });
    it("sends nothing when it is told to stop before", async ({ skip }) => {
      const { bridge, outbound } = out(skip);
      const letter = await outbound.letter();
      const error = await failureOf(bridge.deliver(letter, letter.id, AbortSignal.abort()));
      expect([error.fault, outbound.count()]).toEqual(["transient", 0]);
    });
    it("lets a silent remote system go when it is told to", async ({ skip }) => {
      const { bridge, outbound } = out(skip);
      outbound.behave("silent");
      const letter = await outbound.letter();
      const stop = new AbortController();
      const delivering = failureOf(bridge.deliver(letter, letter.id, stop.signal));
      setImmediate(() => stop.abort());
      expect(["unknown", "transient"]).toContain((await delivering).fault);
    });
    it("repeats nothing by itself", async ({ skip }) => {
      const { bridge, outbound } = out(skip);
      outbound.behave("unknown");
      const letter = await outbound.letter();
      await failureOf(bridge.deliver(letter, letter.id, never));
      expect(outbound.count()).toBeLessThanOrEqual(1);
    });
  });
}

function checkInbound(subject: BridgeSubject): void {
  describe("the way in", () => {
    const gate = { wait: Promise.resolve<unknown>(undefined), reached: () => {}, broken: false };
    const bench = useBench(subject, {
      beforeAccept: async () => {
        gate.reached();
        await gate.wait;
        if (gate.broken) throw new Error("the database is gone");
      },
    });
    beforeEach(() => {
      Object.assign(gate, { wait: Promise.resolve(), reached: () => undefined, broken: false });
    });
    const way = async (skip: () => void) => {
      const { bridge, inbound, test } = bench();
      if (inbound === undefined) skip();
      await bridge.start();
      const accepted = () => test.state.accepted.filter(({ origin }) => origin === "legacy").length;
      return { inbound: inbound as NonNullable<typeof inbound>, accepted };
    };
    it("accepts a letter and says so", async ({ skip }) => {
      const { inbound, accepted } = await way(skip);
      expect([await inbound.offer(), accepted()]).toEqual([true, 1]);
    });
    it("acknowledges nothing before it is accepted", async ({ skip }) => {
      const { inbound, accepted } = await way(skip);
      const release = Promise.withResolvers<undefined>();
      const reached = Promise.withResolvers<undefined>();
      Object.assign(gate, { wait: release.promise, reached: () => reached.resolve(undefined) });
      let acknowledged: boolean | undefined;
      const offering = inbound.offer().then((told) => (acknowledged = told));
      await reached.promise;
      expect([acknowledged, accepted()]).toEqual([undefined, 0]);
      release.resolve(undefined);
      expect([await offering, accepted()]).toEqual([true, 1]);
    });
    it("acknowledges nothing that could not be accepted, and takes it later", async ({ skip }) => {
      const { inbound, accepted } = await way(skip);
      gate.broken = true;
      expect([await inbound.offer(), accepted()]).toEqual([false, 0]);
      gate.broken = false;
      expect([await (inbound.again ?? inbound.offer)(), accepted()]).toEqual([true, 1]);
    });
    it("accepts a repeated letter once", async ({ skip }) => {
      const { inbound, accepted } = await way(skip);
      await inbound.offer();
      expect([await (inbound.again ?? inbound.offer)(), accepted()]).toEqual([true, 1]);
    });
    it("keeps the untouched bytes of what it accepts", async ({ skip }) => {
      const { inbound } = await way(skip);
      await inbound.offer();
      const { state } = bench().test;
      const digest = state.accepted.at(-1)?.message.original?.digest ?? "";
      expect(state.blobs.get(digest.slice("sha256:".length))?.length).toBeGreaterThan(0);
    });
  });
}

function checkKeeping(subject: BridgeSubject): void {
  describe("keeping", () => {
    const bench = useBench(subject);
    it("puts an answer on its shelf once, however often it is handed over", async ({ skip }) => {
      const { bridge, shelf } = bench();
      if (shelf === undefined) return skip();
      await bridge.start();
      const letter = await shelf.letter();
      const first = await bridge.deliver(letter, letter.id, never);
      const second = await bridge.deliver(letter, letter.id, never);
      expect([second.remoteId, await shelf.count()]).toEqual([first.remoteId, 1]);
    });
    it("reports repeated evidence once", async ({ skip }) => {
      const { bridge, evidence, test } = bench();
      if (evidence === undefined) return skip();
      await bridge.start();
      await evidence.offer();
      const told = test.state.reports.length;
      await evidence.offer();
      expect([told > 0, test.state.reports.length]).toEqual([true, told]);
    });
  });
}
