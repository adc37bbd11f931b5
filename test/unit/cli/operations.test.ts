import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { T0, letter } from "../../support/stores.ts";
import { GOOD } from "../config/sample.ts";
import { inFolder, install, serve, type Installation } from "./support.ts";

const MAILBOX = "mailbox-1";

async function withHeldLetter(here: Installation): Promise<{ letterId: string; itemId: string }> {
  return here.withStorage(async ({ store }) => {
    const hold = { code: "RECIPIENT_UNLINKED", detail: "nobody reads it" } as const;
    const item = letter({ account: "first", hold });
    await store.accept([item], T0);
    const [held] = await store.listQuarantine({ limit: 1 });
    return { letterId: item.message.id, itemId: held?.id ?? "" };
  });
}
const stateOf = (here: Installation, id: string) =>
  here.withStorage(async ({ store }) => (await store.message(id))?.state);

describe("quarantine", () => {
  test("a held letter is listed and released", async () => {
    const here = install();
    const { letterId, itemId } = await withHeldLetter(here);
    const { out } = await here.run("quarantine", "list");
    expect(out).toMatch(
      new RegExp(`^${itemId} .* first +legacy +RECIPIENT_UNLINKED +${letterId} +nobody`, "m"),
    );
    expect(await here.json("quarantine", "release", itemId)).toEqual({
      code: 0,
      document: { id: itemId, state: "released", letter: letterId },
    });
    expect(await stateOf(here, letterId)).toBe("pending");
    expect((await here.run("quarantine", "release", itemId)).code).toBe(4);
    expect((await here.run("quarantine", "list")).out).toBe("nothing in quarantine\n");
    expect((await here.run("quarantine", "list", "--state", "released")).out).toContain(itemId);
  });

  test("a held letter is rejected", async () => {
    const here = install();
    const { letterId, itemId } = await withHeldLetter(here);
    expect((await here.run("quarantine", "reject", itemId)).out).toBe(`${itemId} is rejected\n`);
    expect(await stateOf(here, letterId)).toBe("rejected");
    expect((await here.run("quarantine", "reject", "nothing")).code).toBe(3);
  });

  test("what never became a letter is released by the running gateway, with its token", async () => {
    const gateway = await serve(() => ({ json: { id: "q", state: "released" } }));
    const here = install(GOOD.replace("127.0.0.1:9010", `127.0.0.1:${gateway.port}`));
    const input = {
      account: "first",
      side: "legacy",
      sourceId: "s",
      code: "INPUT_INVALID",
      detail: "?",
    } as const;
    const id = await here.withStorage(({ store }) => store.quarantine(input, T0));
    expect((await here.run("quarantine", "release", id)).code).toBe(0);
    expect(gateway.asked).toEqual([`POST /api/v1/quarantine/${id}/release`]);
    await gateway.close();
    const alone = await here.run("quarantine", "release", id);
    expect(alone.code).toBe(69);
    expect(alone.err).toContain("start it with `run`");
  });
});

describe("links", () => {
  const write = (here: Installation, text: string) => {
    const file = inFolder(here, "links.csv");
    writeFileSync(file, text);
    return file;
  };
  const stored = (here: Installation) =>
    here.withStorage(async ({ store }) =>
      (await store.listLinks({ limit: 100 })).map(
        ({ mailbox, user, provenance }) => `${mailbox} ${user} ${provenance}`,
      ),
    );

  test("a dry run shows the difference and changes nothing, the import does it and releases held letters", async () => {
    const here = install();
    const { letterId } = await withHeldLetter(here);
    const file = write(
      here,
      `account,mailbox,user\nfirst,${MAILBOX},@b:example.org\n\nfirst,"m,2",@c:example.org\n`,
    );
    const dry = await here.run("links", "import", file, "--dry-run");
    expect(dry.out).toBe(
      `+ first  ${MAILBOX}  @b:example.org\n+ first  m,2  @c:example.org\n2 would be added, 0 are there already; nothing was changed\n`,
    );
    expect(await stored(here)).toEqual([]);
    expect(await here.json("links", "import", file)).toEqual({
      code: 0,
      document: { added: 2, unchanged: 0, released: 1, rooms: false },
    });
    expect(await stored(here)).toEqual([
      "m,2 @c:example.org import",
      `${MAILBOX} @b:example.org import`,
    ]);
    expect(await stateOf(here, letterId)).toBe("pending");
    const { document } = await here.json("audit", "--subject", "links");
    expect(document["entries"]).toMatchObject([
      { action: "links-imported", detail: { added: 2, rows: 2 } },
    ]);
    const again = await here.json("links", "import", file, "--dry-run");
    expect(again.document).toMatchObject({ added: [], unchanged: 2 });
  });

  test("one bad line: nothing is taken, every bad line is named", async () => {
    const here = install();
    await here.withStorage(() => Promise.resolve());
    const file = write(
      here,
      [
        "mailbox;user;account",
        "m1;@a:example.org;first",
        "m2;joe;first",
        "m3;@a:other.org;first",
        "m4;@a:example.org;nowhere",
        "m5;@a:example.org",
        'm6;"@a:example.org;first',
        "m1;@a:example.org;first",
        ";@a:example.org;first",
        "m7;@_postfach_x:example.org;first",
      ].join("\r\n"),
    );
    const { code, out, err } = await here.run("links", "import", file);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(
      err
        .trimEnd()
        .split("\n")
        .map((line) => line.replace(`✗ ${file}:`, "")),
    ).toEqual([
      "7:1 — has quotes that do not match",
      "6:1 — has 2 values, the header has 3",
      "3:1 user — must be a Matrix user id such as @name:example.org",
      "4:1 — @a:other.org is not on example.org, and homeserver.federate is false",
      '5:1 — there is no account "nowhere"; known: first',
      "8:1 — is the same link as line 2",
      "9:1 mailbox — Too small: expected string to have >=1 characters",
      "10:1 — @_postfach_x:example.org belongs to the gateway itself; name a person",
      "8 problems",
    ]);
    expect(await stored(here)).toEqual([]);
  });

  test.each([
    ["JSON", '[{"account":"first","mailbox":"m1","user":"@a:example.org"}]', 0],
    ["a byte order mark", "\uFEFFaccount,mailbox,user\nfirst,m1,@a:example.org", 0],
    ["comments", "# of today\naccount,mailbox,user\n# one\nfirst,m1,@a:example.org", 0],
    ["no header", "first,m1,@a:example.org", 2],
    ["JSON that is none", '[{"account":', 2],
    ["a JSON object", '{"account":"first"}', 2],
    ["an unknown field", '[{"account":"first","mailbox":"m1","user":"@a:example.org","x":1}]', 2],
    ["nothing", "account,mailbox,user\n", 2],
  ])("%s", async (_what, text, expected) => {
    const here = install();
    await here.withStorage(() => Promise.resolve());
    const { code, err } = await here.run("links", "import", write(here, text));
    expect(code, err).toBe(expected);
    expect(await stored(here)).toHaveLength(expected === 0 ? 1 : 0);
  });

  test("add, list, remove; the running gateway is asked to bring the rooms up to date", async () => {
    const bodies: string[] = [];
    const gateway = await serve((_path, _method, body) => {
      if (body !== "") bodies.push(body);
      return { json: { ok: true } };
    });
    const here = install(GOOD.replace("127.0.0.1:9010", `127.0.0.1:${gateway.port}`));
    await here.withStorage(() => Promise.resolve());
    const add = await here.run("links", "add", "first", "m1", "@a:example.org");
    expect(add.out).toContain("1 added");
    expect(add.out).toContain("were brought up to date");
    expect(bodies).toEqual(['{"mailboxes":[{"account":"first","mailbox":"m1"}]}']);
    expect((await here.run("links", "list")).out).toMatch(
      /^first +m1 +@a:example.org +admin +cli:/m,
    );
    expect((await here.run("links", "remove", "first", "m1", "@a:example.org")).code).toBe(0);
    expect((await here.run("links", "remove", "first", "m1", "@a:example.org")).code).toBe(3);
    expect(await stored(here)).toEqual([]);
    await gateway.close();
  });

  test("a link of the configuration is removed there", async () => {
    const links = '    links: [{ mailbox: m9, user: "@a:example.org" }]\n    settings:\n';
    const here = install(GOOD.replace("    settings:\n", links));
    await here.withStorage(() => Promise.resolve());
    const { code, err } = await here.run("links", "remove", "first", "m9", "@a:example.org");
    expect(code).toBe(3);
    expect(err).toContain("this link stands in the configuration; remove it there");
  });
});

describe("registration", () => {
  test("is printed, or written for this user only and never over another file", async () => {
    const here = install();
    const { out } = await here.run("registration");
    expect(parse(out)).toMatchObject({
      id: "postfach-bridge",
      as_token: here.environment["AS"],
      hs_token: here.environment["HS"],
      protocols: ["sample"],
    });
    const file = inFolder(here, "registration.yaml");
    expect((await here.run("registration", "--out", file)).code).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(out);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, "mine");
    expect((await here.run("registration", "-o", file)).code).toBe(4);
    expect(readFileSync(file, "utf8")).toBe("mine");
    expect((await here.run("registration", "-o", file, "--force")).code).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(out);
    expect(existsSync(inFolder(here, "data"))).toBe(false);
  });
});

describe("open", () => {
  test("asks the running gateway for the room", async () => {
    const bodies: unknown[] = [];
    const gateway = await serve((path, _method, body) => {
      bodies.push(JSON.parse(body));
      return path === "/api/v1/conversations"
        ? { json: { conversation: "c-1", roomId: "!r:example.org" } }
        : { status: 404, json: {} };
    });
    const here = install(GOOD.replace("127.0.0.1:9010", `127.0.0.1:${gateway.port}`));
    const args = [
      "open",
      "first",
      "--to",
      "m1",
      "--name",
      "Erika",
      "--subject",
      "Antrag",
      "--reference",
      "AZ 1",
      "--level",
      "3",
    ];
    expect((await here.run(...args)).out).toBe("room !r:example.org\nconversation c-1\n");
    expect(bodies).toEqual([
      {
        account: "first",
        to: { address: "m1", name: "Erika" },
        subject: "Antrag",
        reference: "AZ 1",
        level: 3,
      },
    ]);
    await gateway.close();
    expect((await here.run(...args)).code).toBe(69);
    expect((await here.run("open", "first", "--to", "m1")).code).toBe(64);
    expect(
      (await here.run("open", "first", "--to", "m1", "--subject", "s", "--level", "5")).code,
    ).toBe(64);
  });

  test("an error of the gateway keeps its code", async () => {
    const gateway = await serve(() => ({
      status: 404,
      json: { code: "NOT_FOUND", message: "no such account" },
    }));
    const here = install(GOOD.replace("127.0.0.1:9010", `127.0.0.1:${gateway.port}`));
    const { code, document } = await here.json("open", "x", "--to", "m", "--subject", "s");
    expect({ code, document }).toMatchObject({
      code: 3,
      document: { error: { code: "NOT_FOUND", message: "no such account" } },
    });
    await gateway.close();
  });
});
