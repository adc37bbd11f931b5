import { expect, test } from "vitest";
import { Turns, within } from "../../../src/doorbell/turns.ts";

test("first come, first served; a lane that rings again goes to the back of the line", async () => {
  const turns = new Turns(1);
  const order: string[] = [];
  const rings = ["a", "b", "a", "c"].map((lane) => turns.ring(lane));
  turns.start((lane) => {
    order.push(lane);
    if (order.length === 1) rings.push(turns.ring("a"));
    return Promise.resolve();
  });
  await Promise.all(rings);
  await Promise.all(rings);
  expect(order).toEqual(["a", "b", "c", "a"]);
});

test("a ring is over when a run that began after it has ended", async () => {
  const turns = new Turns(2);
  const ends: (() => void)[] = [];
  turns.start(() => new Promise((resolve) => ends.push(() => resolve())));
  let first = false;
  let second = false;
  const one = turns.ring("a").then(() => (first = true));
  await expect.poll(() => ends.length).toBe(1);
  const two = turns.ring("a").then(() => (second = true));
  ends[0]?.();
  await one;
  expect(first).toBe(true);
  expect(second).toBe(false);
  await expect.poll(() => ends.length).toBe(2);
  ends[1]?.();
  await two;
});

test("a lane behind running ones is not held up by them", async () => {
  const turns = new Turns(2);
  const begun: string[] = [];
  turns.start((lane) => {
    begun.push(lane);
    return lane === "slow" ? new Promise(() => undefined) : Promise.resolve();
  });
  void turns.ring("slow");
  await expect.poll(() => begun).toEqual(["slow"]);
  void turns.ring("slow");
  await turns.ring("quick");
  expect(begun).toEqual(["slow", "quick"]);
});

test("who is let in by somebody else waits for its own run only", async () => {
  const turns = new Turns(1);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  turns.start((lane) => {
    begun.push(lane);
    return new Promise((resolve) => ends.set(lane, () => resolve()));
  });
  void turns.ring("a");
  void turns.ring("b");
  void turns.admit("c");
  await expect.poll(() => begun).toEqual(["a", "c"]);
  const again = turns.admit("a");
  ends.get("c")?.();
  await expect.poll(() => begun).toEqual(["a", "c"]);
  ends.get("a")?.();
  await expect.poll(() => begun).toEqual(["a", "c", "a", "b"]);
  ends.get("a")?.();
  await again;
});

test("a ring after the stop is over at once and runs nothing", async () => {
  const turns = new Turns(1);
  const begun: string[] = [];
  turns.start((lane) => {
    begun.push(lane);
    return Promise.resolve();
  });
  await turns.stop(10);
  await turns.ring("a");
  expect(begun).toEqual([]);
});

test("what waits when it stops is let go", async () => {
  const turns = new Turns(1);
  const waiting = turns.ring("a");
  await turns.stop(10);
  await waiting;
});

test("within: waits for the work, or for its limit", async () => {
  await within(60_000, Promise.resolve());
  await within(60_000, Promise.reject(new Error("failed")));
  await within(1, new Promise(() => undefined));
});
