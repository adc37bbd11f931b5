import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../../deploy/demo/gateway.ts";
import { letterBlock } from "../../deploy/demo/reader.ts";
import { CLARA_MAILBOX } from "../../deploy/demo/worlds/bundid.ts";
import { startPeopleStack, type PeopleStack } from "./people-stack.ts";

/** Trust levels through the real bridge: what may not be in a room is in none of its events. */
const LONG_MS = 60_000;
const LINK = "https://portal.example.org/anmelden";
const policy = (above: "notice" | "hold", roomMaximum: number) => ({
  levels: { roomMaximum, above, link: LINK },
});
let site: PeopleStack;

beforeAll(async () => {
  site = await startPeopleStack("levels");
}, LONG_MS);
afterAll(async () => {
  await site.stack.close();
  rmSync(site.dir, { recursive: true, force: true });
});

/** Every event and every state of every room that Clara can see. */
const everythingInRooms = async () => {
  const { clara } = site.stack;
  const all: unknown[] = [];
  for (const roomId of await clara.client.joinedRooms())
    all.push(
      await clara.client.timeline(roomId),
      await clara.client.state(roomId, "m.room.name"),
      await clara.client.state(roomId, "m.room.topic"),
    );
  return JSON.stringify(all);
};
const letterNamed = async (id: string) =>
  (await site.ask(`/api/v1/letters/${id}`)).json as Record<string, unknown>;
const explained = async (id: string) => {
  const config = ["--config", site.stack.written.configFile];
  return (await runCli([...config, "plan", "explain", "--message", id])).output;
};
const letterIds = async () => {
  const { json } = await site.ask("/api/v1/letters?limit=1000");
  return json["letters"] as { id: string; state: string; direction: string }[];
};

test(
  "notice: the letter goes to the old mailbox, a link stands in the room, the letter itself in no event",
  async () => {
    await site.restart(policy("notice", 2));
    const { clara, bundid } = site.stack;
    const shown = await site.send({
      ...{ mailbox: CLARA_MAILBOX, reference: "L-1", content: "Sichtbar auf Stufe 2", level: 2 },
    });
    await clara.waitFor("the lower letter", (it) => letterBlock(it)?.["message_id"] === shown);
    const canary = "KANARIENVOGEL-HINWEIS";
    const id = await site.send({
      ...{ mailbox: CLARA_MAILBOX, reference: "L-1", content: canary, level: 3 },
    });
    const notice = await clara.waitFor("the notice", (it) =>
      String(it.content["body"]).includes(LINK),
    );
    expect(String(notice.event.content["body"])).toContain("Vertrauensniveau 3");
    const here = site.inOldMailbox(CLARA_MAILBOX, "Bescheid");
    expect(here.map(({ content }) => content)).toEqual([canary]);
    expect(bundid.zbp.letters()[0]?.letter.stork_qaa_level).toBe(3);
    expect(await everythingInRooms()).not.toContain(canary);
    const forwarded = (await letterIds()).find(({ direction }) => direction === "legacy → legacy");
    expect(forwarded).toMatchObject({ id, state: "delivered", remoteId: here[0]?.id });
    const why = await explained(forwarded?.id ?? "");
    expect(why).toContain("this one: level 3, rooms of this account show up to level 2, withheld");
    expect(why).toContain(`up to trust level 2; above: notice (${LINK})`);
    expect(await explained(shown)).toContain(
      "level 2, rooms of this account show up to level 2, shown",
    );
  },
  LONG_MS,
);

test(
  "hold: nobody is told, the letter waits in quarantine; released by an operator it is shown",
  async () => {
    await site.restart(policy("hold", 1));
    const canary = "KANARIENVOGEL-HALT";
    const before = await everythingInRooms();
    const id = await site.send({
      ...{ mailbox: CLARA_MAILBOX, reference: "L-1", content: canary, level: 4 },
    });
    expect(await letterNamed(id)).toMatchObject({ state: "held", code: "LEVEL_UNAVAILABLE" });
    const after = await site.send({
      ...{ mailbox: CLARA_MAILBOX, reference: "L-2", content: "Danach, Stufe 1" },
    });
    const { clara } = site.stack;
    await clara.waitFor("a later letter", (it) => letterBlock(it)?.["message_id"] === after);
    const now = await everythingInRooms();
    expect(now).not.toContain(canary);
    expect(now.split(LINK).length, "no new notice").toBe(before.split(LINK).length);
    const old = site.inOldMailbox(CLARA_MAILBOX, "Bescheid").map(({ content }) => content);
    expect(old).not.toContain(canary);
    expect(await explained(id)).toContain("above: hold");
    const { json } = await site.ask("/api/v1/quarantine");
    const items = json["items"] as { id: string; code: string }[];
    const item = items.find(({ code }) => code === "LEVEL_UNAVAILABLE");
    await site.ask(`/api/v1/quarantine/${item?.id ?? ""}/release`, {});
    await clara.waitFor("the released one", (it) => letterBlock(it)?.["message_id"] === id);
  },
  LONG_MS,
);

test(
  "a letter that waits for its level does not slip into the room by a restart or a laxer policy",
  async () => {
    await site.restart(policy("hold", 1));
    const canary = "KANARIENVOGEL-NEUSTART";
    const id = await site.send({
      ...{ mailbox: CLARA_MAILBOX, reference: "L-1", content: canary, level: 2 },
    });
    await site.restart(policy("hold", 4));
    const open = await site.send({
      ...{ mailbox: CLARA_MAILBOX, reference: "L-1", content: "Nun erlaubt", level: 4 },
    });
    const { clara } = site.stack;
    await clara.waitFor("the next letter", (it) => letterBlock(it)?.["message_id"] === open);
    expect((await letterNamed(id))["state"]).toBe("held");
    expect(await everythingInRooms()).not.toContain(canary);
  },
  LONG_MS,
);
