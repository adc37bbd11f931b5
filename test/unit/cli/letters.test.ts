import { beforeAll, describe, expect, test } from "vitest";
import { T0, after, deliverHead, leaseOf, letter } from "../../support/stores.ts";
import { install, type Installation } from "./support.ts";

const CANARY = "Kanarienvogel-Inhalt";
const ESCAPE = "\u001b[31mred\u202e";

let here: Installation;
let delivered: string;
let failed: string;
let unknown: string;

beforeAll(async () => {
  here = install();
  await here.withStorage(async ({ store }) => {
    const secret = { subject: CANARY, text: CANARY, html: CANARY };
    const items = [
      letter({ account: "first", conversationId: "c1", message: secret }),
      letter({ account: "first", conversationId: "c2", sourceId: ESCAPE, message: secret }),
      letter({ account: "second", conversationId: "c3", message: secret }),
    ];
    [delivered = "", failed = "", unknown = ""] = items.map(({ message }) => message.id);
    for (const [n, item] of items.entries()) await store.accept([item], after(n * 60_000));
    const one = await leaseOf(store, "c1-matrix");
    await deliverHead(store, one, after(350));
    for (const [lane, id, outcome] of [
      ["c2-matrix", failed, "permanent"],
      ["c3-matrix", unknown, "unknown"],
    ] as const) {
      const now = after(180_000);
      const lease = await leaseOf(store, lane, { now });
      await store.beginAttempt(lease, id, now);
      const receipt = {
        kind: outcome === "unknown" ? "in-doubt" : "not-delivered",
        at: now,
      } as const;
      const code = outcome === "unknown" ? "OUTCOME_UNKNOWN" : "RECIPIENT_UNKNOWN";
      await store.settle(
        lease,
        id,
        { outcome, code, detail: "it said no", receipt },
        after(1_500, now),
      );
      await store.releaseLane(lease, after(1_500, now));
    }
  });
});

describe("list", () => {
  test("a table, the newest first, without content and without control characters", async () => {
    const { code, out, err } = await here.run("list");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const rows = out.trimEnd().split("\n");
    expect(rows[0]).toMatch(/^ID +ACCEPTED +ACCOUNT +FROM → TO +PHASE +STATE +TRIES +CODE$/);
    expect(rows.slice(1).map((row) => row.split(/ +/)[0])).toEqual([unknown, failed, delivered]);
    expect(rows[2]).toMatch(/ first +legacy → matrix +failed +1 +RECIPIENT_UNKNOWN$/);
    expect(out).not.toContain(CANARY);
  });

  test.each([
    [["--account", "second"], 1],
    [["--state", "failed"], 1],
    [["--state", "held"], 0],
    [["--from", "matrix"], 0],
    [["--conversation", "c1"], 1],
    [["--since", after(30_000).toISOString()], 2],
    [["--since", "2026-03-03"], 0],
    [["--limit", "2"], 2],
  ])("filter %s finds %i", async (args, count) => {
    const { code, document } = await here.json("list", ...args);
    expect(code).toBe(0);
    expect(document["letters"]).toHaveLength(count);
  });

  test("the oldest first, as JSON without content", async () => {
    const { out } = await here.run("list", "--json", "--oldest");
    const { letters } = JSON.parse(out) as { letters: { id: string; next?: string }[] };
    expect(letters.map(({ id }) => id)).toEqual([delivered, failed, unknown]);
    expect(letters[1]?.next).toContain("another channel");
    expect(out).not.toContain(CANARY);
  });

  test.each([
    [["--limit", "0"], "must be a number from 1 to 1000"],
    [["--since", "yesterday"], "must be a date such as"],
    [["--state", "lost"], "Allowed choices are pending"],
    [["--stat", "failed"], "Did you mean --state?"],
  ])("%s is a usage error", async (args, message) => {
    const { code, out, err } = await here.run("list", ...args);
    expect({ code, out }).toEqual({ code: 64, out: "" });
    expect(err).toContain(message);
    const json = await here.json("list", ...args);
    expect(json).toMatchObject({ code: 64, document: { error: { code: "USAGE" } } });
  });
});

describe("show and trace", () => {
  test("show: facts, no content, nothing that moves the cursor", async () => {
    const { out } = await here.run("show", failed);
    expect(out).toMatch(/^state +failed$/m);
    expect(out).toMatch(/^code +RECIPIENT_UNKNOWN$/m);
    expect(out).toMatch(/^source id +�\[31mred�$/m);
    expect(out).not.toContain(CANARY);
    expect(out).not.toContain("Erika");
  });

  test("trace: every hop in order, with spans and the next step", async () => {
    const { out } = await here.run("trace", failed);
    const steps = out.split("\n").filter((line) => line.startsWith("2026-"));
    expect(steps[0]).toMatch(/^2026-03-02T09:01:00\.000Z +accepted from legacy/);
    expect(steps[1]).toMatch(/^2026-03-02T09:03:00\.000Z +\+2 min 00 s +attempt 1 began/);
    expect(steps.find((step) => step.includes("attempt 1: permanent"))).toMatch(
      /\+1\.500 s +attempt 1: permanent: RECIPIENT_UNKNOWN: it said no/,
    );
    expect(out).toMatch(
      /failed after 2 min 01 s\. Next: tell the sender; choose another channel\n$/,
    );
    expect(out).not.toContain(CANARY);
    expect(out).not.toContain("\u001b");
  });

  test("trace as JSON", async () => {
    const { document } = await here.json("trace", delivered);
    expect(document).toMatchObject({
      id: delivered,
      state: "delivered",
      parts: [`$${delivered}`],
      next: "nothing, it arrived",
    });
    expect(document["steps"]).toMatchObject([{ step: "accepted from legacy" }, {}, {}, {}]);
  });

  test.each(["show", "trace", "resend"])(
    "%s of a letter that is not there: exit 3",
    async (command) => {
      const { code, err } = await here.run(command, "0192-nothing");
      expect(code).toBe(3);
      expect(err).toMatch(/letter 0192-nothing/);
      expect(err).toContain("NOT_FOUND: check the id or name");
      expect(await here.json(command, "0192-nothing")).toMatchObject({
        code: 3,
        document: { error: { code: "NOT_FOUND", next: "check the id or name" } },
      });
    },
  );
});

describe("resend, resolve and the audit log", () => {
  test("a delivered letter cannot be sent again: exit 4, nothing changed", async () => {
    const { code, err } = await here.run("resend", delivered);
    expect(code).toBe(4);
    expect(err).toContain("is delivered; it cannot be sent again");
  });

  test("each act changes the letter and is written down under the name of the user", async () => {
    expect(await here.json("resend", failed, "--as-new")).toEqual({
      code: 0,
      document: { id: failed, state: "pending", asNew: true },
    });
    expect((await here.run("resolve", unknown, "delivered")).out).toContain("its sender is told");
    expect((await here.run("resolve", unknown, "delivered")).code).toBe(4);
    expect((await here.run("resolve", unknown, "lost")).code).toBe(64);
    const { document } = await here.json("audit");
    expect(document["entries"]).toMatchObject([
      {
        action: "resolve-delivered",
        subject: unknown,
        actor: expect.stringMatching(/^cli:\S+$/) as string,
      },
      { action: "resend", subject: failed, actor: expect.stringMatching(/^cli:\S+$/) as string },
    ]);
    const { out } = await here.run("audit", "--subject", failed);
    expect(out.trimEnd().split("\n")).toHaveLength(2);
    expect((await here.run("audit", "verify")).out).toBe("✓ the chain is whole\n");
    expect((await here.run("trace", failed)).out).toMatch(/resend by cli:/);
  });

  test("a changed entry is found", async () => {
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(`${here.folder}/data/postfach.sqlite`);
    database.exec("UPDATE audit SET actor = 'somebody' WHERE seq = 1");
    database.close();
    const { code, document } = await here.json("audit", "verify");
    expect(code).toBe(1);
    expect(document).toMatchObject({ ok: false, broken: { seq: 1 } });
  });
});

test("commands neither create nor migrate the database", async () => {
  const fresh = install();
  const { code, err } = await fresh.run("list");
  expect(code).toBe(3);
  expect(err).toContain("`run` creates it");
  expect(T0).toBeInstanceOf(Date);
});
