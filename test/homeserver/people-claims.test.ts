import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../../deploy/demo/gateway.ts";
import { letterBlock, type Reader } from "../../deploy/demo/reader.ts";
import { ACCOUNT, BEN_MAILBOX, CLARA_MAILBOX } from "../../deploy/demo/worlds/bundid.ts";
import { codeFor, startPeopleStack, type PeopleStack } from "./people-stack.ts";

/** A proof of possession through the real bridge: the code is read in the BundID mailbox and nowhere else. */
const LONG_MS = 60_000;
const KEEPER = "@_postfach_keeper:demo.localhost";
const WRONG = "00000-00000";
let site: PeopleStack;

beforeAll(async () => {
  site = await startPeopleStack("claims");
  await site.restart({ claimsInRoom: "request" });
}, LONG_MS);
afterAll(async () => {
  await site.stack.close();
  rmSync(site.dir, { recursive: true, force: true });
});

const claims = "/api/v1/people/claims";
const userOf = (reader: Reader) => reader.client.userId;
const claim = (mailbox: string, user: string) =>
  site.ask(claims, { account: ACCOUNT, mailbox, user });
const give = async (id: unknown, user: string, code: string) =>
  (await site.ask(`${claims}/confirm`, { id, user, code })).json["result"];
const linksOf = async (mailbox: string) => {
  const { json } = await site.ask(`/api/v1/links?account=${ACCOUNT}`);
  return (json["links"] as Record<string, unknown>[]).filter((link) => link["mailbox"] === mailbox);
};
const auditOf = async (mailbox: string): Promise<string[]> => {
  const subject = `${ACCOUNT}/${mailbox}`;
  const args = ["--config", site.stack.written.configFile, "--json", "audit", "--subject", subject];
  const { output } = await runCli(args);
  const { entries } = JSON.parse(output) as { entries: { action: string }[] };
  return entries.map(({ action }) => action);
};

test(
  "the code from the old mailbox links, opens the room that is there, and stands in the audit log",
  async () => {
    const { clara } = site.stack;
    const carer = await site.stack.person("betreuer");
    const letter = await site.send({
      ...{ mailbox: CLARA_MAILBOX, reference: "C-1", content: "Für Clara und wer sie betreut" },
    });
    const isLetter = (it: Parameters<typeof letterBlock>[0]) =>
      letterBlock(it)?.["message_id"] === letter;
    const { roomId } = await clara.waitFor("the letter", isLetter);
    const { json, status } = await claim(CLARA_MAILBOX, userOf(carer));
    expect(status).toBe(200);
    const code = await codeFor(site, CLARA_MAILBOX);
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
    expect(JSON.stringify(json)).not.toContain(code);
    expect(await give(json["id"], userOf(carer), WRONG)).toBe("wrong-code");
    expect(await give(json["id"], userOf(clara), code)).toBe("unknown");
    expect(await linksOf(CLARA_MAILBOX)).toEqual([]);
    expect(await give(json["id"], userOf(carer), code)).toBe("linked");
    expect(await linksOf(CLARA_MAILBOX)).toMatchObject([
      { user: userOf(carer), provenance: "claim", by: "demo" },
    ]);
    const opened = await carer.waitFor("the room", (_it, room) => room === roomId);
    expect(opened.roomId).toBe(roomId);
    expect(await give(json["id"], userOf(carer), code), "only once").toBe("closed");
    const wanted = ["claim-proved", "link-added", "claim-wrong-code", "claim-requested"];
    expect(await auditOf(CLARA_MAILBOX)).toEqual(wanted);
    // The letter with the code is nobody's letter in Matrix.
    const seen = [...clara.rooms.values(), ...carer.rooms.values()].flat();
    expect(JSON.stringify(seen)).not.toContain(code);
  },
  LONG_MS,
);

test(
  "guessing ends, time ends, a new code makes the old one worthless, and codes are limited",
  async () => {
    const eve = await site.stack.person("eve");
    const first = (await claim(BEN_MAILBOX, userOf(eve))).json["id"];
    const firstCode = await codeFor(site, BEN_MAILBOX, 1);
    const second = (await claim(BEN_MAILBOX, userOf(eve))).json["id"];
    expect(await give(first, userOf(eve), firstCode), "replaced by the second").toBe("closed");
    for (let n = 1; n < 5; n += 1)
      expect(await give(second, userOf(eve), WRONG)).toBe("wrong-code");
    expect(await give(second, userOf(eve), WRONG)).toBe("blocked");
    expect(await give(second, userOf(eve), await codeFor(site, BEN_MAILBOX, 2))).toBe("blocked");
    const third = (await claim(BEN_MAILBOX, userOf(eve))).json["id"] as string;
    const thirdCode = await codeFor(site, BEN_MAILBOX, 3);
    site.execute(`UPDATE claims SET expires_at = ${Date.now() - 1} WHERE id = '${third}'`);
    expect(await give(third, userOf(eve), thirdCode)).toBe("expired");
    const fourth = await claim(BEN_MAILBOX, userOf(eve));
    expect(fourth.status).toBe(409);
    expect(fourth.json).toMatchObject({ code: "NOT_ALLOWED" });
    expect(await linksOf(BEN_MAILBOX)).toEqual([]);
    const mallory = await site.stack.person("mallory");
    expect((await claim(BEN_MAILBOX, userOf(mallory))).status, "the limit is the mailbox's").toBe(
      409,
    );
    site.execute("DELETE FROM claims WHERE mailbox = '" + BEN_MAILBOX + "'");
  },
  LONG_MS,
);

test(
  "in a chat with the keeper a citizen asks for the code, gives it back, and learns nothing else",
  async () => {
    const ben = await site.stack.person("ben");
    const { client } = ben;
    const roomId = await client.createRoom({ is_direct: true, invite: [KEEPER] });
    const say = async (body: string) => {
      const known = answers(ben, roomId).length;
      await client.send(roomId, "m.room.message", { msgtype: "m.text", body });
      await ben.waitFor("an answer", () => answers(ben, roomId).length > known);
      return answers(ben, roomId).at(-1);
    };
    await ben.waitFor("the greeting", () => answers(ben, roomId).length > 0);
    expect(answers(ben, roomId)[0]).toContain("!postfach bestätigen <Code>");
    const before = site.stack.bundid.zbp.letters().length;
    const unknown = "00000000-1111-4222-8333-444455556666";
    const none = await say(`!postfach verknüpfen ${ACCOUNT} ${unknown}`);
    const elsewhere = await say(`!postfach verknüpfen nirgends ${BEN_MAILBOX}`);
    const asked = await say(`!postfach verknüpfen ${ACCOUNT} ${BEN_MAILBOX}`);
    expect(new Set([none, elsewhere, asked]).size, "no oracle about mailboxes").toBe(1);
    const code = await codeFor(site, BEN_MAILBOX, 4);
    expect(site.stack.bundid.zbp.letters().length - before).toBe(1);
    const wrong = await say(`!postfach bestätigen ${WRONG}`);
    expect(await linksOf(BEN_MAILBOX)).toEqual([]);
    expect(await say(`!Postfach bestaetigen ${code.toLowerCase()}`)).toContain("jetzt mit diesem");
    expect(await linksOf(BEN_MAILBOX)).toMatchObject([
      { user: userOf(ben), provenance: "claim", by: userOf(ben) },
    ]);
    expect(await say(`!postfach bestätigen ${code}`), "no oracle about codes").toBe(wrong);
    expect(await say("Guten Tag, wann bekomme ich Post?")).toContain("nicht übermittelt");
    const letter = await site.send({
      ...{ mailbox: BEN_MAILBOX, reference: "B-1", content: "Nun in Matrix" },
    });
    await ben.waitFor("his first letter", (it) => letterBlock(it)?.["message_id"] === letter);
  },
  LONG_MS,
);

/** What the keeper said in the chat, oldest first. */
function answers(reader: Reader, roomId: string): string[] {
  return (reader.rooms.get(roomId) ?? [])
    .filter(({ sender, type }) => sender === KEEPER && type === "m.room.message")
    .map(({ content }) => String(content["body"]));
}
