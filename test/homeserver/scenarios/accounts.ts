/** Who may speak, as whom, with which token: access tokens, masquerading, registration, log-in, devices, profiles. */
import { roomPath, seg, v3 } from "../parity-target.ts";
import type { NoteBook, ParityTarget, Scenario } from "../parity-target.ts";
import { MatrixClient } from "../../support/matrix-client.ts";

async function tokens(t: ParityTarget, book: NoteBook): Promise<void> {
  const user = await t.user("tokens");
  const whoami = `${v3}/account/whoami`;
  const token = user.options.accessToken;
  const nobody = new MatrixClient({ baseUrl: t.baseUrl });
  await book.ask("no token", nobody, "GET", whoami);
  const stranger = new MatrixClient({ baseUrl: t.baseUrl, accessToken: "wrong" });
  await book.ask("wrong token", stranger, "GET", whoami);
  const headers = { authorization: `Basic ${String(token)}` };
  await book.ask("not a bearer", nobody, "GET", whoami, { headers });
  await book.ask("in the query", nobody, "GET", whoami, { query: { access_token: token } });
  await book.ask("in both", user, "GET", whoami, { query: { access_token: token } });
  await book.ask("user", user, "GET", whoami);
  await book.ask("user names another", user, "GET", whoami, {
    query: { user_id: "@_pf_bot:hs.test" },
  });
  await book.ask("unknown path", user, "GET", `${v3}/there/is/no/such`);
  await book.ask("wrong method", user, "DELETE", `${v3}/createRoom`);
  await book.ask("not JSON", user, "POST", `${v3}/createRoom`, { raw: "{" });
  await book.ask("not an object", user, "POST", `${v3}/createRoom`, { raw: "[]" });
  await book.ask("empty body", user, "POST", `${v3}/createRoom`, { raw: "" });
}

async function masquerade(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("masque");
  const whoami = `${v3}/account/whoami`;
  await book.ask("sender", t.bridge, "GET", whoami);
  await book.ask("sender by name", t.bridge.as("@_pf_bot:hs.test"), "GET", whoami);
  await book.ask("ghost", ghost, "GET", whoami);
  await book.ask("outside the namespace", t.bridge.as("@somebody:hs.test"), "GET", whoami);
  await book.ask("unregistered ghost", t.bridge.as("@_pf_never:hs.test"), "GET", whoami);
  await book.ask("other server", t.bridge.as("@_pf_x:other.test"), "GET", whoami);
  await book.ask("not a user id", t.bridge.as("_pf_x"), "GET", whoami);
  const device = t.bridge.as(ghost.userId, "LEDGER");
  await book.ask("unknown device", device, "GET", whoami);
  await book.ask("create device", ghost, "PUT", `${v3}/devices/LEDGER`, { body: {} });
  await book.ask("known device", device, "GET", whoami);
  await book.ask("device of the sender", t.bridge.as("@_pf_bot:hs.test", "LEDGER"), "GET", whoami);
  await book.ask("ghost syncs", ghost, "GET", `${v3}/sync`, {
    query: { filter: '{"account_data":{"types":[]}}' },
  });
  await book.ask("sender syncs", t.bridge, "GET", `${v3}/sync`);
}

async function register(t: ParityTarget, book: NoteBook): Promise<void> {
  const path = `${v3}/register`;
  const type = "m.login.application_service";
  const nobody = new MatrixClient({ baseUrl: t.baseUrl });
  const stranger = new MatrixClient({ baseUrl: t.baseUrl, accessToken: "wrong" });
  const user = await t.user("registrar");
  const body = { type, username: "_pf_reg", inhibit_login: true };
  await book.ask("without token", nobody, "POST", path, { body });
  await book.ask("wrong token", stranger, "POST", path, { body });
  await book.ask("user token", user, "POST", path, { body });
  await book.ask("first", t.bridge, "POST", path, { body });
  await book.ask("again", t.bridge, "POST", path, { body });
  await book.ask("with log-in", t.bridge, "POST", path, { body: { type, username: "_pf_in" } });
  await book.ask("outside", t.bridge, "POST", path, {
    body: { type, username: "citizen", inhibit_login: true },
  });
  await book.ask("no name", t.bridge, "POST", path, { body: { type, inhibit_login: true } });
  await book.ask("name is a number", t.bridge, "POST", path, {
    body: { type, username: 7, inhibit_login: true },
  });
  await book.ask("upper case", t.bridge, "POST", path, {
    body: { type, username: "_pf_UPPER", inhibit_login: true },
  });
  await book.ask("bad characters", t.bridge, "POST", path, {
    body: { type, username: "_pf_ü b", inhibit_login: true },
  });
  await book.ask("full id", t.bridge, "POST", path, {
    body: { type, username: "@_pf_full:hs.test", inhibit_login: true },
  });
  await book.ask("the sender", t.bridge, "POST", path, {
    body: { type, username: "_pf_bot", inhibit_login: true },
  });
  await book.ask("the sender syncs all the same", t.bridge, "GET", `${v3}/sync`);
  await book.ask("without type", t.bridge, "POST", path, { body: { username: "_pf_plain" } });
  await book.ask("ordinary", nobody, "POST", path, { body: { username: "joe", password: "x" } });
}

async function login(t: ParityTarget, book: NoteBook): Promise<void> {
  const path = `${v3}/login`;
  await t.user("loginner");
  const ghost = await t.ghost("loginghost");
  const nobody = new MatrixClient({ baseUrl: t.baseUrl });
  const password = (user: string, word: string) => ({
    body: {
      type: "m.login.password",
      identifier: { type: "m.id.user", user },
      password: word,
      device_id: "PHONE",
    },
  });
  await book.ask("flows", nobody, "GET", path);
  await book.ask("password", nobody, "POST", path, password("loginner", "secret-loginner"));
  await book.ask("full id", nobody, "POST", path, password("@loginner:hs.test", "secret-loginner"));
  await book.ask("wrong password", nobody, "POST", path, password("loginner", "no"));
  await book.ask("unknown user", nobody, "POST", path, password("nobody", "no"));
  await book.ask("no type", nobody, "POST", path, { body: {} });
  await book.ask("unknown type", nobody, "POST", path, { body: { type: "m.login.magic" } });
  const service = (user: string) => ({
    body: { type: "m.login.application_service", identifier: { type: "m.id.user", user } },
  });
  await book.ask("as a ghost", t.bridge, "POST", path, service(ghost.userId));
  await book.ask("as a stranger", t.bridge, "POST", path, service("@loginner:hs.test"));
  await book.ask("as nobody", t.bridge, "POST", path, service("@_pf_nobody:hs.test"));
  await book.ask("without token", nobody, "POST", path, service(ghost.userId));
}

async function devices(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("gadget");
  const user = await t.user("gadgeteer");
  await book.ask("none yet", ghost, "GET", `${v3}/devices`);
  await book.ask("create", ghost, "PUT", `${v3}/devices/ONE`, { body: { display_name: "one" } });
  await book.ask("again", ghost, "PUT", `${v3}/devices/ONE`, { body: {} });
  await book.ask("read", ghost, "GET", `${v3}/devices/ONE`);
  await book.ask("list", ghost, "GET", `${v3}/devices`);
  await book.ask("delete", ghost, "DELETE", `${v3}/devices/ONE`, { body: {} });
  await book.ask("read deleted", ghost, "GET", `${v3}/devices/ONE`);
  await book.ask("delete again", ghost, "DELETE", `${v3}/devices/ONE`, { body: {} });
  await book.ask("name is no string", ghost, "PUT", `${v3}/devices/TWO`, {
    body: { display_name: 7 },
  });
  await book.ask("of the sender", t.bridge, "PUT", `${v3}/devices/BOT`, { body: {} });
  await book.ask("unknown by a user", user, "PUT", `${v3}/devices/NEW`, { body: {} });
}

async function profiles(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("face");
  const user = await t.user("viewer");
  const path = (id: string, rest = "") => `${v3}/profile/${seg(id)}${rest}`;
  await book.ask("fresh ghost", user, "GET", path(ghost.userId));
  const room = await ghost.createRoom({ preset: "private_chat" });
  await book.ask("set name", ghost, "PUT", path(ghost.userId, "/displayname"), {
    body: { displayname: "Amt für Musterwesen" },
  });
  await book.ask("read name", user, "GET", path(ghost.userId, "/displayname"));
  await book.ask("set avatar", ghost, "PUT", path(ghost.userId, "/avatar_url"), {
    body: { avatar_url: "mxc://hs.test/abc" },
  });
  await book.ask("read all", user, "GET", path(ghost.userId));
  const member = roomPath(room, `state/m.room.member/${seg(ghost.userId)}`);
  const inRoom = async () => (await ghost.call("GET", member))["avatar_url"] !== undefined;
  while (!(await inRoom()));
  await book.ask("in the room, later", ghost, "GET", member);
  await book.ask("name of another", user, "PUT", path(ghost.userId, "/displayname"), {
    body: { displayname: "x" },
  });
  await book.ask("unknown user", user, "GET", path("@unknown:hs.test"));
  await book.ask("no name in body", ghost, "PUT", path(ghost.userId, "/displayname"), { body: {} });
  await book.ask("name is no string", ghost, "PUT", path(ghost.userId, "/displayname"), {
    body: { displayname: 5 },
  });
  await book.ask("too long", ghost, "PUT", path(ghost.userId, "/displayname"), {
    body: { displayname: "x".repeat(300) },
  });
  await book.ask("empty", ghost, "PUT", path(ghost.userId, "/displayname"), {
    body: { displayname: "" },
  });
  await book.ask("after empty", user, "GET", path(ghost.userId, "/displayname"));
}

export const accountScenarios: readonly Scenario[] = [
  { name: "tokens", run: tokens },
  { name: "masquerading", run: masquerade },
  { name: "registration", run: register },
  { name: "log-in", run: login },
  { name: "devices", run: devices },
  { name: "profiles", run: profiles },
];
