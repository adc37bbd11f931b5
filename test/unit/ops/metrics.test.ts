import { afterEach, beforeEach, expect, test } from "vitest";
import type { Store } from "../../../src/store/store.ts";
import { createMetrics } from "../../../src/ops/metrics.ts";
import { after, letter, openTestStore, T0 } from "../../support/stores.ts";

let store: Store;
let dispose: () => Promise<void>;
beforeEach(async () => {
  ({ store, dispose } = await openTestStore());
});
afterEach(() => dispose());

test("figures of the database are read when somebody looks, at most every five seconds", async () => {
  let now = T0;
  const metrics = createMetrics(store, () => now);
  expect(await metrics.render()).toContain("postfach_lanes_due 0");
  await store.accept([letter({ account: "first" })], T0);
  now = after(4_000);
  expect(await metrics.render()).not.toContain("postfach_letters{");
  now = after(60_000);
  const text = await metrics.render();
  expect(text).toContain('postfach_letters{account="first",origin="legacy",state="pending"} 1');
  expect(text).toContain('postfach_oldest_pending_seconds{account="first",origin="legacy"} 60');
  expect(text).toContain("postfach_store_up 1");
});

test("without a database the other figures are still there", async () => {
  const broken = { ...store, stats: () => Promise.reject(new Error("away")) };
  const metrics = createMetrics(broken, () => T0);
  metrics.countMatrix("events_swept");
  const text = await metrics.render();
  expect(text).toContain("postfach_store_up 0");
  expect(text).toContain("postfach_matrix_events_swept_total 1");
});

test("attempts, deliveries, failures, certificates", async () => {
  const metrics = createMetrics(store, () => T0);
  metrics.observeAttempt("first", "matrix", "transient", 0.2);
  metrics.observeDelivery("first", "matrix", 12);
  metrics.countTaskFailure("first");
  metrics.setCertificateExpiry("first", "client: Bauamt", new Date("2027-01-01T00:00:00Z"));
  const text = await metrics.render();
  for (const line of [
    'postfach_attempt_seconds_count{account="first",destination="matrix",outcome="transient"} 1',
    'postfach_delivery_seconds_bucket{le="15",account="first",destination="matrix"} 1',
    'postfach_task_failures_total{account="first"} 1',
    'postfach_certificate_expiry_timestamp_seconds{account="first",subject="client: Bauamt"} 1798761600',
  ])
    expect(text).toContain(line);
});
