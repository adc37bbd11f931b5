import { describe, expect, test } from "vitest";
import { decide, explain } from "../../../src/transition/cohorts.ts";
import { mailboxesOf, planIdOf, readPlan, writePlan } from "../../../src/transition/plan.ts";
import { bucketOf, inShare } from "../../../src/transition/share.ts";
import { letterTo, sketch } from "./plans.ts";

const NOON = new Date("2026-11-21T12:00:00Z");
const phaseOf = (
  ...[plan, facts, now = NOON]: [Parameters<typeof decide>[0], Parameters<typeof decide>[1], Date?]
) => decide(plan, facts, now).phase;

describe("share", () => {
  const keys = Array.from({ length: 20_000 }, (_, n) => `mailbox-${n}`);

  test("is the same every time: these buckets never change, or people would move", () => {
    expect(bucketOf("pilot", "mailbox-1")).toBe(9403);
    expect(bucketOf("pilot", "mailbox-2")).toBe(8818);
    expect(bucketOf("x", "mailbox-1")).toBe(784);
  });

  test("raising it takes nobody out; 0 is nobody and 100 is everybody", () => {
    const steps = [0, 0.01, 1, 5, 10, 33.33, 50, 99.99, 100];
    let before = new Set<string>();
    for (const percent of steps) {
      const now = new Set(keys.filter((key) => inShare("pilot", key, percent)));
      for (const key of before) expect(now.has(key)).toBe(true);
      expect(Math.abs(now.size / keys.length - percent / 100)).toBeLessThan(0.012);
      before = now;
    }
    expect(keys.filter((key) => inShare("pilot", key, 0))).toEqual([]);
    expect(before.size).toBe(keys.length);
  });

  test("two cohorts draw other people, a seed keeps them over a new name", () => {
    const a = keys.filter((key) => inShare("a", key, 10));
    const both = a.filter((key) => inShare("b", key, 10));
    expect(both.length / a.length).toBeLessThan(0.2);
    const plan = (name: string) =>
      sketch({ cohorts: [{ name, phase: "mirror", share: 10, seed: "one" }] });
    for (const key of keys.slice(0, 500))
      expect(phaseOf(plan("old"), letterTo(key))).toBe(phaseOf(plan("new"), letterTo(key)));
  });
});

describe("rules", () => {
  test("the first match wins, the order decides, the account stands behind all", () => {
    const cohorts = [
      { name: "one", phase: "mirror", services: ["Wohngeld"] },
      { name: "two", phase: "observe", lands: ["NW"] },
    ] as const;
    expect(decide(sketch({ cohorts: [...cohorts] }), letterTo("m"), NOON)).toEqual({
      phase: "mirror",
      rule: "one",
    });
    expect(decide(sketch({ cohorts: [...cohorts].reverse() }), letterTo("m"), NOON).rule).toBe(
      "two",
    );
    const other = letterTo("m", { service: "Bafög" });
    expect(decide(sketch({ cohorts: [cohorts[0]] }), other, NOON)).toEqual({
      phase: "matrix",
      rule: "account",
    });
  });

  test.each([
    ["lands", { lands: ["NW"] }, {}, { lands: ["BY"] }],
    ["accounts", { accounts: ["first"] }, {}, { accounts: ["second"] }],
    ["participants", { participants: ["P"] }, {}, { participants: ["Q"] }],
    ["services", { services: ["X"] }, { service: "X" }, { services: ["Y"] }],
    ["mailboxes", { mailboxes: ["a", "m", "z"] }, {}, { mailboxes: ["a", "z"] }],
    [
      "users",
      { users: ["@e:x.org"] },
      { users: ["@f:x.org", "@e:x.org"] },
      { users: ["@g:x.org"] },
    ],
    ["domains", { domains: ["x.org"] }, { users: ["@e:x.org"] }, { domains: ["y.org"] }],
    [
      "a domain with a port",
      { domains: ["x.org:8448"] },
      { users: ["@e:x.org:8448"] },
      { domains: ["x.org"] },
    ],
    ["direction", { direction: "outbound" }, { direction: "outbound" }, { direction: "inbound" }],
  ] as const)("%s", (_name, matching, facts, other) => {
    const plan = (conditions: object) =>
      sketch({
        accounts: [{ participant: "P" }],
        cohorts: [{ name: "c", phase: "mirror", ...conditions }],
      });
    expect(phaseOf(plan(matching), letterTo("m", facts))).toBe("mirror");
    expect(phaseOf(plan(other), letterTo("m", facts))).toBe("matrix");
    expect(phaseOf(plan({ ...matching, ...other, accounts: ["none"] }), letterTo("m", facts))).toBe(
      "matrix",
    );
  });

  test("an account without Land is in no cohort of a Land", () => {
    const { accounts } = sketch();
    const { land: _, ...without } = accounts[0] ?? { land: "" };
    const plan = {
      ...sketch({ cohorts: [{ name: "c", phase: "mirror", lands: ["NW"] }] }),
      accounts: [without],
    };
    expect(phaseOf(plan as never, letterTo("m"))).toBe("matrix");
  });

  test("from and until are days in Germany: from midnight there, to the end of the last day", () => {
    const plan = sketch({
      cohorts: [{ name: "c", phase: "mirror", from: "2026-12-01", until: "2026-12-31" }],
    });
    const at = (time: string) => phaseOf(plan, letterTo("m"), new Date(time));
    expect(at("2026-11-30T22:59:59.999Z")).toBe("matrix");
    expect(at("2026-11-30T23:00:00Z")).toBe("mirror");
    expect(at("2026-12-31T22:59:59.999Z")).toBe("mirror");
    expect(at("2026-12-31T23:00:00Z")).toBe("matrix");
    const summer = sketch({ cohorts: [{ name: "c", phase: "mirror", from: "2026-07-01" }] });
    expect(phaseOf(summer, letterTo("m"), new Date("2026-06-30T21:59:59Z"))).toBe("matrix");
    expect(phaseOf(summer, letterTo("m"), new Date("2026-06-30T22:00:00Z"))).toBe("mirror");
  });

  test.each(["off", "drain"] as const)("%s of an account stands above all cohorts", (phase) => {
    const plan = sketch({ phase, cohorts: [{ name: "c", phase: "matrix" }] });
    expect(decide(plan, letterTo("m"), NOON)).toEqual({ phase, rule: "account" });
    expect(explain(plan, letterTo("m"), NOON)[0]?.why).toContain("stands above all cohorts");
  });

  test("an account that the plan does not know takes nothing", () => {
    expect(decide(sketch(), letterTo("m", { account: "other" }), NOON).phase).toBe("off");
  });

  test("the explanation names every rule up to the one that decides, and the decision is the same", () => {
    const plan = sketch({
      cohorts: [
        { name: "by", phase: "observe", lands: ["BY"] },
        { name: "later", phase: "observe", from: "2027-01-01" },
        { name: "list", phase: "mirror", mailboxes: ["m"], share: 100 },
        { name: "never-asked", phase: "observe" },
      ],
    });
    const steps = explain(plan, letterTo("m"), NOON);
    expect(steps.map(({ rule, matched }) => [rule, matched])).toEqual([
      ["by", false],
      ["later", false],
      ["list", true],
    ]);
    expect(steps[0]?.why).toBe("Land NW is not one of BY");
    expect(steps[1]?.why).toBe("begins on 2027-01-01");
    expect(steps[2]?.why).toMatch(
      /^matches by mailboxes, share; the mailbox stands at \d+\.\d\d %/,
    );
    expect(decide(plan, letterTo("m"), NOON)).toEqual({ phase: "mirror", rule: "list" });
    expect(explain(plan, letterTo("n"), NOON).at(-1)?.rule).toBe("never-asked");
  });
});

describe("plan", () => {
  test("a list of mailboxes: comments, doubles, either case of a UUID, line ends of Windows", () => {
    const uuid = "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11";
    const text = `# pilot\r\n${uuid}\r\n${uuid.toLowerCase()}  # twice\r\n\r\n  DE.Justiz#1  \nz`;
    expect(mailboxesOf(text)).toEqual(["DE.Justiz#1", uuid.toLowerCase(), "z"]);
  });

  test("same plan, same id, whatever the order of keys; the order of cohorts is part of it", () => {
    const plan = sketch({
      cohorts: [
        { name: "a", phase: "mirror" },
        { name: "b", phase: "mirror" },
      ],
    });
    const turned = Object.fromEntries(Object.entries(plan).reverse()) as unknown as typeof plan;
    expect(planIdOf(turned)).toBe(planIdOf(plan));
    expect(planIdOf(readPlan(writePlan(plan)))).toBe(planIdOf(plan));
    expect(planIdOf({ ...plan, cohorts: [...plan.cohorts].reverse() })).not.toBe(planIdOf(plan));
  });
});
