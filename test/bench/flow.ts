import { startClock, type Clock, type Usage } from "./clock.ts";
import { feedLetters } from "./door.ts";
import { keepBooks, letterText, readMark, shareOf, type Books, type Mark } from "./letters.ts";
import { openSender, type Speech } from "./bare.ts";
import { readCounters } from "./metrics.ts";
import type { Plan } from "./plan.ts";
import { mailboxesOf, type Stage } from "./stage.ts";
import { until, untilStill } from "./wait.ts";

/** One stretch of letters through the gateway. */
export interface Flow extends Usage {
  readonly letters: number;
  /** Until the last letter was where it belongs and its origin was told. */
  readonly seconds: number;
  /** Until the last letter was handed to the gateway. */
  readonly sendSeconds: number;
  /** Requests of the gateway to the homeserver meanwhile. */
  readonly requests: number;
}

export interface OutFlow extends Flow {
  /** Until also every status stood in its room. */
  readonly saidSeconds: number;
}

/** Legacy → Matrix. */
export async function flowIn(
  stage: Stage,
  plan: Plan,
  series: string,
  letters: number,
): Promise<Flow> {
  const { door, people } = stage;
  const requests = requestsOf(stage);
  const requestsBefore = await requests();
  const before = (await door.progress()).told;
  const clock = clockOf(stage);
  const feed = { series, letters, letterBytes: plan.letterBytes };
  await feedLetters((letter) => door.put(letter), {
    ...feed,
    mailboxes: mailboxesOf(plan, people),
  });
  const sendSeconds = clock.since(Date.now());
  const lastTold = await until(`${letters} letters of ${series} in Matrix`, async () => {
    const progress = await door.progress();
    return progress.told - before >= letters ? progress.lastTold : undefined;
  });
  const used = { ...clock.usage(), requests: (await requests()) - requestsBefore };
  return { letters, sendSeconds, seconds: clock.since(lastTold), ...used };
}

function requestsOf({ gateway, settings }: Stage): () => Promise<number> {
  const counters = readCounters(gateway, settings);
  return () => counters.read("postfach_matrix_requests_total");
}

/** Matrix → legacy: people write in their rooms. */
export async function flowOut(
  stage: Stage,
  plan: Plan,
  series: string,
  letters: number,
): Promise<OutFlow> {
  const { door, homeserver } = stage;
  const requests = requestsOf(stage);
  const sender = openSender(homeserver.baseUrl);
  const requestsBefore = await requests();
  const before = (await door.progress()).delivered;
  const clock = clockOf(stage);
  await sender.sendAll(speechesOf(stage, plan, series, letters));
  const sendSeconds = clock.since(Date.now());
  const last = await until(`${letters} letters of ${series} on the legacy side`, async () => {
    const progress = await door.progress();
    return progress.delivered - before >= letters ? progress.lastDelivered : undefined;
  });
  const still = await untilStill("the statuses", requests, 1_000, 100);
  await sender.close();
  const said = { saidSeconds: clock.since(still), requests: (await requests()) - requestsBefore };
  return { letters, sendSeconds, seconds: clock.since(last), ...said, ...clock.usage() };
}

/** What the people write: as many letters in every room, each with its mark. */
export function speechesOf(
  { rooms }: Stage,
  plan: Plan,
  series: string,
  letters: number,
): readonly Speech[] {
  return rooms.map(({ roomId, person }, conversation) => ({
    roomId,
    token: person.client.options.accessToken ?? "",
    contents: textsOf(plan, series, letters, conversation).map((body) => ({
      msgtype: "m.text",
      body,
    })),
  }));
}

export function textsOf(
  { conversations, letterBytes }: Plan,
  series: string,
  letters: number,
  conversation: number,
): readonly string[] {
  const length = shareOf(letters, conversations, conversation);
  return Array.from({ length }, (_, n) =>
    letterText({ series, conversation, n: n + 1 }, letterBytes),
  );
}

function clockOf({ gateway, homeserver }: Stage): Clock {
  const { pid } = homeserver;
  return startClock(gateway.child.pid, pid === undefined ? [] : [pid]);
}

/** What stands in the rooms, as the people see it there. */
export async function booksOfRooms(
  stage: Stage,
  plan: Plan,
  sent: Readonly<Record<string, number>>,
): Promise<readonly Books[]> {
  const arrivals: Mark[] = [];
  for (const { roomId, person } of stage.rooms)
    for (const event of await person.client.timeline(roomId)) {
      const mark = readMark(String(event.content["body"] ?? ""));
      if (mark && event.sender !== person.client.userId) arrivals.push(mark);
    }
  return booksOf(plan, sent, arrivals);
}

/** What the legacy side was handed. */
export async function booksOfDoor(
  { door }: Stage,
  plan: Plan,
  sent: Readonly<Record<string, number>>,
): Promise<readonly Books[]> {
  const marks = (await door.delivered()).map(({ firstLine }) => readMark(firstLine));
  return booksOf(
    plan,
    sent,
    marks.filter((mark) => mark !== undefined),
  );
}

function booksOf(
  { conversations }: Plan,
  sent: Readonly<Record<string, number>>,
  arrivals: readonly Mark[],
): readonly Books[] {
  return Object.entries(sent).map(([series, count]) =>
    keepBooks(series, count, conversations, arrivals),
  );
}
