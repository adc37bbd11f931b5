import { mkdirSync } from "node:fs";
import {
  startGatewayProcess,
  writeRegistration,
  type GatewayProcess,
} from "../../deploy/demo/gateway.ts";
import { findFreePort } from "../../deploy/tools/freeport.mjs";
import type { MatrixClient } from "../support/matrix-client.ts";
import { feedLetters, openDoor, type Door } from "./door.ts";
import { startBenchHomeserver, type BenchHomeserver, type HomeserverKind } from "./homeserver.ts";
import { readMark } from "./letters.ts";
import type { Plan } from "./plan.ts";
import { writeBenchSettings, type BenchSettings } from "./settings.ts";
import { openSink, type Sink } from "./sink.ts";
import { pause, until } from "./wait.ts";

export const SERVER_NAME = "bench.localhost";

export interface Person {
  readonly name: string;
  readonly mailbox: string;
  readonly client: MatrixClient;
}
/** The room of a conversation, and who reads and writes there. */
export interface CaseRoom {
  readonly roomId: string;
  readonly person: Person;
}

/** A homeserver, a gateway with the bench bridge, and people in open rooms. */
export interface Stage {
  readonly dir: string;
  readonly settings: BenchSettings;
  readonly homeserver: BenchHomeserver;
  readonly gateway: GatewayProcess;
  readonly door: Door;
  readonly sink: Sink;
  readonly people: readonly Person[];
  /** By conversation. */
  readonly rooms: readonly CaseRoom[];
  /** How long the first letters of all conversations took, which create ghosts, spaces and rooms; seconds. */
  readonly openingSeconds: number;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly dir: string;
  readonly kind: HomeserverKind;
  readonly plan: Plan;
  readonly sweepEvery?: string;
  /** Of the gateway's process. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startStage(options: StageOptions): Promise<Stage> {
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const end of closers.splice(0).reverse()) await end();
  };
  try {
    return { ...(await build(options, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(
  { dir, kind, plan, sweepEvery, env }: StageOptions,
  closers: (() => Promise<void>)[],
): Promise<Omit<Stage, "close">> {
  mkdirSync(dir, { recursive: true });
  const sink = await openSink();
  closers.push(() => sink.close());
  const port = await findFreePort();
  const planned = Array.from({ length: plan.people }, (_, n) => ({
    name: `leser-${n + 1}`,
    mailbox: `postfach-${n + 1}`,
  }));
  const settings = await writeBenchSettings({
    ...{ dir, serverName: SERVER_NAME, sinkUrl: sink.url, people: planned },
    homeserverUrl: `http://127.0.0.1:${port}`,
    ...(sweepEvery === undefined ? {} : { sweepEvery }),
  });
  await writeRegistration(settings);
  const { registrationFile } = settings;
  const start = { kind, dir, port, serverName: SERVER_NAME, registrationFile };
  const homeserver = await startBenchHomeserver(start);
  closers.push(() => homeserver.stop());
  const people: Person[] = [];
  for (const person of planned)
    people.push({ ...person, client: await homeserver.register(person.name) });
  const { adminPort } = settings;
  const process = { written: settings, dir, adminPort, ...(env ? { env } : {}) };
  const gateway = await startGatewayProcess(process);
  closers.push(() => gateway.stop());
  const door = openDoor(settings.doorUrl);
  closers.push(() => door.close());
  const opened = await openRooms(plan, door, people);
  return { dir, settings, homeserver, gateway, door, sink, people, ...opened };
}

/** Mailbox of each conversation: people take turns. */
export function mailboxesOf(plan: Plan, people: readonly Person[]): readonly string[] {
  return Array.from({ length: plan.conversations }, (_, n) => ownerOf(people, n).mailbox);
}
function ownerOf(people: readonly Person[], conversation: number): Person {
  const person = people[conversation % people.length];
  if (!person) throw new Error("a stage needs people");
  return person;
}

async function openRooms(
  plan: Plan,
  door: Door,
  people: readonly Person[],
): Promise<Pick<Stage, "rooms" | "openingSeconds">> {
  const mailboxes = mailboxesOf(plan, people);
  const start = Date.now();
  const letters = plan.conversations;
  const feed = { series: "open", letters, letterBytes: plan.letterBytes, mailboxes };
  await feedLetters((letter) => door.put(letter), feed);
  const { lastTold } = await until("the first letters of all conversations", async () => {
    const progress = await door.progress();
    return progress.told >= letters ? progress : undefined;
  });
  const found = new Map<number, CaseRoom>();
  for (const person of people) await joinAll(person, found);
  const rooms = mailboxes.map((_, conversation) => {
    const room = found.get(conversation);
    if (!room) throw new Error(`there is no room of conversation ${conversation}`);
    return room;
  });
  await pause(500); // the homeserver pushes the joins
  return { rooms, openingSeconds: (lastTold - start) / 1_000 };
}

async function joinAll(person: Person, found: Map<number, CaseRoom>): Promise<void> {
  const { client } = person;
  const answer = await client.sync({ timeout: 0 });
  for (const roomId of Object.keys(answer.rooms?.invite ?? {})) {
    await client.join(roomId);
    for (const event of await client.timeline(roomId)) {
      const mark = readMark(String(event.content["body"] ?? ""));
      if (mark) found.set(mark.conversation, { roomId, person });
    }
  }
}
