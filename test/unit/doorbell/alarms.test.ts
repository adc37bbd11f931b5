import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createAlarms } from "../../../src/doorbell/alarms.ts";

const DAY = 24 * 60 * 60 * 1000;
const rung: string[] = [];
const inMs = (ms: number) => new Date(Date.now() + ms);

beforeEach(() => {
  rung.length = 0;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

test("rings once, at its time", () => {
  const alarms = createAlarms((lane) => rung.push(lane));
  alarms.set("l-1", inMs(100));
  vi.advanceTimersByTime(99);
  expect(rung).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(rung).toEqual(["l-1"]);
  vi.advanceTimersByTime(DAY);
  expect(rung).toEqual(["l-1"]);
});

test("the earliest of several times counts, and the others are forgotten", () => {
  const alarms = createAlarms((lane) => rung.push(lane));
  for (const ms of [300, 100, 200]) alarms.set("l-1", inMs(ms));
  vi.advanceTimersByTime(100);
  expect(rung).toEqual(["l-1"]);
  vi.advanceTimersByTime(1_000);
  expect(rung).toEqual(["l-1"]);
  alarms.set("l-1", inMs(50));
  vi.advanceTimersByTime(50);
  expect(rung).toEqual(["l-1", "l-1"]);
});

test("counts further than a timer of Node can", () => {
  const alarms = createAlarms((lane) => rung.push(lane));
  alarms.set("l-1", inMs(60 * DAY));
  vi.advanceTimersByTime(60 * DAY - 1);
  expect(rung).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(rung).toEqual(["l-1"]);
});

test("a clock that was set back is waited for", () => {
  const alarms = createAlarms((lane) => rung.push(lane));
  const at = inMs(100);
  alarms.set("l-1", at);
  vi.setSystemTime(at.getTime() - 5_000);
  vi.advanceTimersByTime(100);
  expect(rung).toEqual([]);
  vi.advanceTimersByTime(5_000);
  expect(rung).toEqual(["l-1"]);
});

test("stopping rings nothing any more", () => {
  const alarms = createAlarms((lane) => rung.push(lane));
  alarms.set("l-1", inMs(10));
  alarms.stop();
  vi.advanceTimersByTime(DAY);
  expect(rung).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test("keeps no more lanes than its limit, but moves those it has", () => {
  const alarms = createAlarms((lane) => rung.push(lane), 3);
  for (let n = 0; n < 5; n += 1) alarms.set(`l-${String(n)}`, inMs(DAY));
  expect(vi.getTimerCount()).toBe(3);
  alarms.set("l-2", inMs(10));
  vi.advanceTimersByTime(DAY);
  expect(rung).toEqual(["l-2", "l-0", "l-1"]);
});
