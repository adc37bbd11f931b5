/** The command line brings in what lies on disk and in the old mailbox, beside a gateway that runs. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../../deploy/demo/gateway.ts";
import { letterBlock, until, type Reader } from "../../deploy/demo/reader.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import {
  COURT,
  LEGAL_OFFICE,
  LEGAL_OFFICE_ACCOUNT,
  type EgvpWorld,
} from "../../deploy/demo/worlds/egvp.ts";
import { NODE_ACCOUNT, NORA_MAILBOX, type FinkWorld } from "../../deploy/demo/worlds/fink.ts";
import { writeStored } from "../../fixtures/osci-archive/write.ts";
import { Party } from "../../fixtures/simulators/osci-intermediary/party.ts";
import { renderNachricht } from "../../fixtures/simulators/postkorb/index.ts";
import type { RoomEvent } from "../support/matrix-client.ts";

const dir = makeTemporaryFolder("history");
const PDF = Buffer.from("%PDF-1.7\n% Ladung\n%%EOF\n");
const WAIT_MS = 20_000;
let stack: Stack;
let egvp: EgvpWorld;
let fink: FinkWorld;
let clerk: Reader;
let nora: Reader;
/** Fetched by the client that is replaced; never fetched. */
let fetched: readonly string[];

beforeAll(async () => {
  stack = await startStack({
    ...{ dir: join(dir, "stack"), homeserver: "simulated", sweepEvery: "1s", firstRetry: "300ms" },
    ...{ egvp: { pollEvery: "300ms", cardsEvery: "10s" }, fink: true },
  });
  if (!stack.egvp || !stack.fink) throw new Error("a world is missing");
  ({ egvp, fink } = stack);
  [clerk, nora] = [await stack.person("rechtsamt"), await stack.person("nora")];
  await deposit("8 O 1/24", "Mailbox Nr. 1.");
  await deposit("8 O 1/24", "Mailbox Nr. 2.");
  const oldClient = new Party({
    ...{ intermediary: egvp.intermediary, cipher: egvp.office.cipher, signature: egvp.office.vhn },
  });
  fetched = (await oldClient.fetchAll()).map(({ messageId }) => messageId);
  oldClient.close();
  await stack.startGateway();
});
afterAll(async () => {
  await stack.close();
  rmSync(dir, { recursive: true, force: true });
});

/** `court`: its file number. */
function deposit(court: string, text: string) {
  return egvp.desk.depositLetter(
    {
      sender: { safeId: egvp.court.safeId, organisation: COURT },
      addressee: { safeId: egvp.office.safeId, organisation: LEGAL_OFFICE },
      ...{ subject: `Sache ${court}`, text, ours: court },
    },
    egvp.office.cipher.certPem,
  );
}

interface Document {
  readonly run: Readonly<Record<string, unknown>>;
  readonly verification: { readonly differenceCount: number };
}
async function migrate(account: string, from: string, ...more: readonly string[]) {
  const command = ["--json", "--config", stack.written.configFile, "migrate"];
  const { output, code } = await runCli([
    ...command,
    ...["--account", account, "--from", from, "--rate", "200"],
    ...more,
  ]);
  // The progress stands before the document.
  const document = JSON.parse(output.slice(output.search(/^\{/m))) as Document;
  return { code, document };
}

function write(path: string, content: string | Buffer): void {
  const file = join(dir, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** Our letters of one room, in its order; rooms in which `text` occurs. */
async function rooms(reader: Reader, text: string): Promise<readonly RoomEvent[][]> {
  await reader.look();
  const all = [...reader.rooms.values()].map((events) => events.filter((it) => letterBlock(it)));
  return all.filter((events) => events.some(({ content }) => String(content.body).includes(text)));
}
const linesOf = (events: readonly RoomEvent[], pattern: RegExp) =>
  events.flatMap(({ content }) => pattern.exec(String(content.body))?.[0] ?? []);
async function roomWith(reader: Reader, text: string, count: number, pattern: RegExp) {
  const look = async () => {
    const [room, second] = await rooms(reader, text);
    if (second) throw new Error("more than one room");
    return room && linesOf(room, pattern).length >= count ? room : undefined;
  };
  return until(`${count} letters in the room of ${text}`, look, WAIT_MS);
}

/** No client rings: a notice, without a mention. */
function expectQuiet(events: readonly RoomEvent[]): void {
  const letters = events.filter(({ content }) => content.msgtype !== "m.file");
  expect(new Set(letters.map(({ content }) => content.msgtype))).toEqual(new Set(["m.notice"]));
  for (const { content } of letters) expect(content["m.mentions"] ?? {}).toEqual({});
}

describe("an archive of EGVP messages", () => {
  const field = (name: string, value = "") => `<${name}>${value}</${name}>`;
  function stored(n: number, theirs: string, more: { at: string; files?: Record<string, Buffer> }) {
    const letter = [
      field("Nachrichtentyp", "Allgemeine Nachricht"),
      field("Empfaengerkennung", egvp.office.safeId),
      field("Betreff", `Sache ${theirs}`),
      field("Aktenzeichen_Absender", theirs),
      field("Freitext", `Archiv Nr. ${n}.`),
    ].join("");
    const card = field("Organisation", COURT) + field("Nutzer_ID", egvp.court.safeId);
    return writeStored({
      ...{ messageId: `govapp_archive_${n}`, depositedAt: more.at, fetchedAt: more.at },
      originatorCipher: egvp.court.cipher.certPem,
      originatorSignature: egvp.court.vhn.certPem,
      ...{ addressee: egvp.office.cipher.certPem, intermediary: egvp.manager },
      documents: {
        "nachricht.xml": field("Nachricht", letter),
        "visitenkarte.xml": field("Visitenkarte", card),
      },
      infos: `user_id=${egvp.court.safeId}\nsignature_level=no\n`,
      ...(more.files ? { files: more.files } : {}),
    });
  }
  const name = (n: number) => `egvp/${n}/oscicontentdata.osci`;

  test("stands in one room per case, as it was, and nothing is told", async () => {
    const before = egvp.intermediary.observations.ofType("FetchDelivery").length;
    // The names are in the opposite order of the times.
    write(name(3), stored(1, "12 C 34/24", { at: "2024-03-05T10:20:30+01:00" }));
    write(
      name(2),
      stored(2, "12 C 34/24", { at: "2024-03-06T08:00:00Z", files: { "Ladung.pdf": PDF } }),
    );
    write(name(1), stored(3, "12 C 34/24", { at: "2024-03-07T08:00:00Z" }));
    write(name(4), stored(4, "99 C 1/24", { at: "2024-01-01T08:00:00Z" }));
    write(
      "egvp/3/MsgProps.xml",
      "<EGVPMessageProps><MessageID>govapp_archive_1</MessageID><VhnText>Justiz</VhnText></EGVPMessageProps>",
    );
    write(
      "egvp/5/oscicontentdata.osci",
      stored(5, "1", { at: "2024-01-01T08:00:00Z" }).subarray(0, 4_000),
    );
    const from = `archive:${join(dir, "egvp")}`;
    const first = await migrate(LEGAL_OFFICE_ACCOUNT, from);
    expect(first.document.run).toMatchObject({ total: 4, stored: 4, quarantined: 1 });
    expect(first.document.verification.differenceCount).toBe(0);
    expect(first.code).toBe(1);

    const room = await roomWith(clerk, "Archiv Nr. 1.", 3, /Archiv Nr. \d/);
    expect(linesOf(room, /Archiv Nr. \d/)).toEqual([1, 2, 3].map((n) => `Archiv Nr. ${n}`));
    const letters = room.filter(({ content }) => /Archiv Nr/.test(String(content.body)));
    expect(letters.map((it) => new Date(it.origin_server_ts).toISOString())).toEqual([
      "2024-03-05T09:20:30.000Z",
      "2024-03-06T08:00:00.000Z",
      "2024-03-07T08:00:00.000Z",
    ]);
    expect(new Set(letters.map(({ sender }) => sender)).size).toBe(1);
    expect(String(letters[0]?.content.body)).toContain("Damals abgerufen: 05.03.2024, 10:20:30");
    expect(String(letters[0]?.content.body)).toContain("Damals angezeigte Herkunft: Justiz");
    expect(room.filter(({ content }) => content.msgtype === "m.file")).toHaveLength(1);
    expectQuiet(room);
    const other = await roomWith(clerk, "Archiv Nr. 4.", 1, /Archiv Nr. \d/);
    expect(other).not.toContain(letters[0]);

    await deposit("12 C 34/24", "Danach Nr. 9.");
    const later = await roomWith(clerk, "Danach Nr. 9.", 4, /(Archiv|Danach) Nr. \d/);
    expect(linesOf(later, /(Archiv|Danach) Nr. \d/).at(-1)).toBe("Danach Nr. 9");
    expect(linesOf(later, /Archiv Nr. 1/)).toHaveLength(1);
    expect(egvp.intermediary.observations.ofType("FetchDelivery").length).toBeGreaterThan(before);
    const again = await migrate(LEGAL_OFFICE_ACCOUNT, from);
    expect(again.document.run).toMatchObject({ total: 4, done: 4, stored: 4 });
    expect(again.document.verification.differenceCount).toBe(0);
  });
});

describe("the old mailbox itself", () => {
  test("what was fetched there before comes in, nothing is confirmed by it, what waits comes live", async () => {
    const { intermediary, office } = egvp;
    const cards = () => fetched.map((id) => intermediary.card(id)?.reception?.getTime());
    const before = cards();
    const { code, document } = await migrate(LEGAL_OFFICE_ACCOUNT, "mailbox");
    expect(document.run).toMatchObject({ total: 2, stored: 2, known: 0, quarantined: 0 });
    expect(document.verification.differenceCount).toBe(0);
    expect(code).toBe(0);
    const room = await roomWith(clerk, "Mailbox Nr. 1.", 2, /Mailbox Nr. \d/);
    expect(linesOf(room, /Mailbox Nr. \d/)).toEqual(["Mailbox Nr. 1", "Mailbox Nr. 2"]);
    const creations = fetched.map((id) => intermediary.card(id)?.creation.getTime());
    const letters = room.filter(({ content }) => /Mailbox Nr/.test(String(content.body)));
    expect(letters.map((it) => it.origin_server_ts)).toEqual(creations);
    expectQuiet(room);
    expect(cards()).toEqual(before);

    await deposit("8 O 1/24", "Mailbox Nr. 3.");
    const all = await roomWith(clerk, "Mailbox Nr. 3.", 3, /Mailbox Nr. \d/);
    expect(linesOf(all, /Mailbox Nr. \d/)).toEqual([1, 2, 3].map((n) => `Mailbox Nr. ${n}`));
    await until("it is confirmed", () =>
      intermediary.waiting(office.cipher.certPem).length === 0 ? true : undefined,
    );
    // What came live is not history, although it lies there like the others now.
    const again = await migrate(LEGAL_OFFICE_ACCOUNT, "mailbox");
    expect(again.document.run).toMatchObject({ total: 2, done: 2, stored: 2 });
    expect(again.code).toBe(0);
  });

  test("of a system that cannot be asked says which way is left", async () => {
    const { output, code } = await runCli([
      ...["--config", stack.written.configFile, "migrate"],
      ...["--account", NODE_ACCOUNT, "--from", "mailbox"],
    ]);
    expect(code).not.toBe(0);
    expect(output).toContain("take an export");
  });
});

describe("an archive of BspNachrichten", () => {
  const nachricht = (n: number, matter: string, createdAt: string, files = {}) =>
    renderNachricht({
      ...{ mailbox: NORA_MAILBOX, createdAt, subject: `Bescheid ${matter}`, ...files },
      id: `3f0c0d5e-0000-4000-8000-00000000000${n}`,
      text: `Bescheid Nr. ${n}.`,
      sender: `<Dienst>${matter}</Dienst><Mandant>Landratsamt</Mandant>`,
    });

  test("stands in one room per case, as it was, with its files; a live letter follows", async () => {
    const files = { files: [{ name: "Plan.pdf", type: "application/pdf", bytes: PDF }] };
    write("bsp/bauaufsicht/b.xml", nachricht(1, "Bau", "2023-05-01T09:00:00+02:00"));
    write("bsp/bauaufsicht/a.xml", nachricht(2, "Bau", "2023-06-01T09:00:00+02:00", files));
    write("bsp/bauaufsicht/c.xml", nachricht(3, "Abfall", "2023-01-01T09:00:00+01:00"));
    write("bsp/fremd/d.xml", nachricht(4, "Bau", "2023-01-01T09:00:00+01:00"));
    const { document, code } = await migrate(NODE_ACCOUNT, `archive:${join(dir, "bsp")}`);
    expect(document.run).toMatchObject({ total: 3, stored: 3, quarantined: 1, held: 0 });
    expect(document.verification.differenceCount).toBe(0);
    expect(code).toBe(1);
    const room = await roomWith(nora, "Bescheid Bau", 2, /Bescheid Nr. \d/);
    expect(linesOf(room, /Bescheid Nr. \d/)).toEqual(["Bescheid Nr. 1", "Bescheid Nr. 2"]);
    const letters = room.filter(({ content }) => /Bescheid Nr/.test(String(content.body)));
    expect(letters.map((it) => new Date(it.origin_server_ts).toISOString())).toEqual([
      "2023-05-01T07:00:00.000Z",
      "2023-06-01T07:00:00.000Z",
    ]);
    expect(room.filter(({ content }) => content.msgtype === "m.file")).toHaveLength(1);
    expectQuiet(room);
    expect(await rooms(nora, "Bescheid Abfall")).toHaveLength(1);
    expect(fink.node.requests).toBe(0);

    await fink.authority.sendNative(nachricht(5, "Bau", new Date().toISOString()));
    const all = await roomWith(nora, "Bescheid Nr. 5.", 3, /Bescheid Nr. \d/);
    expect(linesOf(all, /Bescheid Nr. \d/).at(-1)).toBe("Bescheid Nr. 5");
  });
});
