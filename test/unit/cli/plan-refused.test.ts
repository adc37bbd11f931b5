import { expect, test } from "vitest";
import { ERRORS, noticeFor } from "../../../src/model/errors.ts";
import { planAtStart } from "../../../src/transition/applying.ts";
import { T0 } from "../../support/stores.ts";
import { GOOD } from "../config/sample.ts";
import { install } from "./support.ts";
import { writeFileSync } from "node:fs";

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

test("a refused plan has a code of its own, says what to do, and leaves the one in force", async () => {
  const here = install();
  const loaded = await here.load();
  await here.withStorage(({ store }) => planAtStart({ loaded, store, log: silent, now: T0 }));
  writeFileSync(here.file, GOOD.replace("    title:", "    phase: mirror\n    title:"));
  const { code, err } = await here.run("plan", "apply");
  expect(code).toBe(2);
  expect(err).toContain("matrix → mirror is not one step");
  expect(err).toContain(`PLAN_REFUSED: ${ERRORS.PLAN_REFUSED.next}`);
  expect(await here.json("plan", "apply")).toMatchObject({
    code: 2,
    document: { error: { code: "PLAN_REFUSED", next: ERRORS.PLAN_REFUSED.next } },
  });
  const newest = await here.withStorage(({ store }) => store.newestPlan());
  expect(newest?.seq).toBe(1);
});

test("a first plan that contradicts itself is refused with the same code", async () => {
  const here = install(GOOD.replace("    title:", "    phase: mirror\n    title:"));
  const loaded = await here.load();
  await here.withStorage(async ({ store }) => {
    const start = planAtStart({ loaded, store, log: silent, now: T0 });
    await expect(start).rejects.toMatchObject({ code: "PLAN_REFUSED" });
    expect(await store.newestPlan()).toBeUndefined();
  });
});

test("the German notice says that nothing changed", () => {
  expect(noticeFor("PLAN_REFUSED")).toBe(
    "Die Umstellung bleibt, wie sie ist: Der neue Plan widerspricht sich.",
  );
});
