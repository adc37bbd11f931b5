import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCli, startCli } from "../gateway.ts";
import { until } from "../reader.ts";
import { ACCOUNT, AUTHORITY, CLARA_MAILBOX, SERVICE } from "../worlds/bundid.ts";
import { checkRooms, isLetter, type Export, type OldLetter } from "./history-rooms.ts";
import { makePdf, type Journey } from "./steps.ts";

const CASES = 4;
const LETTERS_PER_CASE = 10;
const LETTERS = CASES * LETTERS_PER_CASE;
/** Slow enough to be killed in the middle, letters per second. */
const SLOW = 10;
const KILL_AFTER = 6;
const SHOWN = 20;
const DAY_MS = 86_400_000;
const BEGIN = Date.UTC(2021, 2, 1, 9);

/** What lay in the old mailbox moves into the rooms of its cases; nobody is rung up, and the old system hears nothing. */
export async function historyMoves(journey: Journey): Promise<void> {
  const { timeline } = journey;
  timeline.chapter(
    "8  Altbestand: Claras Schreiben aus früheren Jahren ziehen in die Räume ihrer Vorgänge",
  );
  const old = writeExport(journey);
  const told = whatLegacyHeard(journey);
  const source = ["--account", ACCOUNT, "--from", `jsonl:${old.file}`];
  const dry = await migrate(journey, [...source, "--dry-run"]);
  timeline.check(
    "erst ansehen: postfach-bridge migrate --dry-run nennt das eine, das nicht geht",
    dry.output.includes(`line ${LETTERS + 1}`),
    dry.output,
  );
  timeline.show(dry.output, SHOWN);
  await killInTheMiddle(journey, source);
  const moved = await migrate(journey, source);
  timeline.check(
    "noch einmal gestartet: es geht weiter, wo es stand, und alles stimmt",
    moved.output.includes("0 difference(s)"),
    moved.output,
  );
  timeline.show(moved.output, SHOWN);
  const verified = await migrate(journey, ["verify", "--account", ACCOUNT]);
  timeline.check("jederzeit wieder: postfach-bridge migrate verify", verified.ok, verified.output);
  const status = await migrate(journey, ["status", "--account", ACCOUNT]);
  timeline.check(
    "wie weit jede Quelle ist: postfach-bridge migrate status",
    status.ok,
    status.output,
  );
  const rooms = await checkRooms(journey, old);
  timeline.check(
    "dem Altsystem wurde nichts gesagt: keine Mail, keine Antwort, kein Schreiben",
    JSON.stringify(whatLegacyHeard(journey)) === JSON.stringify(told),
  );
  await rejectBroken(journey);
  await writeOn(journey, [...rooms][0] ?? ["", ""]);
}

function migrate({ stack }: Journey, args: readonly string[]) {
  return runCli(["migrate", ...args, "--config", stack.written.configFile]);
}

/** Both directions, the newest first, a file in every case, and one line whose file is not the one it names. */
function writeExport({ stack, timeline }: Journey): Export {
  const folder = join(stack.dir, "altbestand");
  mkdirSync(folder, { recursive: true });
  const plan = makePdf("Flurkarte von damals");
  writeFileSync(join(folder, "flurkarte.pdf"), plan);
  const sha256 = createHash("sha256").update(plan).digest("hex");
  const file = { name: "Flurkarte.pdf", mediaType: "application/pdf", file: "flurkarte.pdf" };
  const office = {
    address: `authority:${stack.bundid.ids.legacy.cn}`,
    name: AUTHORITY,
    role: "authority",
  };
  const clara = { address: CLARA_MAILBOX, name: "Clara Muster", role: "citizen" };
  const run = Date.now().toString(36);
  const cases = new Map<string, OldLetter[]>();
  const lines: string[] = [];
  for (let n = 0; n < LETTERS; n += 1) {
    const reference = `BV-2021-${n % CASES}-${run}`;
    const letter = {
      ...{ id: `alt-${run}-${n}`, at: BEGIN + n * DAY_MS, hasFile: n >= LETTERS - CASES },
      sent: Math.floor(n / CASES) % 3 === 2,
      text: `Schreiben ${n + 1} aus dem Jahr 2021`,
    };
    cases.set(reference, [...(cases.get(reference) ?? []), letter]);
    lines.push(
      JSON.stringify({
        ...{ id: letter.id, sentAt: new Date(letter.at), text: letter.text },
        ...(letter.sent
          ? { direction: "sent", from: clara, to: [office] }
          : { from: office, to: [clara] }),
        ...{ subject: "Bauvoranfrage", case: { reference } },
        ...(letter.hasFile ? { attachments: [{ ...file, sha256 }] } : {}),
        receipts: [{ kind: "retrieved", at: new Date(letter.at + DAY_MS / 2) }],
      }),
    );
  }
  const broken = { ...(JSON.parse(lines[1] ?? "") as object), id: `alt-${run}-kaputt` };
  const attachments = [{ ...file, sha256: "0".repeat(64) }];
  const path = join(folder, "letters.jsonl");
  writeFileSync(
    path,
    [...lines.reverse(), JSON.stringify({ ...broken, attachments }), ""].join("\n"),
  );
  timeline.say(
    "Altsystem",
    `${LETTERS} Schreiben in ${CASES} Vorgängen als letters.jsonl, eines beschädigt`,
    {
      Datei: path,
    },
  );
  return { file: path, cases, plan };
}

function whatLegacyHeard({ stack }: Journey) {
  const { zbp, mails } = stack.bundid;
  return {
    mails: mails.mails.length,
    letters: zbp.letters().length,
    replies: zbp.state.replies.length,
  };
}

async function killInTheMiddle({ stack, gateway, timeline }: Journey, source: readonly string[]) {
  const args = ["migrate", ...source, "--rate", `${SLOW}`, "--config", stack.written.configFile];
  const moving = startCli(args, join(stack.dir, "migrate.log"));
  const stored = async () => {
    const { letters } = (await gateway.admin(`/api/v1/letters?account=${ACCOUNT}&limit=1000`)) as {
      letters: { sourceId: string }[];
    };
    return letters.filter(({ sourceId }) => sourceId.startsWith("alt-")).length;
  };
  await until("some letters to be moved", async () => (await stored()) >= KILL_AFTER || undefined);
  await moving.kill();
  const { signal } = await moving.exited;
  // Clara is in the first rooms when the rest comes: it must not ring for her.
  await stack.clara.look();
  const count = await stored();
  timeline.check(
    `mittendrin mit kill -9 beendet: ${count} von ${LETTERS} waren übernommen`,
    signal === "SIGKILL" && count < LETTERS,
    `${signal ?? "ended by itself"} ${count}`,
  );
}

/** What cannot be moved is kept with its reason; the operator decides. */
async function rejectBroken({ stack, gateway, timeline }: Journey): Promise<void> {
  const { items } = (await gateway.admin("/api/v1/quarantine")) as {
    items: { id: string; sourceId: string; detail: string }[];
  };
  const [item, ...more] = items;
  timeline.check(
    "das beschädigte liegt in der Quarantäne, mit Grund",
    item?.sourceId.includes(`line ${LETTERS + 1}`) === true && more.length === 0,
    JSON.stringify(items),
  );
  const command = ["quarantine", "reject", item?.id ?? ""];
  const done = await runCli([...command, "--config", stack.written.configFile]);
  timeline.check("postfach-bridge quarantine reject", done.ok, done.output);
}

/** The old case goes on: today's letter comes into the same room, behind the history. */
async function writeOn(
  { stack, timeline }: Journey,
  [reference, roomId]: readonly [string, string],
) {
  const sent = await stack.bundid.legacy.sendLetter({
    mailboxUuid: CLARA_MAILBOX,
    title: "Bauvoranfrage",
    content: "<p>Schreiben von heute in einer alten Sache</p>",
    service: SERVICE,
    sender: AUTHORITY,
    level: 1,
    reference,
  });
  timeline.say("Fachverfahren", "schreibt in einem der alten Vorgänge weiter", {
    Aktenzeichen: reference,
    Antwort: sent.status,
  });
  const { event, roomId: found } = await stack.clara.waitFor("today's letter", (it) =>
    isLetter(it, "Schreiben von heute in einer alten Sache"),
  );
  const letters = (await stack.clara.client.timeline(roomId)).filter((it) => isLetter(it));
  timeline.check(
    "es kommt in denselben Raum, hinter den Altbestand, als richtiges Schreiben",
    found === roomId &&
      letters.at(-1)?.event_id === event.event_id &&
      event.content.msgtype === "m.text",
  );
}
