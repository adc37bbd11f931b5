/** Making rooms in both versions: what comes about, what is refused, and what a refusal leaves behind. */
import { brief, seg, v3 } from "../parity-target.ts";
import type { NoteBook, ParityTarget, Scenario } from "../parity-target.ts";
import type { Json, MatrixClient } from "../../support/matrix-client.ts";

async function creation(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("creator");
  const user = await t.user("guest");
  for (const version of ["11", "12"])
    for (const preset of ["private_chat", "trusted_private_chat", "public_chat"]) {
      const room = await ghost.createRoom({
        room_version: version,
        preset,
        name: "Fall 7",
        topic: "Antrag",
        invite: [user.userId],
        creation_content: { "m.federate": false, type: "de.example.case" },
        initial_state: [
          { type: "de.example.case", content: { id: "x" } },
          { type: "m.room.history_visibility", content: { history_visibility: "joined" } },
          { type: "m.room.encryption", content: { algorithm: "m.megolm.v1.aes-sha2" } },
        ],
      });
      const timeline = await ghost.timeline(room);
      book.note(`${preset} v${version}`, timeline);
    }
}

async function creationRefused(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("refused");
  const user = await t.user("refuser");
  const other = await t.user("other");
  const create = (label: string, client: MatrixClient, body: Json) =>
    book.ask(label, client, "POST", `${v3}/createRoom`, { body });
  await create("plain", user, {});
  await create("unknown version", user, { room_version: "99" });
  await create("version is a number", user, { room_version: 11 });
  await create("unknown preset", user, { preset: "odd" });
  await create("bad invite", user, { invite: ["nobody"] });
  await create("invite unknown", user, { invite: ["@unknown:hs.test"] });
  await create("alias free", ghost, { room_alias_name: "_pf_case_1", room_version: "11" });
  await create("alias taken", ghost, { room_alias_name: "_pf_case_1", room_version: "11" });
  await create("alias exclusive", user, { room_alias_name: "_pf_case_2" });
  await create("alias outside", ghost, { room_alias_name: "free_case" });
  await create("alias with space", user, { room_alias_name: "a b" });
  await create("alias with colon", user, { room_alias_name: "a:b" });
  await create("alias too long", user, { room_alias_name: "a".repeat(300) });
  book.note("rooms of the ghost", (await ghost.joinedRooms()).length);
  const levels = (users: Json) => ({ power_level_content_override: { users } });
  const own = levels({ [user.userId]: 100 });
  await create("creator in levels v11", user, { room_version: "11", ...own });
  await create("creator in levels v12", user, { room_version: "12", ...own });
  const both = { room_version: "12", creation_content: { additional_creators: [other.userId] } };
  await create("two creators", user, both);
  await create("second creator in levels", user, { ...both, ...levels({ [other.userId]: 50 }) });
  await create("creator is no user", user, {
    room_version: "12",
    creation_content: { additional_creators: ["x"] },
  });
  const noRight = levels({ [other.userId]: 100 });
  await create("creator forgotten v11", user, { room_version: "11", ...noRight });
  await create("levels not an object", user, { power_level_content_override: [] });
  await create("level is text", user, {
    room_version: "11",
    power_level_content_override: { state_default: "50" },
  });
  await create("state not allowed", user, {
    room_version: "11",
    power_level_content_override: { events: { "m.room.name": 101 } },
    name: "x",
  });
  await create("initial state no list", user, { initial_state: {} });
  await create("creation content no object", user, { creation_content: "x" });
}

async function creationHalfDone(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("halfway");
  await book.ask("refused at the name", ghost, "POST", `${v3}/createRoom`, {
    body: {
      room_version: "11",
      room_alias_name: "_pf_halfway",
      power_level_content_override: { events: { "m.room.name": 101 } },
      name: "x",
    },
  });
  await book.ask("alias", ghost, "GET", `${v3}/directory/room/${seg("#_pf_halfway:hs.test")}`);
  const rooms = await ghost.joinedRooms();
  book.note("rooms", rooms.length);
  const timelines = await Promise.all(rooms.map((room) => ghost.timeline(room)));
  book.note(
    "events",
    timelines.map((events) => events.map(brief)),
  );
  await book.ask("again", ghost, "POST", `${v3}/createRoom`, {
    body: { room_alias_name: "_pf_halfway" },
  });
}

/** Two workers that make the same room at the same time. */
async function creationAtOnce(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("atonce");
  const body = { room_alias_name: "_pf_atonce", preset: "private_chat" };
  const replies = await Promise.all(
    Array.from({ length: 5 }, () => ghost.attempt("POST", `${v3}/createRoom`, { body })),
  );
  const answers = replies.map(({ status, body: answer }) => [status, answer["errcode"]].join(" "));
  book.note("made", answers.filter((answer) => answer.startsWith("200")).length);
  // Those who were too late to find the alias free, and those who found it free and lost the race.
  const refused = ["400 M_ROOM_IN_USE", "409 M_UNKNOWN"];
  book.note("refused", answers.filter((answer) => refused.includes(answer)).length);
  const rooms = await ghost.joinedRooms();
  const made = replies.find(({ status }) => status === 200)?.body["room_id"];
  book.note(
    "the alias leads to the room made",
    (await ghost.resolveAlias("#_pf_atonce:hs.test")) === made,
  );
  const sizes = await Promise.all(rooms.map(async (room) => (await ghost.allState(room)).length));
  book.note("state events of the rooms", sizes.sort());
}

/** Which refusals leave a room behind. */
async function creationRemains(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("remains");
  const other = await t.user("remains");
  const left = async (label: string, body: Json) => {
    const before = (await ghost.joinedRooms()).length;
    const reply = await ghost.attempt("POST", `${v3}/createRoom`, { body });
    const after = (await ghost.joinedRooms()).length;
    book.note(label, [reply.status, reply.body["errcode"], after - before]);
  };
  const users = { [ghost.userId]: 100 };
  await left("maker in levels", { room_version: "12", power_level_content_override: { users } });
  const none = { users: { [other.userId]: 1 } };
  await left("maker without level", { room_version: "11", power_level_content_override: none });
  const text = { room_version: "11", power_level_content_override: { state_default: "50" } };
  await left("level is text", text);
  await left("level is text v12", { ...text, room_version: "12" });
  await left("alias outside", { room_alias_name: "free_remains" });
  await left("bad invite", { invite: ["nobody"] });
  await left("name too large", { name: "x".repeat(70_000) });
  await left("initial state is bad", {
    initial_state: [{ type: "de.example.x", content: { x: 1.5 } }],
  });
  await left("initial state too large", {
    initial_state: [{ type: "de.example.x", content: { x: "x".repeat(70_000) } }],
  });
  await left("initial state without type", { initial_state: [{ content: {} }] });
  await left("creator is no user", {
    room_version: "12",
    creation_content: { additional_creators: ["x"] },
  });
  await left("levels of the initial state", {
    room_version: "11",
    initial_state: [
      { type: "m.room.power_levels", content: { users, state_default: 77 } },
      { type: "de.example.x", content: {} },
    ],
  });
  const rooms = await ghost.joinedRooms();
  const states = await Promise.all(rooms.map((room) => ghost.allState(room)));
  book.note("states", states.map((events) => events.map(brief).sort().join()).sort());
}

async function levelsOverride(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("levels");
  const user = await t.user("levelled");
  for (const version of ["11", "12"]) {
    const power = {
      users: { [user.userId]: 10, ...(version === "11" ? { [ghost.userId]: 100 } : {}) },
      redact: 101,
      invite: 100,
      events: { "m.room.redaction": 101, "m.room.name": 100 },
      state_default: 100,
    };
    const room = await ghost.createRoom({
      room_version: version,
      preset: "private_chat",
      power_level_content_override: power,
    });
    book.note(`v${version}`, await ghost.state(room, "m.room.power_levels"));
  }
}

export const roomCreationScenarios: readonly Scenario[] = [
  { name: "room creation", run: creation },
  { name: "room creation refused", run: creationRefused },
  { name: "room creation half done", run: creationHalfDone },
  { name: "room creation at once", run: creationAtOnce },
  { name: "room creation: what remains", run: creationRemains },
  { name: "power levels at creation", run: levelsOverride },
];
