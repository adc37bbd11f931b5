import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { openSender, type Content, type Speech } from "./bare.ts";
import { feedLetters, openDoor } from "./door.ts";
import { textsOf } from "./flow.ts";
import { readMark } from "./letters.ts";
import type { Plan } from "./plan.ts";
import { mailboxesOf, type Stage } from "./stage.ts";

/** Device of every ghost of the gateway. */
const DEVICE = "POSTFACH";

/** Loops without a gateway: what sender and homeserver can do by themselves. Each answers seconds. */
export interface Baselines {
  /** The sender of letters against a server that only answers. */
  feeder(letters: number): Promise<number>;
  /** Ghosts send what the gateway would send, into the same rooms. */
  ghosts(messages: number): Promise<number>;
  /** The people send what they write, into rooms that are none of the gateway's business. */
  people(messages: number): Promise<number>;
}

export async function makeBaselines(stage: Stage, plan: Plan): Promise<Baselines> {
  const letters = await readFirstLetters(stage);
  const otherRooms = await openOtherRooms(stage);
  const { asToken } = stage.settings;
  return {
    feeder: (count) => feedNobody(stage, plan, count),
    ghosts(messages) {
      const speeches = letters.map(({ roomId, ghost, content }, conversation) => ({
        ...{ roomId, token: asToken, ghost: { userId: ghost, deviceId: DEVICE } },
        contents: textsOf(plan, "bare", messages, conversation).map((body) => ({
          ...content,
          body,
        })),
      }));
      return timeSends(stage, speeches);
    },
    people(messages) {
      const speeches = stage.rooms.map(({ person }, conversation) => ({
        roomId: otherRooms[conversation] ?? "",
        token: person.client.options.accessToken ?? "",
        contents: textsOf(plan, "bare", messages, conversation).map((body) => ({
          msgtype: "m.text",
          body,
        })),
      }));
      return timeSends(stage, speeches);
    },
  };
}

async function timeSends({ homeserver }: Stage, speeches: readonly Speech[]): Promise<number> {
  const sender = openSender(homeserver.baseUrl);
  const start = performance.now();
  await sender.sendAll(speeches);
  const seconds = (performance.now() - start) / 1_000;
  await sender.close();
  return seconds;
}

/** The first letter of each room, as the gateway put it there: pattern of what the bare loop sends. */
async function readFirstLetters({ rooms }: Stage) {
  const letters: { roomId: string; ghost: string; content: Content }[] = [];
  for (const { roomId, person } of rooms) {
    const events = await person.client.timeline(roomId);
    const first = events.find((event) => readMark(String(event.content["body"] ?? "")));
    if (!first) throw new Error(`there is no letter in ${roomId}`);
    letters.push({ roomId, ghost: first.sender, content: first.content });
  }
  return letters;
}

/** As many rooms of two people each. */
async function openOtherRooms({ rooms, people }: Stage): Promise<readonly string[]> {
  const opened: string[] = [];
  for (const { person } of rooms) {
    const other = people[(people.indexOf(person) + 1) % people.length] ?? person;
    const roomId = await person.client.createRoom({
      preset: "private_chat",
      room_version: "11",
      invite: [other.client.userId],
    });
    await other.client.join(roomId);
    opened.push(roomId);
  }
  return opened;
}

async function feedNobody({ people }: Stage, plan: Plan, letters: number): Promise<number> {
  const worker = new Worker(new URL("./nobody-worker.ts", import.meta.url));
  const [url] = (await once(worker, "message")) as [string];
  const door = openDoor(url);
  const feed = { series: "nobody", letters, letterBytes: plan.letterBytes };
  const start = performance.now();
  await feedLetters((letter) => door.put(letter), {
    ...feed,
    mailboxes: mailboxesOf(plan, people),
  });
  const seconds = (performance.now() - start) / 1_000;
  await door.close();
  await worker.terminate();
  return seconds;
}
