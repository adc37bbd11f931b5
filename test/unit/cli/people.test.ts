import { describe, expect, test } from "vitest";
import { GOOD } from "../config/sample.ts";
import { install, serve, type Installation } from "./support.ts";

const [ABSENT, DEPUTY] = ["@a:example.org", "@b:example.org"];
const CHAIRS = ["first", ABSENT, DEPUTY];
const UNTIL = "2099-12-14";
/** Midnight after that day in Germany. */
const END = "2099-12-14T23:00:00.000Z";

async function ready(): Promise<Installation> {
  const here = install();
  await here.withStorage(() => Promise.resolve());
  return here;
}

describe("links substitute", () => {
  test("begins, is listed, ends; each step is said and stands in the audit log", async () => {
    const here = await ready();
    const { code, out } = await here.run("links", "substitute", ...CHAIRS, "--until", UNTIL);
    expect(code).toBe(0);
    const [, id = ""] = /^([0-9a-f-]{36}): until (\S+)/.exec(out) ?? [];
    expect(out).toBe(
      `${id}: until ${END}\nthe gateway does not run; rooms follow within a minute of its start\n`,
    );
    const listed = await here.run("links", "substitutions");
    expect(listed.out).toMatch(/^ID +ACCOUNT +ABSENT +DEPUTY +FROM +UNTIL +BY\n/);
    expect(listed.out).toContain(`${id}  first    ${ABSENT}  ${DEPUTY}`);
    expect(listed.out).toContain(END);
    expect((await here.run("links", "end-substitution", id)).out).toBe(
      "ended\nthe gateway does not run; rooms follow within a minute of its start\n",
    );
    expect((await here.run("links", "substitutions")).out).toBe("nobody stands in for anybody\n");
    const again = await here.run("links", "end-substitution", id);
    expect(again.code).toBe(3);
    expect(again.err).toContain(`no substitution ${id} that is not over`);
    const { document } = await here.json("audit");
    const actions = (document["entries"] as { action: string }[]).map(({ action }) => action);
    expect(actions).toEqual(["substitution-ended", "substitution-added"]);
  });

  test("--json: one document for each", async () => {
    const here = await ready();
    const from = "2099-12-01";
    const begun = await here.json(
      "links",
      "substitute",
      ...CHAIRS,
      "--from",
      from,
      "--until",
      UNTIL,
    );
    const row = { account: "first", absent: ABSENT, deputy: DEPUTY, until: END };
    expect(begun).toMatchObject({
      code: 0,
      document: { ...row, from: "2099-11-30T23:00:00.000Z", rooms: false },
    });
    const { id } = begun.document;
    expect(
      (await here.json("links", "substitutions", "--account", "first")).document,
    ).toMatchObject({
      substitutions: [{ id, ...row }],
    });
    const other = await here.json("links", "substitutions", "--account", "second");
    expect(other.document).toEqual({ substitutions: [] });
    expect((await here.json("links", "end-substitution", String(id))).document).toEqual({
      ...{ id, ended: true, rooms: false },
    });
  });

  test.each([
    ["a day that does not exist", [...CHAIRS, "--until", "2099-02-30"], "until"],
    ["no end", CHAIRS, "--until"],
    [
      "an end before the begin",
      [...CHAIRS, "--from", UNTIL, "--until", "2099-12-01"],
      "ends before",
    ],
    ["an end in the past", [...CHAIRS, "--until", "2020-01-01"], "ends before"],
    ["oneself", ["first", ABSENT, ABSENT, "--until", UNTIL], "nobody stands in for themselves"],
    ["an unknown account", ["nowhere", ABSENT, DEPUTY, "--until", UNTIL], "known: first"],
    ["no Matrix user", ["first", "anna", DEPUTY, "--until", UNTIL], "absent"],
    ["a user of another server", ["first", ABSENT, "@b:other.org", "--until", UNTIL], "federate"],
    ["one of ours", ["first", ABSENT, "@_postfach_x:example.org", "--until", UNTIL], "itself"],
  ])("%s is refused in words, and nothing is stored", async (_what, args, words) => {
    const here = await ready();
    const { code, out, err } = await here.run("links", "substitute", ...args);
    expect([code === 2 || code === 64, out]).toEqual([true, ""]);
    expect(err).toContain(words);
    expect(err).not.toMatch(/ZodError|at .*\.ts:|\[\s*\{/);
    const { document } = await here.json("links", "substitutions");
    expect(document).toEqual({ substitutions: [] });
  });

  test.each([
    [true, "the rooms of this account were brought up to date"],
    [false, "the homeserver does not answer; rooms follow within a minute of its return"],
  ])("a running gateway is asked to let the rooms follow: %s", async (refreshed, words) => {
    const gateway = await serve(() => ({ json: { refreshed } }));
    const here = install(GOOD.replace("127.0.0.1:9010", `127.0.0.1:${gateway.port}`));
    await here.withStorage(() => Promise.resolve());
    const { out } = await here.run("links", "substitute", ...CHAIRS, "--until", UNTIL);
    expect(out).toContain(words);
    expect(gateway.asked.at(-1)).toBe("POST /api/v1/substitutions/refresh");
    await gateway.close();
  });
});

test("links add says when rooms follow later", async () => {
  const gateway = await serve(() => ({ json: { roomsRefreshed: 0, roomsLater: 1 } }));
  const here = install(GOOD.replace("127.0.0.1:9010", `127.0.0.1:${gateway.port}`));
  await here.withStorage(() => Promise.resolve());
  const { code, out } = await here.run("links", "add", "first", "m1", DEPUTY);
  expect(code).toBe(0);
  expect(out).toContain("the rooms of 1 mailboxes follow when the homeserver is back");
  await gateway.close();
});

describe("links history", () => {
  test("who was linked when and by whom, the newest first, of one mailbox or of all", async () => {
    const here = await ready();
    const add = ["links", "add", "first"];
    await here.run(...add, "m1", ABSENT, "--until", "2099-01-01T00:00:00Z", "--role", "Betreuerin");
    await here.run(...add, "m2", DEPUTY);
    await here.run("links", "remove", "first", "m1", ABSENT);
    const { out } = await here.run("links", "history", "first");
    const lines = out.trim().split("\n");
    expect(lines[0]).toMatch(/^AT +CHANGE +MAILBOX +USER +PROVENANCE +BY$/);
    expect(lines.slice(1).map((line) => line.split(/ {2,}/).slice(1, 4))).toEqual([
      ["removed", "m1", ABSENT],
      ["added", "m2", DEPUTY],
      ["added", "m1", ABSENT],
    ]);
    const { document } = await here.json("links", "history", "first", "--mailbox", "m1");
    expect(document["changes"]).toMatchObject([
      { change: "removed", role: "Betreuerin" },
      { change: "added", until: "2099-01-01T00:00:00.000Z", provenance: "admin" },
    ]);
    expect((await here.run("links", "history", "second")).out).toBe("no link was ever changed\n");
  });
});

describe("plan wishes", () => {
  test("without a plan, without a wish, with one, declined", async () => {
    const here = await ready();
    const none = await here.run("plan", "wishes");
    expect([none.code, none.out]).toEqual([3, ""]);
    await here.run("plan", "apply");
    expect((await here.run("plan", "wishes")).out).toBe("nobody wishes to move with a cohort\n");
    const { wishCohort } = await import("../../../src/people/wishes.ts");
    const wish = { account: "first", cohort: "pilot" };
    await here.withStorage(({ store }) => wishCohort(store, wish, "portal", new Date()));
    const { out } = await here.run("plan", "wishes");
    expect(out).toMatch(/^first +pilot +open +portal /m);
    expect((await here.run("plan")).out).toContain(
      "wishes that this plan does not fulfil: first → pilot (`plan wishes`)",
    );
    expect((await here.json("plan", "wishes")).document["wishes"]).toMatchObject([
      { ...wish, state: "open", by: "portal" },
    ]);
    expect((await here.run("plan", "decline", "first")).out).toBe(
      "the wish of first is declined\n",
    );
    expect((await here.run("plan", "decline", "first")).code).toBe(3);
    expect((await here.run("plan")).out).not.toContain("wishes");
  });
});
