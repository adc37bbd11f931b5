import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LegacyReader, Phase } from "../../../src/bridge/contract.ts";
import type { Store } from "../../../src/store/store.ts";
import { createDecider, type Decider } from "../../../src/transition/deciding.ts";
import { PHASE_NAMES, PHASES } from "../../../src/transition/phases.ts";
import type { Plan } from "../../../src/transition/plan.ts";
import { after, letter, openTestStore, T0 } from "../../support/stores.ts";
import { sketch } from "./plans.ts";

let store: Store;
let dispose: () => Promise<void>;
beforeEach(async () => ({ store, dispose } = await openTestStore()));
afterEach(() => dispose());

const decider = (plan: Plan, keepSince = T0): Decider =>
  createDecider({
    plans: { current: () => ({ seq: 2, planId: "p", plan, keepSince, binds: true }) },
    store,
    directory: { readersOf: () => Promise.resolve(["@erika:example.org"]) },
    now: () => after(10),
  });
const incoming = (more: Partial<Parameters<Decider["inbound"]>[0]> = {}) => ({
  account: "first",
  conversationId: "c1",
  mailbox: "m",
  answer: false,
  legacyReader: "forward" as LegacyReader,
  ...more,
});
const outgoing = { account: "first", conversationId: "c1", mailbox: "m", isAnswer: false };

/** A letter of account `first` in conversation c1 that was decided like this. */
function decided(phase: Phase, origin: "legacy" | "matrix" = "legacy", conversationId = "c1") {
  const decision = { phase, rule: "then" };
  return store.accept([letter({ account: "first", origin, conversationId, decision })], after(1));
}

describe("letters of the legacy side", () => {
  test.each<[Phase, LegacyReader, object]>([
    ["observe", "kept", { take: "sighting" }],
    ["observe", "forward", { take: "letter", destination: "legacy" }],
    ["observe", "none", { take: "refuse" }],
    ["mirror", "kept", { take: "letter", destination: "matrix" }],
    ["mirror", "forward", { take: "letter", destination: "legacy", copyTo: "matrix" }],
    ["mirror", "none", { take: "refuse" }],
    ["matrix-first", "kept", { take: "letter", destination: "matrix" }],
    ["matrix-first", "forward", { take: "letter", destination: "matrix", copyTo: "legacy" }],
    ["matrix-first", "none", { take: "letter", destination: "matrix" }],
    ["matrix", "kept", { take: "letter", destination: "matrix" }],
    ["matrix", "forward", { take: "letter", destination: "matrix" }],
    ["matrix", "none", { take: "letter", destination: "matrix" }],
    ["drain", "forward", { take: "refuse" }],
    ["off", "kept", { take: "refuse" }],
  ])("%s, legacy reader %s", async (phase, legacyReader, expected) => {
    const found = await decider(sketch({ phase })).inbound(incoming({ legacyReader }));
    expect(found).toMatchObject(expected);
    if (!("copyTo" in expected)) expect(found).not.toHaveProperty("copyTo");
    if (found.take === "letter") expect(found.decision).toMatchObject({ phase, rule: "account" });
  });

  test("a letter to somebody whom nobody reads here goes where the bridge said, but not when the account stands", async () => {
    const fixed = incoming({ fixed: "legacy" });
    for (const phase of ["observe", "mirror", "matrix-first", "matrix"] as const)
      expect(await decider(sketch({ phase })).inbound(fixed)).toEqual({
        take: "letter",
        destination: "legacy",
      });
    expect(await decider(sketch({ phase: "drain" })).inbound(fixed)).toMatchObject({
      take: "refuse",
    });
  });

  test("an answer to a letter of ours goes to Matrix in every phase but off", async () => {
    for (const phase of PHASE_NAMES) {
      const found = await decider(sketch({ phase })).inbound(
        incoming({ answer: true, legacyReader: "none" }),
      );
      expect(found.take).toBe(phase === "off" ? "refuse" : "letter");
    }
  });
});

describe("letters from Matrix", () => {
  test.each(PHASE_NAMES)("%s", async (phase) => {
    const { fromMatrix } = PHASES[phase];
    const one = await decider(sketch({ phase })).outbound(outgoing);
    const answer = await decider(sketch({ phase })).outbound({ ...outgoing, isAnswer: true });
    expect(one.take).toBe(
      { send: "letter", answers: "refuse", refuse: "refuse", wait: "wait" }[fromMatrix],
    );
    expect(answer.take).toBe(
      { send: "letter", answers: "letter", refuse: "refuse", wait: "wait" }[fromMatrix],
    );
    if (one.take === "refuse") expect(one.refuse.notice).toMatch(/nichts übermittelt/);
  });
});

describe("conversations", () => {
  test("keep the side that counts, and follow the plan on the same side", async () => {
    await decided("mirror");
    const to = (phase: Phase) => decider(sketch({ phase })).inbound(incoming());
    expect(await to("matrix-first")).toMatchObject({
      destination: "legacy",
      copyTo: "matrix",
      decision: { phase: "mirror", rule: "then", binding: { phase: "mirror" } },
    });
    expect(await to("observe")).toMatchObject({ decision: { phase: "observe", rule: "account" } });
    await decided("matrix");
    expect(await to("mirror")).toMatchObject({
      destination: "matrix",
      decision: { phase: "matrix" },
    });
    expect(await to("matrix-first")).toMatchObject({
      copyTo: "legacy",
      decision: { phase: "matrix-first" },
    });
  });

  test("both directions stay together: who got it in Matrix answers in Matrix", async () => {
    await decided("matrix");
    expect(await decider(sketch({ phase: "mirror" })).outbound(outgoing)).toMatchObject({
      take: "letter",
    });
    await decided("mirror", "legacy", "c2");
    const other = { ...outgoing, conversationId: "c2" };
    expect(await decider(sketch({ phase: "matrix" })).outbound(other)).toMatchObject({
      take: "refuse",
    });
  });

  test("cohorts that tell directions apart are bound by their own direction", async () => {
    await decided("mirror");
    const plan = sketch({
      phase: "mirror",
      cohorts: [{ name: "out", phase: "matrix", direction: "outbound" }],
    });
    expect(await decider(plan).outbound(outgoing)).toMatchObject({
      take: "letter",
      decision: { rule: "out" },
    });
    await decided("observe", "matrix");
    expect(await decider(plan).outbound(outgoing)).toMatchObject({ take: "refuse" });
  });

  test("are let go by the plan, by a later beginning, by nothing decided, and by the brake", async () => {
    await decided("mirror");
    const phase = "matrix-first";
    const follow = sketch({ phase, conversations: "follow" });
    expect(await decider(follow).inbound(incoming())).toMatchObject({ decision: { phase } });
    expect(await decider(sketch({ phase }), after(5)).inbound(incoming())).toMatchObject({
      decision: { phase },
    });
    expect(
      await decider(sketch({ phase })).inbound(incoming({ conversationId: "c9" })),
    ).toMatchObject({ decision: { phase } });
    expect(await decider(sketch({ phase: "drain" })).inbound(incoming())).toMatchObject({
      take: "refuse",
    });
  });

  test("drain leaves no mark: afterwards the conversation is where it was", async () => {
    await decided("matrix");
    await decided("drain", "matrix");
    expect(await decider(sketch({ phase: "mirror" })).inbound(incoming())).toMatchObject({
      decision: { phase: "matrix" },
    });
  });
});

test("rules about readers ask who reads the mailbox", async () => {
  const plan = sketch({
    phase: "mirror",
    cohorts: [{ name: "erika", phase: "matrix", users: ["@erika:example.org"] }],
  });
  expect(await decider(plan).inbound(incoming())).toMatchObject({
    decision: { phase: "matrix", rule: "erika" },
  });
});
