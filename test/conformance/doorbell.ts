import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Doorbell } from "../../src/doorbell/doorbell.ts";

/** One place where doorbells ring each other. */
export interface DoorbellBench {
  /** A node's doorbell, not yet started. */
  create(options: { concurrency: number }): Doorbell;
  dispose(): Promise<void>;
}

/** Notes who runs, and lets every run end when the test says so. */
export class Visits {
  readonly begun: string[] = [];
  readonly running = new Map<string, number>();
  readonly aborted: string[] = [];
  most = 0;
  overlaps = 0;
  private readonly held = new Map<string, () => void>();
  private readonly holding: boolean;

  constructor(options: { hold: boolean }) {
    this.holding = options.hold;
  }

  readonly handler = async (lane: string, signal: AbortSignal): Promise<void> => {
    this.begun.push(lane);
    if (this.running.has(lane)) this.overlaps += 1;
    this.running.set(lane, 1);
    this.most = Math.max(this.most, this.running.size);
    if (this.holding) {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      this.held.set(lane, () => resolve(undefined));
      const abort = () => {
        this.aborted.push(lane);
        resolve(undefined);
      };
      signal.addEventListener("abort", abort, { once: true });
      await promise;
    }
    this.running.delete(lane);
  };

  release(lane: string): void {
    const end = this.held.get(lane);
    if (!end) throw new Error(`lane ${lane} does not run`);
    this.held.delete(lane);
    end();
  }
  count(lane: string): number {
    return this.begun.filter((one) => one === lane).length;
  }
}

/** Waits until the condition holds; the test's own time limit ends it. */
export async function until(title: string, condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 20_000, interval: 5, message: title }).toBe(true);
}

/** What every doorbell must do. */
export function doorbellConformance(name: string, createBench: () => Promise<DoorbellBench>): void {
  describe(`${name}: the doorbell contract`, () => {
    let bench: DoorbellBench;
    let doorbell: Doorbell;
    beforeEach(async () => {
      bench = await createBench();
      doorbell = bench.create({ concurrency: 4 });
    });
    afterEach(async () => {
      await doorbell.stop(1_000);
      await bench.dispose();
    });

    test("a lane that rings is handled, and again when it rings again", async () => {
      const visits = new Visits({ hold: false });
      await doorbell.start(visits.handler);
      doorbell.ring("l-1");
      await until("handled", () => visits.count("l-1") === 1 && visits.running.size === 0);
      doorbell.ring("l-1");
      await until("handled again", () => visits.count("l-1") === 2);
      expect(await doorbell.health()).toEqual({ ok: true });
    });

    test("what rang before the start is handled after it", async () => {
      const visits = new Visits({ hold: false });
      doorbell.ring("early");
      await doorbell.start(visits.handler);
      doorbell.ring("late");
      await until("both", () => visits.begun.includes("late"));
    });

    test("a lane that rings while it runs is handled once more, however often it rang", async () => {
      const visits = new Visits({ hold: true });
      await doorbell.start(visits.handler);
      doorbell.ring("l-1");
      await until("first run", () => visits.count("l-1") === 1);
      for (let n = 0; n < 20; n += 1) doorbell.ring("l-1");
      doorbell.ring("other");
      await until("the other one runs beside it", () => visits.count("other") === 1);
      visits.release("l-1");
      await until("second run", () => visits.count("l-1") === 2);
      visits.release("l-1");
      doorbell.ring("last");
      await until("the last one", () => visits.count("last") === 1);
      await until("nothing of l-1 is left", () => !visits.running.has("l-1"));
      expect(visits.count("l-1")).toBe(2);
      expect(visits.overlaps).toBe(0);
    });

    test("no more lanes at once than allowed, and all of them in the end", async () => {
      const visits = new Visits({ hold: true });
      await doorbell.start(visits.handler);
      const lanes = Array.from({ length: 12 }, (_, n) => `l-${String(n)}`);
      for (const lane of lanes) doorbell.ring(lane);
      for (let done = 0; done < lanes.length; done += 1) {
        await until("somebody runs", () => visits.running.size > 0);
        const [lane] = visits.running.keys();
        visits.release(lane ?? "");
        await until("it has ended", () => !visits.running.has(lane ?? ""));
      }
      expect(visits.begun.toSorted()).toEqual(lanes.toSorted());
      expect(visits.most).toBeLessThanOrEqual(4);
    });

    test("rings at the time it was asked for, not before", async () => {
      const visits = new Visits({ hold: false });
      await doorbell.start(visits.handler);
      const at = new Date(Date.now() + 150);
      doorbell.ring("l-1", at);
      doorbell.ring("now");
      await until("the other one", () => visits.count("now") === 1);
      await until("it rings", () => visits.count("l-1") === 1);
      expect(Date.now()).toBeGreaterThanOrEqual(at.getTime());
    });

    test("a time that has passed rings at once", async () => {
      const visits = new Visits({ hold: false });
      await doorbell.start(visits.handler);
      doorbell.ring("l-1", new Date(Date.now() - 5_000));
      await until("it rings", () => visits.count("l-1") === 1);
    });

    test("the earliest time wins, in whatever order they were asked for", async () => {
      const visits = new Visits({ hold: false });
      await doorbell.start(visits.handler);
      const far = new Date(Date.now() + 3_600_000);
      const near = () => new Date(Date.now() + 50);
      doorbell.ring("later-first", far);
      doorbell.ring("later-first", near());
      doorbell.ring("sooner-first", near());
      doorbell.ring("sooner-first", far);
      await until("both ring", () => visits.begun.length === 2);
    });

    test("a ring now is not held up by one that was asked for later", async () => {
      const visits = new Visits({ hold: false });
      await doorbell.start(visits.handler);
      doorbell.ring("l-1", new Date(Date.now() + 3_600_000));
      doorbell.ring("l-1");
      await until("it rings", () => visits.count("l-1") === 1);
    });

    test("a time far away is no problem", async () => {
      const visits = new Visits({ hold: false });
      await doorbell.start(visits.handler);
      doorbell.ring("l-1", new Date(Date.now() + 90 * 24 * 3_600_000));
      doorbell.ring("l-2", new Date(8.64e15));
      doorbell.ring("now");
      await until("the other one", () => visits.count("now") === 1);
      expect(visits.begun).toEqual(["now"]);
    });

    test("stopping aborts and awaits what runs, and begins nothing more", async () => {
      const visits = new Visits({ hold: true });
      await doorbell.start(visits.handler);
      doorbell.ring("l-1");
      await until("it runs", () => visits.count("l-1") === 1);
      doorbell.ring("l-1");
      await doorbell.stop(5_000);
      expect(visits.aborted).toEqual(["l-1"]);
      expect(visits.running.size).toBe(0);
      doorbell.ring("l-2");
      doorbell.ring("l-3", new Date(Date.now() + 1));
      expect(visits.begun).toEqual(["l-1"]);
      await doorbell.stop(5_000);
    });

    test("stopping does not wait for ever", async () => {
      await doorbell.start(() => new Promise(() => undefined));
      doorbell.ring("l-1");
      await doorbell.stop(50);
    });

    test("a handler that throws against the rules takes nothing down", async () => {
      const visits = new Visits({ hold: false });
      await doorbell.start((lane, signal) => {
        if (lane === "bad") throw new Error("against the rules");
        return visits.handler(lane, signal);
      });
      doorbell.ring("bad");
      doorbell.ring("good");
      doorbell.ring("bad");
      await until("the good one", () => visits.count("good") === 1);
    });

    test("many lanes, each as often as needed", async () => {
      const visits = new Visits({ hold: false });
      await doorbell.start(visits.handler);
      const lanes = Array.from({ length: 300 }, (_, n) => `l-${String(n)}`);
      for (const lane of lanes) doorbell.ring(lane);
      await until("all of them", () => new Set(visits.begun).size === lanes.length);
      expect(visits.overlaps).toBe(0);
    });
  });
}
