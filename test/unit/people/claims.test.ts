import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CoreConfig } from "../../../src/config/schema.ts";
import type { AcceptOptions } from "../../../src/bridge/contract.ts";
import type { IncomingMessage } from "../../../src/model/message.ts";
import bundid from "../../../bridges/bundid/index.ts";
import fink from "../../../bridges/fink/index.ts";
import osci from "../../../bridges/osci/index.ts";
import { createClaimDesk } from "../../../src/people/claim-desk.ts";
import { confirmClaim, requestClaim, type ClaimDeps } from "../../../src/people/claims.ts";
import { openTestStore, T0 } from "../../support/stores.ts";
import { accountSample } from "../matrix/account-sample.ts";
import { recordingLog } from "../matrix/support.ts";

const WISH = { account: "bauamt", mailbox: "m1", user: "@erika:example.org" };
const DAY = 86_400_000;
let bench: Awaited<ReturnType<typeof openTestStore>>;
let sent: { message: IncomingMessage; options: AcceptOptions | undefined }[];
let now: Date;
let deps: ClaimDeps;

beforeEach(async () => {
  bench = await openTestStore();
  sent = [];
  now = T0;
  const config = {
    accounts: [accountSample({ settings: { sender: {} } })],
    appservice: { prefix: "_postfach_" },
    homeserver: { name: "example.org", federate: false },
  } as unknown as CoreConfig;
  deps = {
    ...{ config, store: bench.store, now: () => now },
    derive: (purpose) => bench.sealer.derive(purpose),
    running: () => ({ capabilities: { legacyReaders: "forward" } }) as never,
    acceptor: {
      fromLegacy(_account, message, options) {
        sent.push({ message, options });
        return Promise.resolve({ outcome: "stored", id: "l" });
      },
    },
  };
});
afterEach(() => bench.dispose());

const codeIn = (n = 0) => /Einmalcode lautet: (\S+)/.exec(sent[n]?.message.text ?? "")?.[1] ?? "";

test("the code travels through the old mailbox only, and links whoever gives it back", async () => {
  const answer = await requestClaim(deps, WISH, "portal");
  const [letter] = sent;
  expect(letter?.options).toEqual({ destination: "legacy" });
  expect(letter?.message.to).toEqual([{ address: "m1", role: "citizen" }]);
  expect(codeIn()).toMatch(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
  const audit = JSON.stringify(await bench.store.listAudit({ limit: 10 }));
  expect(JSON.stringify(answer) + audit).not.toContain(codeIn().replace("-", ""));
  const asCopied = ` ${codeIn().toLowerCase().replace("-", " ").replaceAll("0", "o")} `;
  const given = { id: answer.id, user: WISH.user, code: asCopied };
  const result = await confirmClaim(deps, given, "portal");
  expect(result).toEqual({ result: "linked", account: "bauamt", mailbox: "m1", released: 0 });
  expect(await bench.store.linksOf("bauamt", "m1")).toMatchObject([
    { user: WISH.user, provenance: "claim", by: "portal" },
  ]);
});

test("a code is worth nothing for another user, another request, after its time, or after five tries", async () => {
  const first = await requestClaim(deps, WISH, "portal");
  const other = await requestClaim(deps, { ...WISH, mailbox: "m2" }, "portal");
  const code = codeIn();
  const give = async (fields: object) =>
    (await confirmClaim(deps, { id: first.id, user: WISH.user, code, ...fields }, "portal")).result;
  expect(await give({ user: "@eve:example.org" })).toBe("unknown");
  expect(await give({ id: other.id })).toBe("wrong-code");
  now = new Date(T0.getTime() + 14 * DAY);
  expect(await give({})).toBe("expired");
  now = T0;
  for (const wanted of ["wrong-code", "wrong-code", "wrong-code", "wrong-code", "blocked"])
    expect(await give({ code: "00000-00000" })).toBe(wanted);
  expect(await give({})).toBe("blocked");
  expect(await bench.store.mailboxesOf("bauamt", WISH.user)).toEqual([]);
});

test("the fourth code of a day is refused, and no letter leaves", async () => {
  for (let n = 0; n < 3; n += 1) await requestClaim(deps, WISH, "portal");
  await expect(requestClaim(deps, WISH, "portal")).rejects.toMatchObject({ code: "NOT_ALLOWED" });
  expect(sent).toHaveLength(3);
  expect(new Set(sent.map((_, n) => codeIn(n))).size).toBe(3);
  now = new Date(T0.getTime() + DAY + 1);
  await requestClaim(deps, WISH, "portal");
});

test("without a way into the old mailbox there is no claim, and ghosts claim nothing", async () => {
  const ghost = { ...WISH, user: "@_postfach_x:example.org" };
  await expect(requestClaim(deps, ghost, "p")).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  const kept = { ...deps, running: () => ({ capabilities: { legacyReaders: "kept" } }) as never };
  await expect(requestClaim(kept, WISH, "p")).rejects.toMatchObject({ code: "NOT_ALLOWED" });
  const off = { ...deps, running: () => undefined };
  await expect(requestClaim(off, WISH, "p")).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(sent).toEqual([]);
});

test("of the bridges that come along, only bundid writes into its citizens' old mailboxes", async () => {
  const through = (definition: { capabilities: object }) =>
    requestClaim({ ...deps, running: () => definition as never }, WISH, "portal");
  for (const definition of [osci, fink])
    await expect(through(definition)).rejects.toMatchObject({
      code: "NOT_ALLOWED",
      message: expect.stringContaining("no way to write into its old mailboxes") as string,
    });
  expect(sent).toEqual([]);
  await through(bundid);
  expect(sent).toHaveLength(1);
});

describe("the desk for readers", () => {
  const deskOf = (claimsInRoom?: "confirm" | "request") => {
    const accounts = [accountSample(claimsInRoom === undefined ? {} : { claimsInRoom })];
    const { log, lines } = recordingLog();
    const config = { ...deps.config, accounts };
    return { desk: createClaimDesk({ ...deps, config, log }, accounts), lines };
  };

  test("is closed unless an account opens it; confirm gives no code out", async () => {
    expect(deskOf().desk).toBeUndefined();
    const { desk, lines } = deskOf("confirm");
    expect(desk?.asks).toBe(false);
    await desk?.request(WISH);
    expect(sent).toEqual([]);
    expect(lines.map(({ event }) => event)).toEqual(["claim-not-sent"]);
    await requestClaim(deps, WISH, "portal");
    expect(await desk?.confirm(WISH.user, codeIn())).toEqual({ account: "bauamt", mailbox: "m1" });
  });

  test("answers a refusal like a success, and nothing of the log is a code", async () => {
    const { desk, lines } = deskOf("request");
    for (let n = 0; n < 5; n += 1) await desk?.request(WISH);
    await desk?.request({ ...WISH, account: "nowhere" });
    expect(sent, "three for a mailbox in a day").toHaveLength(3);
    expect(sent[0]?.message.text).toContain("@_postfach_keeper:example.org: !postfach bestätigen");
    expect(await desk?.confirm(WISH.user, codeIn(0)), "replaced").toBeUndefined();
    expect(await desk?.confirm("@eve:example.org", codeIn(2))).toBeUndefined();
    expect(await desk?.confirm(WISH.user, codeIn(2))).toEqual({ account: "bauamt", mailbox: "m1" });
    for (const n of [0, 1, 2]) expect(JSON.stringify(lines)).not.toContain(codeIn(n));
  });

  test("a database that is away is no answer: the chat tries again", async () => {
    const { desk } = deskOf("request");
    await bench.store.close();
    await expect(desk?.request(WISH)).rejects.toThrow();
  });
});

test("an account whose settings have no way out sends no code, whatever its bridge can do in general", async () => {
  const running = () =>
    ({ capabilities: { legacyReaders: "forward" }, legacyReader: () => "none" }) as never;
  await expect(requestClaim({ ...deps, running }, WISH, "p")).rejects.toMatchObject({
    code: "NOT_ALLOWED",
  });
  expect(sent).toEqual([]);
});
