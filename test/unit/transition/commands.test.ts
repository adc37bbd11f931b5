import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { BridgeSource } from "../../../src/config/load.ts";
import { createSilentLog } from "./silent-log.ts";
import { NOTICED_WITHIN_MS } from "../../../src/transition/active.ts";
import { planAtStart } from "../../../src/transition/applying.ts";
import type { Store } from "../../../src/store/store.ts";
import { install, type Installation } from "../cli/support.ts";
import { GOOD, sampleBridge } from "../config/sample.ts";
import { letter, mustFind } from "../../support/stores.ts";

/** The sample bridge, with readers in the old system. */
const bridges: BridgeSource = {
  available: () => ["sample"],
  load: () =>
    Promise.resolve({
      ...sampleBridge,
      capabilities: { ...sampleBridge.capabilities, legacyReaders: "forward" },
    }),
};
const withPhase = (phase: string, more = "") =>
  GOOD.replace("    title: First", `    phase: ${phase}\n    land: NW\n    title: First`) + more;
const cohort = (lines: string) => `transition:\n  cohorts:\n    - ${lines}\n`;

let site: Installation;
beforeEach(() => {
  site = install(withPhase("observe"), bridges);
});

const write = (text: string) => writeFileSync(site.file, text);
/** What a start does with the plan. */
const start = () =>
  inStore(async (store) => {
    const { log, lines } = createSilentLog();
    const plan = await planAtStart({ loaded: await site.load(), store, log, now: new Date() });
    return { plan, lines };
  });
const inStore = <T>(work: (store: Store) => Promise<T>): Promise<T> =>
  site.withStorage(({ store }) => work(store));

describe("plan", () => {
  test("before the first start there is nothing to look at", async () => {
    expect((await site.run("plan")).code).toBe(3);
  });

  test("shows what would change, and changes nothing", async () => {
    await start();
    write(withPhase("mirror", cohort("{ name: pilot, phase: matrix-first, share: 100 }")));
    await inStore((store) => store.putLink(link("m1"), new Date()));
    const before = await inStore((store) => store.newestPlan());
    const { code, document } = await site.json("plan");
    expect(code).toBe(0);
    expect(document).toMatchObject({
      replaces: { seq: 1 },
      order: [{ name: "pilot", phase: "matrix-first" }],
      difference: {
        accounts: [{ account: "first", from: "observe", to: "mirror" }],
        cohorts: [{ cohort: "pilot", change: "added" }],
      },
      effect: {
        mailboxes: 1,
        moved: [
          { direction: "inbound", from: "observe", to: "matrix-first", count: 1, examples: ["m1"] },
          { direction: "outbound", from: "observe", to: "matrix-first", count: 1 },
        ],
      },
    });
    expect(document["questions"]).toHaveLength(1);
    const { out } = await site.run("plan");
    expect(out).toContain("~ account first: observe → mirror");
    expect(out).toContain("open legal question: § 9 OZG");
    expect(await inStore((store) => store.newestPlan())).toEqual(before);
  });

  test("conflicts: named, exit 1, and apply refuses with 2", async () => {
    await start();
    write(withPhase("matrix"));
    const shown = await site.run("plan");
    expect(shown.code).toBe(1);
    expect(shown.out).toContain("go observe → mirror → matrix-first → matrix");
    const applied = await site.run("plan", "apply");
    expect(applied.code).toBe(2);
    expect(applied.err).toContain("observe → matrix is not one step");
    expect(await seq()).toBe(1);
    expect((await site.run("plan", "apply", "--jump")).code).toBe(0);
    expect(await seq()).toBe(2);
  });

  test("a wrong file changes nothing", async () => {
    await start();
    write(withPhase("miror"));
    const { code, err } = await site.run("plan", "apply");
    expect([code, err]).toEqual([2, expect.stringContaining('"miror" is not allowed')]);
    write(withPhase("observe"));
    expect(await seq()).toBe(1);
  });

  test("a cohort that names an unknown account or Land, and a turned time, are faults of the file", async () => {
    write(
      withPhase("observe", cohort("{ name: x, phase: mirror, accounts: [frist], lands: [BY] }")),
    );
    const { err } = await site.run("plan");
    expect(err).toContain("frist is not the account");
    expect(err).toContain("BY is not the Land of an account");
    write(
      withPhase(
        "observe",
        cohort("{ name: x, phase: mirror, from: 2026-12-02, until: 2026-12-01 }"),
      ),
    );
    expect((await site.run("plan")).err).toContain("must not lie before `from`");
    write(withPhase("observe", cohort("{ name: x, phase: mirror, from: 2026-02-30 }")));
    expect((await site.run("plan")).err).toContain("must be a day of the calendar");
  });
});

describe("apply, history, rollback", () => {
  test("forth and back, each step once, all of it in the audit log", async () => {
    await start();
    write(withPhase("mirror"));
    expect((await site.json("plan", "apply")).document).toMatchObject({ applied: { seq: 2 } });
    expect((await site.json("plan", "apply")).document).toMatchObject({ applied: false });
    const back = await site.run("plan", "rollback");
    expect(back.out).toContain("is in force as number 3");
    const { document } = await site.json("plan", "history");
    expect(document["plans"]).toMatchObject([
      { seq: 3, way: "rollback", by: expect.stringMatching(/^cli:/) as string },
      { seq: 2, way: "apply" },
      { seq: 1, way: "start", by: "start" },
    ]);
    const plans = document["plans"] as { planId: string }[];
    expect(plans[0]?.planId).toBe(plans[2]?.planId);
    const audit = await inStore((store) => store.listAudit({ subject: "plan", limit: 9 }));
    expect(audit.map(({ detail }) => detail?.["way"])).toEqual(["rollback", "apply", "start"]);
  });

  test("after a rollback a start does not apply the same file again; a changed one it does", async () => {
    await start();
    write(withPhase("mirror"));
    await site.run("plan", "apply");
    await site.run("plan", "rollback");
    expect((await start()).plan).toMatchObject({ seq: 3 });
    write(withPhase("mirror", cohort("{ name: x, phase: observe, share: 1 }")));
    expect((await start()).plan).toMatchObject({ seq: 4, way: "start" });
  });

  test("a file that is refused at a start leaves the plan in force, and the log says so", async () => {
    await start();
    write(withPhase("matrix"));
    const { plan, lines } = await start();
    expect(plan.seq).toBe(1);
    expect(lines).toContain("error plan-of-file-refused");
  });

  test("there is no rollback before the first plan, nor to one that never was", async () => {
    await start();
    expect((await site.run("plan", "rollback")).code).toBe(3);
    expect((await site.run("plan", "rollback", "--to", "9")).code).toBe(3);
  });

  test("--move-conversations begins a new time of binding", async () => {
    await start();
    const since = async () =>
      (await inStore((store) => store.newestPlan()))?.keepSince.getTime() ?? 0;
    expect(await since()).toBe(0);
    write(withPhase("mirror"));
    await site.run("plan", "apply");
    expect(await since()).toBe(0);
    const applied = Date.now();
    await site.run("plan", "apply", "--move-conversations");
    // Nodes that have not noticed yet decide by the plan before: what they bind meanwhile does not bind either.
    expect(await since()).toBeGreaterThanOrEqual(applied + NOTICED_WITHIN_MS);
  });
});

describe("explain", () => {
  test("names every rule, in order, and the plan", async () => {
    write(withPhase("observe", cohort("{ name: by, phase: mirror, mailboxes: file:list.txt }")));
    writeFileSync(join(site.folder, "list.txt"), "m2\n# comment\n");
    await start();
    const { document } = await site.json("plan", "explain", "--mailbox", "m2");
    expect(document).toMatchObject({
      steps: [{ rule: "by", matched: true }],
      now: { phase: "mirror", rule: "by" },
    });
    const { out } = await site.run("plan", "explain", "--mailbox", "m3");
    expect(out).toContain("by (mirror): the mailbox is not on the list of 1");
    expect(out).toContain("→ account (observe): no cohort matched");
  });

  test("of a letter: what was decided, and that it stays so", async () => {
    await start();
    const decision = { phase: "mirror", rule: "then" } as const;
    const item = letter({ account: "first", decision });
    await inStore((store) => store.accept([item], new Date()));
    write(withPhase("mirror"));
    await site.run("plan", "apply");
    write(withPhase("matrix-first"));
    await site.run("plan", "apply");
    const { id } = item.message;
    const { out } = await site.run("plan", "explain", "--message", id);
    expect(out).toMatch(/decided +mirror by then/);
    expect(out).toContain(
      "the conversation stays in mirror by then; the plan alone says matrix-first",
    );
    expect(await inStore((store) => mustFind(store, id))).toMatchObject(decision);
  });

  test("wrong questions", async () => {
    await start();
    expect((await site.run("plan", "explain")).code).toBe(64);
    expect((await site.run("plan", "explain", "--message", "none")).code).toBe(3);
    expect((await site.run("plan", "explain", "--mailbox", "m", "--account", "x")).code).toBe(3);
  });
});

describe("decommission", () => {
  test("names what is left; with nothing left it writes the report once and an audit entry", async () => {
    await start();
    const item = letter({ account: "first", decision: { phase: "mirror", rule: "r" } });
    await inStore(async (store) => {
      await store.accept([item], new Date());
      await store.recordSighting(
        { account: "first", sourceId: "s", digest: "d", rule: "r" },
        new Date(),
      );
    });
    const open = await site.json("decommission", "first");
    expect(open.code).toBe(1);
    expect((open.document["left"] as { what: string }[]).map(({ what }) => what)).toEqual([
      "the account is in phase observe and may take letters",
      "letters pending",
      "letters only counted, never acknowledged",
      "letters mirrored from the old mailbox and never acknowledged by us",
    ]);
    expect((await site.run("decommission", "nobody")).code).toBe(3);

    site = install(withPhase("drain"), bridges);
    await start();
    const out = join(site.folder, "closing.json");
    const closed = await site.json("decommission", "first", "-o", out);
    expect(closed).toMatchObject({ code: 0, document: { closed: true, left: [] } });
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(closed.document);
    expect((await site.run("decommission", "first", "-o", out)).code).toBe(4);
    const audit = await inStore((store) => store.listAudit({ subject: "first", limit: 9 }));
    expect(audit[0]).toMatchObject({
      action: "account-closed",
      detail: { report: closed.document["digest"] },
    });
    expect(existsSync(out)).toBe(true);
  });
});

function link(mailbox: string) {
  return {
    account: "first",
    mailbox,
    user: "@e:example.org",
    provenance: "admin",
    by: "op",
  } as const;
}
const seq = async () => (await inStore((store) => store.newestPlan()))?.seq;
